"""A WebSocket to the application, message by message."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

SECONDS = 10.0
PROTOCOL = "graphql-transport-ws"


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Socket:
    """The client's end."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        protocols: Sequence[str] = (PROTOCOL,),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        raw = [(name.lower().encode(), v.encode()) for name, v in (headers or {}).items()]
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/graphql",
            "root_path": "",
            "query_string": b"",
            "scheme": "ws",
            "headers": [(b"host", b"example.com"), *raw],
            "subprotocols": list(protocols),
            "state": {},
        }
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        self.serving = asyncio.ensure_future(app(scope, self._in.get, self._out.put))

    async def accepted(self) -> str | None:
        """Return the protocol that the server chose."""
        message = await self._next()
        assert message["type"] == "websocket.accept"
        return message.get("subprotocol")

    def raw(self, text: str) -> None:
        """Send a text as it is."""
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    def binary(self, data: bytes) -> None:
        """Send a binary message."""
        self._in.put_nowait({"type": "websocket.receive", "bytes": data})

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
        message = await self._next()
        if message["type"] == "websocket.close":
            raise Closed(message.get("code", 1000), message.get("reason") or "")
        return orjson.loads(message["text"])

    async def silence(self) -> None:
        """Check that the server has nothing to say: a ping is answered first."""
        self.say("ping", payload={"silence": True})
        assert await self.hear() == {"type": "pong", "payload": {"silence": True}}

    async def leave(self) -> None:
        """Break the connection."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(SECONDS):
            await self.serving

    async def _next(self) -> Message:
        async with asyncio.timeout(SECONDS):
            return await self._out.get()
