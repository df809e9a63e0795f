"""The end of background tasks."""

import asyncio
from typing import Any, Final

#: How long a task is given to end before it is asked again.
PATIENCE_SECONDS: Final = 0.1


async def end(*running: "asyncio.Task[Any]") -> None:
    """Cancel tasks, and wait until they have ended, however they end.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which libraries use, forgets a
    cancellation that comes at the moment at which what it waits for is done.
    """
    left: set[asyncio.Task[Any]] = set(running)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=PATIENCE_SECONDS)
        for task in ended:
            if not task.cancelled():
                task.exception()  # that it was looked at is all that matters
