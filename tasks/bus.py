"""Carries events from where they are committed to who watches them.

The log is the truth and the bus a hint: it may lose, repeat, delay and reorder messages, or be
absent, and a watcher (`tasks/watch/`) still sees every event once and in order.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

import orjson

from tasks.models import TaskEvent


class Listener(Protocol):
    """Receives one owner's events, on the event loop that it subscribed on."""

    def receive(self, event: TaskEvent) -> None:
        """Take an event. Returns at once and never raises."""
        ...

    def catch_up(self) -> None:
        """Look into the log: the bus may have lost events. Returns at once, never raises."""
        ...


class Bus(Protocol):
    """Publishes events, and hands an owner's to who subscribed to them."""

    def publish(self, events: Sequence[TaskEvent]) -> None:
        """Send committed events on their way. Returns at once and never fails."""
        ...

    def is_heard(self, user_id: int) -> bool:
        """Say whether somebody may hear an owner's events: else they need not be made."""
        ...

    async def subscribe(self, user_id: int, listener: Listener) -> Callable[[], None]:
        """Hand the owner's events to `listener` until the returned function is called.

        Returns when every event published from now on will be handed over, or when the bus
        has not confirmed that in time; then it says `catch_up` once it can.
        """
        ...


class ProcessBus:
    """Carries events within one process, from any thread to any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, list[tuple[asyncio.AbstractEventLoop, Listener]]] = {}

    def publish(self, events: Sequence[TaskEvent]) -> None:
        """Hand events to the loops of those who listen."""
        for event in events:
            # Lists are replaced, never changed, so reading one needs no lock.
            for loop, listener in self._listeners.get(event.user_id, ()):
                try:
                    loop.call_soon_threadsafe(listener.receive, event)
                except RuntimeError:
                    continue  # The loop has closed; its listener goes with it.

    def is_heard(self, user_id: int) -> bool:
        """Say whether somebody listens to an owner at this moment."""
        return user_id in self._listeners

    async def subscribe(self, user_id: int, listener: Listener) -> Callable[[], None]:
        """Listen from now on."""
        entry = (asyncio.get_running_loop(), listener)
        with self._lock:
            self._listeners[user_id] = [*self._listeners.get(user_id, ()), entry]

        def unsubscribe() -> None:
            with self._lock:
                left = [each for each in self._listeners.get(user_id, ()) if each is not entry]
                if left:
                    self._listeners[user_id] = left
                else:
                    self._listeners.pop(user_id, None)

        return unsubscribe


def encode(event: TaskEvent) -> bytes:
    """Return an event as it travels between processes."""
    values = event.__dict__  # Without the descriptors, which cost more than the encoding.
    return orjson.dumps([values[name] for name in TaskEvent.columns()])


def decode(message: bytes) -> TaskEvent:
    """Return the event of a message.

    Raises:
        ValueError: It is none of ours, or another version's.
    """
    loaded: object = orjson.loads(message)
    names = TaskEvent.columns()
    if not isinstance(loaded, list):
        raise ValueError("a message that is no event")  # noqa: TRY004 - what `loads` raises, too
    values = cast("list[Any]", loaded)
    if len(values) != len(names):
        raise ValueError("an event of another version")
    at = names.index("at")
    values[at] = datetime.fromisoformat(values[at])
    return TaskEvent.of(values)
