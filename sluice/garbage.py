"""Keeps the garbage collector from stopping the event loop for what is there to stay.

A full collection looks at every object: 270 ms at 1,000 subscriptions, measured. What the start
has made, and live connections as they come, are set aside, so that no collection looks at them
again; without references they are freed as ever. What lives for a request alone is collected in
lots that are larger than the default of 700 objects, and small enough for a millisecond: 50,000
took up to 50.
"""

import asyncio
import ctypes
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from tasks.ending import end

#: How often live connections are counted.
COUNT_SECONDS: Final = 0.25
#: So many more are set aside: about 30,000 objects, which takes 5 ms.
LOT: Final = 250


def collect_less() -> None:
    """Set aside what there is, give back what the start used, and collect in larger lots."""
    _set_aside()
    # Of the C library's heap, which keeps what was freed; only glibc's has such a thing.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    gc.set_threshold(5_000, 20, 100)


@asynccontextmanager
async def setting_aside(
    count: Callable[[], int], *, seconds: float = COUNT_SECONDS
) -> AsyncGenerator[None]:
    """Set live connections aside as they come; `count` says how many there are."""
    counting = asyncio.create_task(_set_aside_for_ever(count, seconds))
    try:
        yield
    finally:
        await end(counting)


async def _set_aside_for_ever(count: Callable[[], int], seconds: float) -> None:
    known = 0
    while True:
        await asyncio.sleep(seconds)
        found = count()
        if found >= known + LOT:
            _set_aside()
            known = found
        elif found < known / 2:
            known = found


def _set_aside() -> None:
    gc.collect()
    gc.freeze()
