"""The tries of passwords at all processes, counted in one Redis."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

from api.session.throttle import WINDOW_SECONDS, ProcessAttempts, counted
from tasks.shared_redis import SharedRedis

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
        self._redis = SharedRedis(url, meanwhile="tries count per process", clock=clock)
        self._script = self._redis.script(_BEGIN_SCRIPT)
        self._own = ProcessAttempts(clock)

    async def begin(self, email: str, address: str) -> float:
        """Count a try as wrong, unless it has to wait; return the seconds."""
        return await self._redis.ask(self._begin, self._own.begin, email, address)

    async def succeeded(self, email: str, address: str) -> None:
        """Forget what somebody mistyped before they got it right."""
        await self._redis.ask(self._forget, self._own.succeeded, email, address)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def _begin(self, email: str, address: str) -> float:
        keys, most = zip(*counted(email, address), strict=True)
        milliseconds = await self._script(
            keys=[redis_key(*key) for key in keys], args=[int(WINDOW_SECONDS * 1000), *most]
        )
        return int(milliseconds) / 1000

    async def _forget(self, email: str, address: str) -> None:
        await self._redis.client.delete(redis_key(email, address))
        await self._own.succeeded(email, address)  # what was counted while Redis was away


def redis_key(email: str, address: str) -> str:
    """Name a count by its digest: what people type is long, or a secret in the wrong field."""
    digest = hashlib.sha256(f"{email}\n{address}".encode("utf-8", "surrogatepass"))
    return f"sluice:sign-in:{digest.hexdigest()}"
