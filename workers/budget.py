"""How often a host may be called: who counts for the runs of a worker.

The count is shared by whoever calls the host. `LocalBudget` shares it within one event loop;
`tasks.budget.BudgetLedger`, kept in the database, shares it between all workers.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tasks.rate import Balance, Rate

__all__ = ["Budget", "LocalBudget", "Rate"]


class Budget(Protocol):
    """The calls that hosts grant."""

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> float:
        """Take one call and return the seconds to wait before making it.

        If that were more than `max_wait_seconds`, nothing is taken and the wait is returned.
        """
        ...

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`: the host said so."""
        ...

    async def limit(self, key: str, calls: int, *, until: datetime) -> None:
        """Grant at most `calls` more before `until`: the host said so."""
        ...


class LocalBudget:
    """Counts for one event loop. Budgets that say nothing any more are dropped."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._balances: dict[str, Balance] = {}

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> float:
        """Take one call, as the protocol says."""
        now = self._clock()
        balance = self._balances.get(key, Balance())
        wait = balance.start(rate, now=now) - now
        if wait <= max_wait_seconds:
            self._balances[key] = balance.taken(rate, now=now)
        self._forget(now)
        return wait

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`."""
        await self.limit(key, 0, until=until)

    async def limit(self, key: str, calls: int, *, until: datetime) -> None:
        """Grant at most `calls` more before `until`."""
        self._balances[key] = self._balances.get(key, Balance()).told(
            calls, until=until.astimezone(UTC).timestamp(), now=self._clock()
        )

    def _forget(self, now: float) -> None:
        idle = [
            key
            for key, balance in self._balances.items()
            if max(balance.due, balance.held_until, balance.granted_until) < now
        ]
        for key in idle:
            del self._balances[key]
