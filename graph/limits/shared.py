"""The buckets of all processes in one Redis, so that a token has one balance wherever it asks."""

import time
from collections.abc import Callable
from typing import Final

from graph.limits.bucket import Charge, ProcessBucket, Rate
from tasks.shared_redis import SharedRedis

_MILLION: Final = 1_000_000

#: Takes a cost out of a bucket, if it holds as much; answers with the level after it and with what
#: is missing, which is at most 0 when the cost was taken. The clock is Redis' own, since those of
#: the processes differ. A bucket that is full again need not be kept; the second on top of that
#: keeps it longer than any rounding.
#:
#: Levels are in millionths of a point and times in microseconds: then all numbers are whole, and
#: exact in Lua's doubles. `%.0f` writes them, as Lua's own notation has 14 digits.
_TAKE_SCRIPT: Final = """
local cost, capacity, per_second = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept = redis.call('HMGET', KEYS[1], 'level', 'since')
local level = tonumber(kept[1]) or capacity
-- A clock that was set back gives nothing, and takes nothing.
local elapsed = math.max(0, now - (tonumber(kept[2]) or now))
level = math.min(capacity, level + elapsed * per_second)
local missing = math.min(cost, capacity) - level
if missing <= 0 then
  level = level - cost
end
redis.call(
  'HSET', KEYS[1], 'level', string.format('%.0f', level), 'since', string.format('%.0f', now)
)
local until_full = math.ceil((capacity - level) / per_second / 1000)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', until_full + 1000))
return {level, missing}
"""


class RedisBucket:
    """Keeps the buckets in Redis, with one script a charge; in this process while Redis fails."""

    def __init__(self, url: str, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = SharedRedis(url, meanwhile="costs are charged per process", clock=clock)
        self._script = self._redis.script(_TAKE_SCRIPT)
        self._rate = rate
        self._own = ProcessBucket(rate, clock)

    async def take(self, key: str, cost: int) -> Charge:
        """Take the cost out of a bucket, if it holds as much."""
        return await self._redis.ask(self._take, self._own.take, key, cost)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def _take(self, key: str, cost: int) -> Charge:
        rate = self._rate
        level, missing = await self._script(
            keys=[f"sluice:cost:{key}"],
            args=[cost * _MILLION, rate.capacity * _MILLION, rate.per_second],
        )
        wait = None if missing <= 0 else missing / _MILLION / rate.per_second
        return Charge(cost, rate, max(0, level // _MILLION), wait)
