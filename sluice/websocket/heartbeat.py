"""Pings that find out which clients are gone."""

import asyncio
from typing import Final, Protocol

#: Between two pings of a client.
PING_SECONDS: Final = 20.0
#: Clients are pinged in so many lots, one after the other, so that no ping holds up the loop.
LOTS: Final = 200


class Pinged(Protocol):
    """What is pinged."""

    def ping(self) -> None:
        """Send a ping, or give up on a client that has not answered the last one."""
        ...


class Heartbeat:
    """Pings everything that beats, each at its time. One timer serves all, on one event loop."""

    def __init__(self, seconds: float = PING_SECONDS) -> None:
        self._seconds = seconds
        self._lots: list[set[Pinged]] = []
        self._turn = 0

    def begin(self, pinged: Pinged) -> set[Pinged]:
        """Ping it from now on, until it is discarded from the set that this returns."""
        if not self._lots:
            self._lots = [set() for _ in range(LOTS)]
            self._beat()
        lot = self._lots[self._turn - 1]  # the one that was pinged last
        lot.add(pinged)
        return lot

    def _beat(self) -> None:
        for pinged in tuple(self._lots[self._turn]):
            pinged.ping()
        self._turn = (self._turn + 1) % LOTS
        asyncio.get_running_loop().call_later(self._seconds / LOTS, self._beat)
