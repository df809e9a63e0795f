"""A WebSocket over TCP, byte by byte: the client's end, written by hand.

It checks of every frame that a server may send it: not masked, whole, and with nothing reserved.
"""

import asyncio
import base64
import hashlib
import os
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import orjson

SECONDS: Final = 10.0
PROTOCOL: Final = "graphql-transport-ws"
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def framed(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a frame as a client sends it."""
    size, mask = len(payload), os.urandom(4)
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Socket:
    """The client's end. `accepted` comes first; nothing is sent before it."""

    def __init__(
        self,
        port: int,
        *,
        protocols: Sequence[str] = (PROTOCOL,),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._port = port
        self._protocols = protocols
        self._headers = headers or {}
        self._reader: Any = None
        self._writer: Any = None

    async def accepted(self) -> str | None:
        """Shake hands; return the protocol that the server chose."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /graphql HTTP/1.1",
            "Host: example.com",
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self._headers.items()),
        ]
        if self._protocols:
            lines.append(f"Sec-WebSocket-Protocol: {', '.join(self._protocols)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(SECONDS):
            answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert answer[0].startswith("HTTP/1.1 101"), answer
        found = {name.lower(): text for name, _, text in (a.partition(": ") for a in answer[1:])}
        wanted = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()  # noqa: S324 - what RFC 6455 asks for
        assert found["sec-websocket-accept"] == wanted
        return found.get("sec-websocket-protocol")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    def raw(self, text: str) -> None:
        """Send a text as it is."""
        self.send(framed(TEXT, text.encode()))

    def binary(self, data: bytes) -> None:
        """Send a binary message."""
        self.send(framed(BINARY, data))

    def say(self, kind: str, **parts: Any) -> None:
        """Send a message."""
        self.raw(orjson.dumps({"type": kind, **parts}).decode())

    def subscribe(self, operation_id: str, query: str, **variables: Any) -> None:
        """Begin an operation."""
        payload = {"query": query, "variables": variables}
        self.say("subscribe", id=operation_id, payload=payload)

    async def hear(self) -> dict[str, Any]:
        """Return the server's next message.

        Raises:
            Closed: It closed the socket in its place.
        """
        while True:
            opcode, payload = await self.frame()
            if opcode == TEXT:
                return orjson.loads(payload)
            if opcode == PING:
                self.send(framed(PONG, payload))
            if opcode == CLOSE:
                self.send(framed(CLOSE, payload[:2]))
                async with asyncio.timeout(SECONDS):
                    assert await self._reader.read() == b"", "nothing follows a close"
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                raise Closed(code, payload[2:].decode())

    async def frame(self) -> tuple[int, bytes]:
        """Return the server's next frame."""
        async with asyncio.timeout(SECONDS):
            first, size = await self._reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self._reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self._reader.readexactly(8), "big")
            assert size < 1 << 31, "a server's frames are not masked"
            assert first & 0xF0 == 0x80, "whole, and nothing reserved"
            return first & 0x0F, await self._reader.readexactly(size)

    async def silence(self) -> None:
        """Check that the server has nothing to say: a ping is answered first."""
        self.say("ping", payload={"silence": True})
        assert await self.hear() == {"type": "pong", "payload": {"silence": True}}

    async def over(self) -> bytes:
        """Wait until the server has closed the connection; return what it says before."""
        async with asyncio.timeout(SECONDS):
            return await self._reader.read()

    def leave(self) -> None:
        """Break the connection."""
        if self._writer is not None:
            self._writer.transport.abort()


#: Opens a socket.
Open = Callable[..., Socket]
#: Opens one and initialises it.
Ready = Callable[..., Awaitable[Socket]]


async def closes(socket: Socket) -> Closed:
    """Return how the server closes the socket, whatever it says before."""
    while True:
        try:
            await socket.hear()
        except Closed as closed:
            return closed
