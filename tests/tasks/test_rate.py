"""The arithmetic of politeness, whoever counts."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.rate import Balance, Rate

RATES = st.builds(
    Rate,
    calls=st.integers(1, 500),
    seconds=st.floats(0.5, 3600),
    burst=st.integers(1, 50),
)
NOW = 1_780_000_000.0


@given(rate=RATES, pauses=st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_no_window_holds_more_calls_than_the_rate_allows(rate: Rate, pauses: list[float]) -> None:
    """However calls are asked for, and wherever the window is laid."""
    now, balance, starts = NOW, Balance(), list[float]()

    for pause in pauses:
        now += pause * rate.interval_seconds / 50
        starts.append(balance.start(rate, now=now))
        balance = balance.taken(rate, now=now)

    for first, beyond in zip(starts, starts[rate.calls :], strict=False):
        assert beyond - first >= rate.seconds


@given(rate=RATES)
def test_a_lowered_rate_is_the_slower_one(rate: Rate) -> None:
    """An operator makes it slower, never faster."""
    slow, fast = Rate(calls=1, seconds=7200), Rate(calls=100_000, seconds=1)

    assert rate.lowered_to(slow) == slow
    assert rate.lowered_to(fast) == rate
    assert rate.lowered_to(None) == rate


def test_what_the_host_grants_is_not_exceeded() -> None:
    """Three calls left until a time: the fourth begins then."""
    rate = Rate(calls=600, seconds=60, burst=300)
    balance = Balance().told(3, until=NOW + 30, now=NOW)

    starts: list[float] = []
    for _ in range(5):
        starts.append(balance.start(rate, now=NOW))
        balance = balance.taken(rate, now=NOW)

    assert starts == [NOW, NOW, NOW, NOW + 30, NOW + 30]


def test_calls_under_way_are_not_granted_twice() -> None:
    """A reply that left before the other calls arrived says more than is left."""
    rate = Rate(calls=600, seconds=60)
    balance = Balance().told(3, until=NOW + 30, now=NOW)
    balance = balance.taken(rate, now=NOW).taken(rate, now=NOW)

    balance = balance.told(3, until=NOW + 30.4, now=NOW)

    assert balance.granted == 1


def test_a_new_window_grants_anew() -> None:
    """A window that ends later is another one."""
    balance = Balance().told(1, until=NOW + 30, now=NOW)

    assert balance.told(20, until=NOW + 90, now=NOW + 31).granted == 20
