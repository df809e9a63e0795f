"""An answer over HTTP that goes on: what server-sent events and multipart have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol, Self

from starlette.types import Receive, Scope, Send

from graph.results import Results


class Framing(Protocol):
    """How a protocol writes results."""

    content_type: str
    start: bytes  #: Goes out at once, so that the client knows that it is heard.
    heartbeat: bytes
    end: bytes  #: After the last result.

    def frame(self, result: bytes) -> bytes:
        """Write one result."""
        ...


class Once:
    """One result, for a client that wants a query's answer as a stream."""

    def __init__(self, result: bytes) -> None:
        self._left = [result]

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the result, the first time."""
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()

    async def aclose(self) -> None:
        """Do nothing."""


class Stream:
    """Sends results until there are no more, the client leaves, or `close` is called."""

    def __init__(
        self, results: Results | Once, framing: Framing, *, heartbeat_seconds: float
    ) -> None:
        self._results = results
        self._framing = framing
        self._heartbeat_seconds = heartbeat_seconds
        self._sending: asyncio.Task[None] | None = None
        self.leave: Callable[[], None] | None = None

    def close(self) -> None:
        """End the answer early; a client that wants more asks again."""
        if self._sending is not None:
            self._sending.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the results, and meanwhile listen for the client to leave."""
        del scope
        self._sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((self._sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._sending.cancelled():  # by `close`
                await send({"type": "http.response.body", "body": b""})
            elif self._sending.done():
                self._sending.result()
        finally:
            for task in (leaving, self._sending):
                task.cancel()
            await self._results.aclose()
            if self.leave is not None:
                self.leave()

    async def _send(self, send: Send) -> None:
        headers = [
            (b"content-type", self._framing.content_type.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would hold results back
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in self._chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": self._framing.end})

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield each result in its frame, and signs of life while there is none."""
        waiting: asyncio.Future[bytes] = asyncio.ensure_future(anext(self._results))
        try:
            yield self._framing.start
            while True:
                done, _ = await asyncio.wait((waiting,), timeout=self._heartbeat_seconds)
                if not done:
                    yield self._framing.heartbeat
                    continue
                try:
                    result = waiting.result()
                except StopAsyncIteration:
                    return
                yield self._framing.frame(result)
                waiting = asyncio.ensure_future(anext(self._results))
        finally:
            waiting.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
