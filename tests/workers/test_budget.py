from datetime import UTC, datetime, timedelta

from workers.budget import LocalBudget, Rate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATE = Rate(calls=60, seconds=60, burst=3)


async def test_a_burst_passes_and_then_the_rate_holds() -> None:
    """Three at once, then one a second."""
    budget = LocalBudget(clock=lambda: 0.0)

    waits = [await budget.reserve("host", RATE, max_wait_seconds=5) for _ in range(6)]

    assert waits == [0, 0, 0, 1, 2, 3]


async def test_a_refused_call_takes_nothing() -> None:
    """A wait that is too long leaves the budget as it was."""
    budget = LocalBudget(clock=lambda: 0.0)
    for _ in range(4):
        await budget.reserve("host", RATE, max_wait_seconds=5)

    waits = [await budget.reserve("host", RATE, max_wait_seconds=1) for _ in range(3)]

    assert waits == [2, 2, 2]


async def test_hosts_do_not_wait_for_each_other() -> None:
    """Each key has its own budget."""
    budget = LocalBudget(clock=lambda: 0.0)
    for _ in range(9):
        await budget.reserve("one", RATE, max_wait_seconds=99)

    assert await budget.reserve("other", RATE, max_wait_seconds=0) == 0


async def test_a_hold_ends_at_its_time() -> None:
    """Nobody calls before it, and afterwards the rate counts again."""
    seconds = NOW.timestamp()
    budget = LocalBudget(clock=lambda: seconds)
    await budget.hold("host", NOW + timedelta(seconds=30))

    held = await budget.reserve("host", RATE, max_wait_seconds=5)
    seconds += 31
    free = await budget.reserve("host", RATE, max_wait_seconds=5)

    assert (held, free) == (30, 0)
