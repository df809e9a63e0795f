"""How often one token may ask: a fixed window of a minute that starts with its first request.

The count is kept in Redis when there is one, so that it holds over all processes, and per
process otherwise, or while Redis does not answer.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.authentication import api_path
from api.rest import shapes
from tasks.principal import Principal
from tasks.shared_redis import SharedRedis

WINDOW_SECONDS: Final = 60
DEFAULT_LIMIT: Final = 600
#: Windows that one process keeps; at the bound the oldest go, which forgives their counts.
_WINDOWS_KEPT: Final = 10_000

#: Counts a request and says how many there were and how many milliseconds the window has left.
#: A key without an expiry, which only an interrupted server leaves behind, gets one.
_COUNT_SCRIPT: Final = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """A token's requests in the current window, this one included."""

    count: int
    seconds_left: float


class Counter(Protocol):
    """Counts requests by key."""

    async def count(self, key: str) -> Usage:
        """Count one request. Never fails."""
        ...


class ProcessCounter:
    """Counts in this process alone. For one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, list[float]] = {}  # key → [end, count], the oldest first

    async def count(self, key: str) -> Usage:
        """Count one request."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None or window[0] <= now:
            self._windows.pop(key, None)
            window = self._windows[key] = [now + WINDOW_SECONDS, 0]
            if len(self._windows) > _WINDOWS_KEPT:
                del self._windows[next(iter(self._windows))]
        window[1] += 1
        return Usage(int(window[1]), window[0] - now)


class RedisCounter:
    """Counts in Redis, with one script a request; in this process while Redis fails."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = SharedRedis(url, meanwhile="requests are counted per process", clock=clock)
        self._script = self._redis.script(_COUNT_SCRIPT)
        self._own = ProcessCounter(clock)

    async def count(self, key: str) -> Usage:
        """Count one request."""
        return await self._redis.ask(self._count, self._own.count, key)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def _count(self, key: str) -> Usage:
        count, left = await self._script(keys=[f"sluice:rate:{key}"], args=[WINDOW_SECONDS * 1000])
        return Usage(int(count), left / 1000)


class RateLimit:
    """Refuses an API request of a token that asks too often, and tells every other what is left.

    Stands behind the authentication: what has no principal is not counted.
    """

    def __init__(self, app: ASGIApp, counter: Counter, limit: int = DEFAULT_LIMIT) -> None:
        self._app = app
        self._counter = counter
        self._limit = limit
        self._shown = str(limit).encode()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Count the request and pass it on, or answer it with 429."""
        principal: Principal | None = scope.get("state", {}).get("principal")
        if scope["type"] != "http" or principal is None or api_path(scope) is None:
            return self._app(scope, receive, send)
        return self._count(principal, scope, receive, send)

    async def _count(
        self, principal: Principal, scope: Scope, receive: Receive, send: Send
    ) -> None:
        usage = await self._counter.count(_key(principal))
        left = str(max(0, self._limit - usage.count))
        if usage.count <= self._limit:
            raw = [(b"x-ratelimit-limit", self._shown), (b"x-ratelimit-remaining", left.encode())]
            return await self._app(scope, receive, _with_headers(send, raw))
        headers = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": left,
            "Retry-After": str(max(1, math.ceil(usage.seconds_left))),
        }
        response = shapes.message("Too Many Attempts.", status=429, headers=headers)
        return await response(scope, receive, send)


def _key(principal: Principal) -> str:
    """Name what is counted: the token, or the user where there is none."""
    if principal.token_id is None:
        return f"user:{principal.user_id}"
    return f"token:{principal.token_id}"


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        return send(message)

    return send_with_headers
