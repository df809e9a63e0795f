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


@dataclass(frozen=True, slots=True)
class Reservation:
    """The wait before a call, and which of the budget's calls it is.

    If the wait is longer than was allowed, nothing was taken: it says when to come back and ask
    again, and the number is 0.
    """

    wait_seconds: float
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What was taken from a budget, and what its host said of it.

    Immutable. Times are seconds since 1970; 0 is long ago.
    """

    taken: int = 0  #: How many calls there were.
    due: float = 0.0  #: When they would all be due if they were evenly spread.
    held_until: float = 0.0  #: The host grants nothing before.
    granted: int = 0  #: How many calls the host grants until `granted_until`, if that is ahead.
    granted_until: float = 0.0
    line_until: float = 0.0  #: When the last of those who were sent away is to come back.

    def start(self, rate: Rate, *, now: float) -> float:
        """Return the time of the next call."""
        lead = (rate.at_once - 1) * rate.interval_seconds
        start = max(now, self.held_until, self.due - lead)
        if self.granted < 1 and start < self.granted_until:
            return self.granted_until
        return start

    def reserve(
        self, rate: Rate, *, now: float, max_wait_seconds: float
    ) -> tuple[Reservation, Self]:
        """Take the next call unless its wait is too long; returns it and what is left.

        Who is sent away comes back at a time of their own, one interval after the one before:
        all at once, all but the first would find nothing and have to go again.
        """
        start = self.start(rate, now=now)
        if start - now > max_wait_seconds:
            back = max(start, self.line_until)
            line_until = back + rate.interval_seconds
            return Reservation(back - now, 0), replace(self, line_until=line_until)
        left = replace(
            self,
            taken=self.taken + 1,
            due=max(self.due, start) + rate.interval_seconds,
            granted=self.granted - 1 if start < self.granted_until else 0,
        )
        return Reservation(start - now, left.taken), left

    def told(self, calls: int, *, until: float, number: int, now: float) -> Self:
        """Return what is left after the host answered a call, granting `calls` more until then.

        Calls that were taken after that `number` are under way and not counted by the host yet.
        Of two answers within one window the smaller holds, since calls may overtake each other.
        """
        if calls < 1:
            return replace(self, held_until=max(self.held_until, until))
        granted = calls - (self.taken - number)
        # Hosts that say how many seconds are left round them.
        if now >= self.granted_until or until > self.granted_until + 1.0:
            return replace(self, granted=granted, granted_until=until)
        if until < self.granted_until - 1.0:
            return self  # a late answer that speaks of the window before
        return replace(self, granted=min(self.granted, granted))
