"""The local budget and the ledger: one set of facts for both."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.budget import BudgetLedger
from tasks.database import Database
from workers.budget import Budget, LocalBudget, Rate

RATE = Rate(calls=60, seconds=60, burst=3)
EVEN = RATE.interval_seconds


def near(seconds: float) -> Any:
    """Return a wait as a running clock shows it."""
    return pytest.approx(seconds, abs=0.5)


async def taken(budget: Budget, key: str, number: int, *, most: float = 99.0) -> list[float]:
    """Take calls and return their waits."""
    reservations = [await budget.reserve(key, RATE, max_wait_seconds=most) for _ in range(number)]
    return [reservation.wait_seconds for reservation in reservations]


class BudgetFacts:
    """What holds for whoever counts."""

    @pytest.fixture
    def budget(self) -> Budget:
        """Return the budget; a subclass says which."""
        raise NotImplementedError

    async def test_a_burst_passes_and_then_the_rate_holds(self, budget: Budget) -> None:
        """Three at once, then evenly spread."""
        waits = await taken(budget, "host", 6)

        assert waits == [0, near(0), near(0), near(EVEN), near(2 * EVEN), near(3 * EVEN)]

    async def test_a_refused_call_takes_nothing(self, budget: Budget) -> None:
        """A wait that is too long leaves the budget as it was."""
        await taken(budget, "host", 5)

        await taken(budget, "host", 3, most=0.5)

        assert await taken(budget, "host", 1) == [near(3 * EVEN)]

    async def test_who_is_sent_away_comes_back_one_after_the_other(self, budget: Budget) -> None:
        """All at once, all but one would have to go again."""
        await taken(budget, "host", 5)

        waits = await taken(budget, "host", 3, most=0.5)

        assert waits == [near(3 * EVEN), near(4 * EVEN), near(5 * EVEN)]

    async def test_hosts_do_not_wait_for_each_other(self, budget: Budget) -> None:
        """Each key has its own budget, and so has each credential."""
        await taken(budget, "one", 9)

        assert await taken(budget, "other", 1, most=0) == [0]
        assert await taken(budget, "one f00", 1, most=0) == [0]

    async def test_a_hold_lasts_until_its_time(self, budget: Budget) -> None:
        """Nobody calls before it, and an earlier one does not shorten it."""
        await budget.hold("host", datetime.now(UTC) + timedelta(seconds=30))
        await budget.hold("host", datetime.now(UTC) + timedelta(seconds=3))

        assert await taken(budget, "host", 1, most=5) == [near(30)]

    async def test_what_the_host_grants_is_shared(self, budget: Budget) -> None:
        """Two calls left until a time: the third waits for it."""
        later = datetime.now(UTC) + timedelta(seconds=30)
        await budget.limit("host", 2, until=later, number=0)

        assert await taken(budget, "host", 3, most=5) == [0, near(0), near(30)]


class TestLocalBudget(BudgetFacts):
    """One event loop's own count."""

    @pytest.fixture
    def budget(self) -> Budget:
        """Return a new one."""
        return LocalBudget()


class TestLedger(BudgetFacts):
    """The count that all workers share."""

    @pytest.fixture
    def budget(self, database: Database) -> Budget:
        """Return the ledger of an empty database."""
        return BudgetLedger(database)


async def test_a_hold_of_the_local_budget_ends() -> None:
    """Afterwards the rate counts again."""
    now = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
    budget = LocalBudget(clock=lambda: now)
    await budget.hold("host", datetime.fromtimestamp(now + 30, UTC))

    held = await taken(budget, "host", 1, most=5)
    now += 31
    free = await taken(budget, "host", 1, most=5)

    assert (held, free) == ([30], [0])


async def test_the_operator_lowers_a_rate_and_never_raises_it(database: Database) -> None:
    """A slower rate for a host counts, a faster one does not."""
    ledger = BudgetLedger(
        database,
        rates={
            "slow.example": Rate(calls=2, seconds=60, burst=1),
            "fast.example": Rate(calls=1000, seconds=1),
        },
    )

    slow = await taken(ledger, "slow.example f00", 2)
    await taken(ledger, "fast.example", 4)

    assert slow == [0, near(31.5)]
    assert [shown.rate.calls for shown in await ledger.budgets()] == [60, 2]


async def test_budgets_can_be_seen(database: Database) -> None:
    """By host, with the time of the next call, and without the credential."""
    ledger = BudgetLedger(database)
    await taken(ledger, "b.example 0123456789ab", 1)
    await taken(ledger, "a.example", 5)

    held, free = await ledger.budgets()

    assert (held.host, held.has_credential) == ("a.example", False)
    assert held.held_until is not None
    assert (held.held_until - held.used_at).total_seconds() == near(3 * EVEN)
    assert (free.host, free.has_credential, free.held_until) == ("b.example", True, None)


async def test_a_time_that_has_passed_holds_nobody_up(database: Database) -> None:
    """It leaves no row either."""
    ledger = BudgetLedger(database)

    await ledger.hold("host", datetime.now(UTC) - timedelta(seconds=5))

    assert await ledger.budgets() == []
