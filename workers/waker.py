"""Sending wake-ups: off the caller's path, and never more than are worth sending."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import dramatiq

from workers.broker import waiting

#: Wishes that come within this time of a message are one message.
PAUSE_SECONDS: Final = 0.005
#: The same when nobody has taken the last message yet: all workers are busy.
BUSY_PAUSE_SECONDS: Final = 0.02
#: The pause after a failure, which is the broker's or the network's.
RETRY_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class BrokerWaker:
    """Implements `tasks.ports.Waker` over a broker.

    Dramatiq's `enqueue` blocks (0.2 ms on Redis, for ever on a Redis that hangs), so a thread
    sends. Wishes that come while it sends are one wish: whoever takes the message claims as much
    as it has room for, and asks for a companion if there is more. So a message that still waits
    stands for every wish before it is taken, and none is sent beside it.
    """

    def __init__(
        self, broker: dramatiq.Broker, message: Callable[[], "dramatiq.Message[Any]"]
    ) -> None:
        self._broker = broker
        self._message = message
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._send, name="waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ask for a wake-up; returns at once, from any thread."""
        self._wanted.set()

    def close(self) -> None:
        """Send what was asked for, then stop; waits at most 2 seconds."""
        self._closing.set()
        self._wanted.set()
        self._thread.join(timeout=2.0)

    def _send(self) -> None:
        while True:
            self._wanted.wait()
            # The wish that `close` makes is sent too: it may stand for one that came before.
            self._wanted.clear()
            if self._closing.wait(self._try()):
                return

    def _try(self) -> float:
        """Send a wake-up unless one waits; returns how long to pause."""
        message = self._message()
        pause = PAUSE_SECONDS
        try:
            if waiting(self._broker, message.queue_name):
                pause = BUSY_PAUSE_SECONDS
            else:
                self._broker.enqueue(message)  # pyright: ignore[reportUnknownMemberType] - Dramatiq leaves the result's type open
        except Exception as error:  # noqa: BLE001 - the sweeper sends another
            # Once for each time it breaks: a broker that is away is asked very often.
            if not self._failing:
                _log.warning("the broker takes no wake-up; the sweeper will try again: %s", error)
            self._failing = True
            return RETRY_SECONDS
        if self._failing:
            _log.info("the broker takes wake-ups again")
        self._failing = False
        return pause
