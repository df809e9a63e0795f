"""What all processes share in one Redis; each has its own in its place while Redis is away.

Losing Redis costs precision, never a request: whoever asks here gets an answer, soon.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, TypeVarTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

Answer = TypeVar("Answer")
Arguments = TypeVarTuple("Arguments")

#: How long the process's own serves before Redis is asked again after a failure.
PAUSE_SECONDS: Final = 5.0
#: Longer than Redis takes, short enough that a client does not notice one that hangs.
_TIMEOUT_SECONDS: Final = 0.25
#: Questions to Redis at a time; the others wait, which takes well under a millisecond each. The
#: client takes running out of its 100 connections for a failure, and a burst must not be what
#: makes a count forget.
_QUESTIONS: Final = 32

_log = logging.getLogger(__name__)


class SharedRedis:
    """Asks Redis, or what stands in for it while it fails. For one event loop.

    `meanwhile` says in the log what holds without Redis, such as "tries count per process".
    """

    def __init__(
        self, url: str, *, meanwhile: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its **kwargs
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the next question is the retry
        )
        self._meanwhile = meanwhile
        self._clock = clock
        self._paused_until = -math.inf
        self._questions = asyncio.Semaphore(_QUESTIONS)

    def script(self, text: str) -> AsyncScript:
        """Return a script that questions may run: one step for Redis, whoever else asks."""
        return self.client.register_script(text)

    async def ask(
        self,
        question: Callable[[*Arguments], Awaitable[Answer]],
        stand_in: Callable[[*Arguments], Awaitable[Answer]],
        *arguments: *Arguments,
    ) -> Answer:
        """Return the question's answer, or the stand-in's if Redis fails or did a moment ago."""
        async with self._questions:
            # Looked at after the wait: Redis may have failed meanwhile for those before.
            if self._clock() >= self._paused_until:
                try:
                    return await question(*arguments)
                except (RedisError, OSError) as error:
                    self._pause(error)
        return await stand_in(*arguments)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    def _pause(self, error: Exception) -> None:
        now = self._clock()
        # Questions that wait for a Redis that hangs fail together, and are one failure.
        if now >= self._paused_until:
            _log.warning("Redis does not answer; %s: %s", self._meanwhile, error)
        self._paused_until = now + PAUSE_SECONDS
