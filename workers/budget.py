"""How often a host may be called: who counts for the runs of a worker.

The count is shared by whoever calls the host. `LocalBudget` shares it within one event loop;
`tasks.budget.BudgetLedger`, kept in the database, shares it between all workers.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tasks.rate import Balance, Rate, Reservation

__all__ = ["Budget", "LocalBudget", "Rate", "Reservation"]


class Budget(Protocol):
    """The calls that hosts grant."""

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> Reservation:
        """Take one call and return the wait before making it.

        If that is more than `max_wait_seconds`, nothing was taken: ask again after it.
        """
        ...

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`: the host said so."""
        ...

    async def limit(self, key: str, calls: int, *, until: datetime, number: int) -> None:
        """Grant at most `calls` more before `until`: the host said so to the call `number`."""
        ...


class LocalBudget:
    """Counts for one event loop. Budgets that say nothing any more are dropped."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._balances: dict[str, Balance] = {}

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> Reservation:
        """Take one call, as the protocol says."""
        now = self._clock()
        reservation, left = self._balances.get(key, Balance()).reserve(
            rate, now=now, max_wait_seconds=max_wait_seconds
        )
        self._balances[key] = left
        self._forget(now)
        return reservation

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`."""
        await self.limit(key, 0, until=until, number=0)

    async def limit(self, key: str, calls: int, *, until: datetime, number: int) -> None:
        """Grant at most `calls` more before `until`, as the protocol says."""
        self._balances[key] = self._balances.get(key, Balance()).told(
            calls, until=until.astimezone(UTC).timestamp(), number=number, now=self._clock()
        )

    def _forget(self, now: float) -> None:
        idle = [
            key
            for key, balance in self._balances.items()
            if max(balance.due, balance.held_until, balance.granted_until, balance.line_until) < now
        ]
        for key in idle:
            del self._balances[key]
