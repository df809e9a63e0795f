"""What a token may spend: a bucket of points that fills up again at a steady rate.

Shopify's leaky bucket: an operation costs what it may answer at most, and is refused while the
bucket holds less than that.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

#: Buckets that one process keeps; at the bound the one not used longest goes, and is full again.
_BUCKETS_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much a bucket holds, and how fast it fills up again.

    The default is 600 operations a minute that show a page of a hundred tasks each.
    """

    capacity: int = 60_000
    per_second: int = 1_000


@dataclass(slots=True)
class Charge:
    """What an operation costs, and how the bucket stands after it."""

    cost: int
    rate: Rate
    available: int
    #: Until the bucket holds enough; None when the operation may run.
    seconds_to_wait: float | None = None

    def formatted(self) -> dict[str, Any]:
        """Return it as it stands in `extensions.cost`."""
        return {
            "requestedQueryCost": self.cost,
            "throttleStatus": {
                "maximumAvailable": self.rate.capacity,
                "currentlyAvailable": self.available,
                "restoreRate": self.rate.per_second,
            },
        }


class Bucket(Protocol):
    """Keeps a bucket for each key."""

    async def take(self, key: str, cost: int) -> Charge:
        """Take the cost out of a bucket, if it holds as much. Never fails."""
        ...


class ProcessBucket:
    """Keeps the buckets in this process alone. For one event loop."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, key: str, cost: int) -> Charge:
        """Take the cost out of a bucket, if it holds as much."""
        rate, now = self._rate, self._clock()
        level, since = self._levels.pop(key, None) or (float(rate.capacity), now)
        level = min(rate.capacity, level + (now - since) * rate.per_second)
        missing = min(cost, rate.capacity) - level
        if missing <= 0:
            level -= cost
        self._levels[key] = (level, now)
        if len(self._levels) > _BUCKETS_KEPT:
            self._levels.popitem(last=False)
        wait = None if missing <= 0 else missing / rate.per_second
        return Charge(cost, rate, max(0, math.floor(level)), wait)
