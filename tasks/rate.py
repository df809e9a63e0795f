"""The arithmetic of politeness: how often a host may be called, and when the next call is due.

Pure: no clock, no database. Whoever counts (a process for itself, or the database for all
workers) keeps a `Balance` for each budget and puts its own clock's time in.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

#: Calls that leave evenly spaced arrive closer together now and then, and hosts count arrivals.
MARGIN: Final = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `calls` in any `seconds`; up to `burst` of them may follow each other at once.

    A burst costs steadiness: what it takes at once is missing from the pace that follows, so
    that no window of `seconds`, wherever it is laid, holds more than `calls`.
    """

    calls: int
    seconds: float
    burst: int = 10

    @property
    def at_once(self) -> int:
        """Return the burst that leaves at least half of the calls to the steady pace."""
        return max(min(self.burst, self.calls // 2), 1)

    @property
    def interval_seconds(self) -> float:
        """Return the time from one call to the next once the burst is used up."""
        return self.seconds * MARGIN / (self.calls - self.at_once + 1)

    def lowered_to(self, other: "Rate | None") -> "Rate":
        """Return the slower of both."""
        if other is None or self.interval_seconds >= other.interval_seconds:
            return self
        return other


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What was taken from a budget, and what its host said of it.

    Immutable. Times are seconds since 1970; 0 is long ago.
    """

    due: float = 0.0  #: When the calls so far would all be due if they were evenly spread.
    held_until: float = 0.0  #: The host grants nothing before.
    granted: int = 0  #: How many calls the host grants until `granted_until`, if that is ahead.
    granted_until: float = 0.0

    def start(self, rate: Rate, *, now: float) -> float:
        """Return the time of the next call."""
        start = max(now, self.held_until, self._due(now) - self._lead(rate))
        if self.granted < 1 and start < self.granted_until:
            return self.granted_until
        return start

    def taken(self, rate: Rate, *, now: float) -> Self:
        """Return what is left after the call at `start`."""
        start = self.start(rate, now=now)
        counts = start < self.granted_until
        return replace(
            self,
            due=max(self._due(now), start) + rate.interval_seconds,
            granted=self.granted - 1 if counts else 0,
        )

    def told(self, calls: int, *, until: float, now: float) -> Self:
        """Return what is left after the host said that it grants `calls` more until then.

        Calls that are under way were counted here and not yet by the host, so of two numbers
        for one window the smaller holds. A window that ends later is a new one.
        """
        if calls < 1:
            return replace(self, held_until=max(self.held_until, until))
        # Hosts that say how many seconds are left round them.
        if now < self.granted_until and until < self.granted_until + 1.0:
            return replace(self, granted=min(self.granted, calls))
        return replace(self, granted=calls, granted_until=until)

    def _due(self, now: float) -> float:
        return max(self.due, now)

    def _lead(self, rate: Rate) -> float:
        """Return by how much calls may run ahead of their even spread."""
        return (rate.at_once - 1) * rate.interval_seconds
