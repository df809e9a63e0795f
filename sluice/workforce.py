"""The one place where the workers' side is joined: wake-ups, and the worker itself."""

import contextlib
from collections.abc import Generator

from sluice.settings import Settings
from tasks.ports import Sleeper, Waker


@contextlib.contextmanager
def embedded(settings: Settings) -> Generator[Waker]:
    """Run a worker's threads in this process; what is yielded wakes them."""
    del settings
    yield Sleeper()


def waker(settings: Settings) -> Waker:
    """Return what wakes workers in other processes, by the broker."""
    del settings
    return Sleeper()


def run(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM, and end it gracefully."""
    del settings
