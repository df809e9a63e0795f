"""How often a host may be called: the rates that sources keep to, and who counts.

The count is shared by whoever calls the host. `LocalBudget` shares it within one event loop;
a budget kept in the database shares it between all workers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`calls` in any `seconds`; up to `burst` of them may follow each other at once."""

    calls: int
    seconds: float
    burst: int = 10


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


class LocalBudget:
    """Counts for one event loop, by the generic cell rate algorithm.

    A key's state is one time: when its calls so far would be due if evenly spread. Keys whose
    time has passed say nothing any more and are dropped.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}
        self._held: dict[str, float] = {}

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> float:
        """Take one call, as the protocol says."""
        now = self._clock()
        interval = rate.seconds / rate.calls
        due = max(self._due.get(key, now), now)
        start = max(due - (rate.burst - 1) * interval, self._held.get(key, now), now)
        if start - now <= max_wait_seconds:
            self._due[key] = max(due, start) + interval
        self._forget(now)
        return start - now

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`."""
        self._held[key] = max(self._held.get(key, 0.0), until.astimezone(UTC).timestamp())

    def _forget(self, now: float) -> None:
        for times in (self._due, self._held):
            for key in [key for key, at in times.items() if at < now]:
                del times[key]
