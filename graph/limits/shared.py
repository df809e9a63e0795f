"""The buckets of all processes in one Redis, so that a token has one balance wherever it asks."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from graph.limits.bucket import Charge, ProcessBucket, Rate

logger = logging.getLogger(__name__)

#: How long the process's own buckets serve before Redis is asked again after a failure.
_REDIS_PAUSE_SECONDS: Final = 5.0
#: Longer than Redis takes, short enough that a client does not notice one that hangs.
_REDIS_TIMEOUT_SECONDS: Final = 0.25
#: Charges on their way to Redis at a time; the others wait. The client has 100 connections, and
#: takes one more for a failure.
_CONNECTIONS: Final = 32
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
        self._redis: Redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its **kwargs
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the next operation is the retry
        )
        self._script = self._redis.register_script(_TAKE_SCRIPT)
        self._rate = rate
        self._fallback = ProcessBucket(rate, clock)
        self._clock = clock
        self._paused_until = -math.inf
        self._connections = asyncio.Semaphore(_CONNECTIONS)

    async def take(self, key: str, cost: int) -> Charge:
        """Take the cost out of a bucket, if it holds as much."""
        async with self._connections:
            # Asked after the wait: Redis may have failed meanwhile for those before.
            answer = None if self._clock() < self._paused_until else await self._asked(key, cost)
        if answer is None:
            return await self._fallback.take(key, cost)
        rate, (level, missing) = self._rate, answer
        wait = None if missing <= 0 else missing / _MILLION / rate.per_second
        return Charge(cost, rate, max(0, level // _MILLION), wait)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, key: str, cost: int) -> tuple[int, int] | None:
        """Return the level and what is missing, in millionths; None if Redis fails."""
        capacity, per_second = self._rate.capacity, self._rate.per_second
        try:
            level, missing = await self._script(
                keys=[f"sluice:cost:{key}"],
                args=[cost * _MILLION, capacity * _MILLION, per_second],
            )
        except (RedisError, OSError) as error:
            self._pause(error)
            return None
        return int(level), int(missing)

    def _pause(self, error: Exception) -> None:
        now = self._clock()
        # Charges that wait for a Redis that hangs fail together, and are one failure.
        if now >= self._paused_until:
            logger.warning("Redis does not answer; costs are charged per process: %s", error)
        self._paused_until = now + _REDIS_PAUSE_SECONDS
