"""Sending wake-ups: off the caller's path, and never more than are worth sending."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import dramatiq

_log = logging.getLogger(__name__)


class BrokerWaker:
    """Implements `tasks.ports.Waker` over a broker.

    Dramatiq's `enqueue` blocks (0.2 ms on Redis, for ever on a Redis that hangs), so a thread
    sends. Wishes that come while it sends are one wish: whoever takes the message claims until
    nothing is left, and asks for a companion if there is more.
    """

    def __init__(
        self, broker: dramatiq.Broker, message: Callable[[], "dramatiq.Message[Any]"]
    ) -> None:
        self._enqueue: Callable[[dramatiq.Message[Any]], object] = broker.enqueue  # pyright: ignore[reportUnknownMemberType] - Dramatiq leaves the result's type open
        self._message = message
        self._wanted = threading.Event()
        self._closing = False
        self._failing = False
        self._thread = threading.Thread(target=self._send, name="waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ask for a wake-up; returns at once, from any thread."""
        self._wanted.set()

    def close(self) -> None:
        """Send what was asked for, then stop; waits at most 2 seconds."""
        self._closing = True
        self._wanted.set()
        self._thread.join(timeout=2.0)

    def _send(self) -> None:
        while True:
            self._wanted.wait()
            if self._closing:
                return
            self._wanted.clear()
            try:
                self._enqueue(self._message())
            except Exception as error:  # noqa: BLE001 - the sweeper sends another
                # Once for each time it breaks: a broker that is away is asked very often.
                if not self._failing:
                    _log.warning("the broker takes no wake-up; the sweeper will", exc_info=error)
                self._failing = True
            else:
                self._failing = False
