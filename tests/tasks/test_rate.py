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
        reservation, balance = balance.reserve(rate, now=now, max_wait_seconds=1e9)
        starts.append(now + reservation.wait_seconds)

    for first, beyond in zip(starts, starts[rate.calls :], strict=False):
        assert beyond - first >= rate.seconds


@given(rate=RATES)
def test_a_lowered_rate_is_the_slower_one(rate: Rate) -> None:
    """An operator makes it slower, never faster."""
    slow, fast = Rate(calls=1, seconds=7200), Rate(calls=100_000, seconds=1)

    assert rate.lowered_to(slow) == slow
    assert rate.lowered_to(fast) == rate
    assert rate.lowered_to(None) == rate


FAST = Rate(calls=600, seconds=60, burst=300)


def take(balance: Balance, number: int) -> tuple[list[float], Balance]:
    """Take calls at once; returns their waits and what is left."""
    waits: list[float] = []
    for _ in range(number):
        reservation, balance = balance.reserve(FAST, now=NOW, max_wait_seconds=99)
        waits.append(reservation.wait_seconds)
    return waits, balance


def test_what_the_host_grants_is_not_exceeded() -> None:
    """Three calls left until a time: the fourth begins then."""
    _, balance = take(Balance(), 1)

    waits, _ = take(balance.told(3, until=NOW + 30, number=1, now=NOW), 5)

    assert waits == [0, 0, 0, 30, 30]


def test_calls_under_way_are_not_granted_twice() -> None:
    """The host answered the first of five calls: it has not counted the others yet."""
    _, balance = take(Balance(), 5)

    waits, _ = take(balance.told(6, until=NOW + 30, number=1, now=NOW), 3)

    assert waits == [0, 0, 30]


def test_the_order_of_answers_makes_no_difference() -> None:
    """Each says how many are left after its own call."""
    _, balance = take(Balance(), 3)

    for number in (2, 1, 3):
        balance = balance.told(10 - number, until=NOW + 30.4, number=number, now=NOW)

    assert balance.granted == 7


def test_a_late_answer_of_the_window_before_says_nothing() -> None:
    """Nor does it end the new window."""
    _, balance = take(Balance(), 2)
    balance = balance.told(20, until=NOW + 90, number=2, now=NOW)

    assert balance.told(1, until=NOW + 30, number=1, now=NOW) == balance


def test_a_new_window_grants_anew() -> None:
    """A window that ends later is another one."""
    balance = Balance().told(1, until=NOW + 30, number=0, now=NOW)

    assert balance.told(20, until=NOW + 90, number=0, now=NOW + 31).granted == 20
