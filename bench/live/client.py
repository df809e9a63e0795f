"""The load generator: thousands of subscriptions over raw sockets, each update timed as it comes.

It speaks as little of the protocols as it can, so that what is measured is the server: the frames
that it sends are made before, and of what it is sent it reads the type and the `seq`.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

#: Connects that are under way at a time.
AT_ONCE: Final = 64
WATCH: Final = (
    "subscription($id: ID!) { taskUpdated(id: $id) { seq type task { status priority } } }"
)
UPGRADE: Final = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
_SEQ: Final = re.compile(rb'"seq":(\d+)')
_TEXT: Final = 0x81
_PING: Final = 0x89


class Client(asyncio.Protocol):
    """One socket with one subscription."""

    __slots__ = ("_buffer", "_messages", "_ready", "_transport", "_upgraded", "task_id", "told")

    def __init__(self, token: str, task_id: str, ready: "asyncio.Future[None]") -> None:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        payload = {"query": WATCH, "variables": {"id": task_id}}
        subscribe = {"type": "subscribe", "id": "1", "payload": payload}
        self._messages = [_framed(orjson.dumps(subscribe)), _framed(orjson.dumps(init))]
        self.task_id = task_id
        self._buffer = b""
        self._upgraded = False
        self._ready: asyncio.Future[None] | None = ready
        self._transport: Any = None
        self.told: list[tuple[int, int]] = []  #: The `seq` of each update, and when it came (ns).

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Read frames, and note when each update came."""
        now = time.monotonic_ns()
        buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            _, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = buffer
                return
            self._upgraded, buffer = True, rest
            self._transport.write(self._messages.pop())
        at = 0
        while (size := _size(buffer, at)) is not None:
            head = 2 if buffer[at + 1] < 126 else 4
            self._take(buffer[at], buffer[at + head : at + size], now)
            at += size
        self._buffer = buffer[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail who waits for the first update."""
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(exc or ConnectionError("the server closed the socket"))

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def _take(self, kind: int, payload: bytes, now: int) -> None:
        if kind == _PING:
            self._transport.write(_framed(payload, kind=0x8A))
        elif kind == _TEXT:
            seq = _SEQ.search(payload)
            if seq is not None:
                self.told.append((int(seq[1]), now))
                if self._ready is not None:
                    self._ready.set_result(None)
                    self._ready = None
            elif self._messages:
                self._transport.write(self._messages.pop())
            else:
                raise AssertionError(payload.decode())


def _size(buffer: bytes, at: int) -> int | None:
    """Return how long the frame at `at` is with its header; None if it is not all there."""
    if len(buffer) < at + 2:
        return None
    size = buffer[at + 1] + 2
    if size == 128:
        size = int.from_bytes(buffer[at + 2 : at + 4], "big") + 4
    return size if len(buffer) >= at + size else None


def _framed(data: bytes, *, kind: int = _TEXT) -> bytes:
    short = len(data) < 126
    size = bytes([0x80 | len(data)]) if short else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes([kind]) + size + bytes(4) + data  # masked with zeros


async def connect(port: int, whom: Sequence[tuple[str, str]]) -> list[Client]:
    """Open a subscription for each (token, task), and return when all have their first update."""
    loop, left = asyncio.get_running_loop(), iter(whom)
    clients: list[Client] = []

    async def open_some() -> None:
        for token, task_id in left:
            ready: asyncio.Future[None] = loop.create_future()
            _, client = await loop.create_connection(
                lambda token=token, task_id=task_id, ready=ready: Client(token, task_id, ready),
                "127.0.0.1",
                port,
            )
            clients.append(client)
            await ready

    await asyncio.gather(*(open_some() for _ in range(AT_ONCE)))
    return clients
