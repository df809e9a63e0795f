"""The tries of passwords at all processes, counted in one Redis."""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.session.throttle import WINDOW_SECONDS, ProcessAttempts, counted

logger = logging.getLogger(__name__)

#: How long the per-process count serves before Redis is asked again after a failure.
_REDIS_PAUSE_SECONDS: Final = 5.0
#: Longer than Redis takes, short enough that a person does not notice one that hangs.
_REDIS_TIMEOUT_SECONDS: Final = 0.25
#: Questions to Redis at a time. Its client takes running out of connections for a failure, and a
#: burst of tries must not be what makes the count forget.
_CONNECTIONS: Final = 16

#: Says how many milliseconds the try has to wait, or counts it for each key, and says 0. One step,
#: so that of tries at once no more pass than may.
_BEGIN_SCRIPT: Final = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[i + 1]) then
    wait = math.max(wait, redis.call('PTTL', key))
  end
end
if wait > 0 then
  return wait
end
for _, key in ipairs(KEYS) do
  redis.call('INCR', key)
  if redis.call('PTTL', key) < 0 then
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
return 0
"""


class RedisAttempts:
    """Counts in Redis, with one script a try; in this process while Redis fails."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its **kwargs
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the next try is the retry
        )
        self._script = self._redis.register_script(_BEGIN_SCRIPT)
        self._fallback = ProcessAttempts(clock)
        self._clock = clock
        self._paused_until = -math.inf
        self._connections = asyncio.Semaphore(_CONNECTIONS)

    async def begin(self, email: str, address: str) -> float:
        """Count a try as wrong, unless it has to wait; return the seconds."""
        keys, most = zip(*counted(email, address), strict=True)
        milliseconds = await self._asked(
            lambda: self._script(
                keys=[redis_key(*key) for key in keys], args=[int(WINDOW_SECONDS * 1000), *most]
            )
        )
        if milliseconds is None:
            return await self._fallback.begin(email, address)
        return milliseconds / 1000

    async def succeeded(self, email: str, address: str) -> None:
        """Forget what somebody mistyped before they got it right."""
        await self._fallback.succeeded(email, address)
        await self._asked(lambda: self._redis.delete(redis_key(email, address)))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, question: Callable[[], Any]) -> int | None:
        """Return Redis' answer; None if it fails, or did a moment ago."""
        async with self._connections:
            if self._clock() < self._paused_until:
                return None
            try:
                return int(await question())
            except (RedisError, OSError) as error:
                now = self._clock()
                # Tries that wait for a Redis that hangs fail together, and are one failure.
                if now >= self._paused_until:
                    logger.warning("Redis does not answer; tries count per process: %s", error)
                self._paused_until = now + _REDIS_PAUSE_SECONDS
                return None


def redis_key(email: str, address: str) -> str:
    """Name a count by its digest: what people type is long, or a secret in the wrong field."""
    digest = hashlib.sha256(f"{email}\n{address}".encode("utf-8", "surrogatepass"))
    return f"sluice:sign-in:{digest.hexdigest()}"
