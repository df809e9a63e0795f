"""Carries events from where they are committed to who watches them.

The log is the truth and the bus a hint: it may lose, repeat, delay and reorder messages, or be
absent, and a watcher (`tasks/watch/`) still sees every event once and in order.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeAlias, cast

import orjson

from tasks.models import TaskEvent

#: Makes an event of what was committed: most owners watch nothing, and theirs is never made.
MakeEvent: TypeAlias = Callable[[], TaskEvent]


class Listener(Protocol):
    """Receives one owner's events, on the event loop that it subscribed on."""

    def receive(self, event: TaskEvent) -> None:
        """Take an event. Returns at once and never raises."""
        ...

    def catch_up(self) -> None:
        """Look into the log: the bus may have lost events. Returns at once, never raises."""
        ...


class Subscription(Protocol):
    """What a listener holds while it listens."""

    async def confirmed(self) -> None:
        """Return when every event published from now on will be handed over.

        Or when the bus has not said so in time; then the listener is told to `catch_up` once it
        has.
        """
        ...

    def end(self) -> None:
        """Hand over nothing more."""
        ...


class Bus(Protocol):
    """Publishes events, and hands an owner's to who subscribed to them."""

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Send an owner's committed event on its way. Returns at once and never fails.

        The event is made only if somebody may hear it, then or a little later.
        """
        ...

    def subscribe(self, user_id: int, listener: Listener) -> Subscription:
        """Begin to hand the owner's events to `listener`. Belongs to the running loop."""
        ...


class ProcessBus:
    """Carries events within one process, from any thread to any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, tuple[_Near, ...]] = {}

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Hand an event to the loops of those who listen."""
        # Tuples are replaced, never changed, so reading one needs no lock.
        listening = self._listeners.get(user_id)
        if listening is None:
            return
        event = make()
        for near in listening:
            try:
                near.loop.call_soon_threadsafe(near.listener.receive, event)
            except RuntimeError:
                continue  # The loop has closed; its listener goes with it.

    def subscribe(self, user_id: int, listener: Listener) -> Subscription:
        """Listen from now on."""
        subscription = _Near(self, user_id, asyncio.get_running_loop(), listener)
        with self._lock:
            self._listeners[user_id] = (*self._listeners.get(user_id, ()), subscription)
        return subscription

    def leave(self, subscription: "_Near") -> None:
        """Forget who listens no more."""
        user_id = subscription.user_id
        with self._lock:
            left = tuple(s for s in self._listeners.get(user_id, ()) if s is not subscription)
            if left:
                self._listeners[user_id] = left
            else:
                self._listeners.pop(user_id, None)


class _Near:
    """Who listens within the process."""

    __slots__ = ("_bus", "listener", "loop", "user_id")

    def __init__(
        self, bus: ProcessBus, user_id: int, loop: asyncio.AbstractEventLoop, listener: Listener
    ) -> None:
        self._bus = bus
        self.user_id = user_id
        self.loop = loop
        self.listener = listener

    async def confirmed(self) -> None:
        """Return: it is."""

    def end(self) -> None:
        """Leave."""
        self._bus.leave(self)


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
