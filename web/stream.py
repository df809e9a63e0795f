"""An answer that goes on: what server-sent events and multipart have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from starlette.types import Message, Receive, Scope, Send

#: The name of a server's `Streams` in the state that its lifespan leaves to requests.
STREAMS: Final = "streams"

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Item_co = TypeVar("Item_co", covariant=True)


class Items(Protocol[Item_co]):
    """What is sent, as it comes."""

    async def __anext__(self) -> Item_co:
        """Wait for the next one.

        Raises:
            StopAsyncIteration: There is no further one.
        """
        ...

    async def aclose(self) -> None:
        """Free what it holds; called once, however the answer ends."""
        ...


class Framing(Protocol[Item_contra]):
    """How a protocol writes items."""

    content_type: str
    start: bytes  #: Goes out at once, so that the client knows that it is heard.
    heartbeat: bytes
    end: bytes  #: After the last item.

    def frame(self, item: Item_contra, /) -> bytes:
        """Write one item."""
        ...


class Streams:
    """The streams that a server is sending, so that it can end them when it ends itself."""

    def __init__(self) -> None:
        self._open: set[Stream[Any]] = set()
        self._is_over = False

    def enter(self, stream: "Stream[Any]") -> None:
        """Take a stream; it ends at once if the server is about to."""
        self._open.add(stream)
        if self._is_over:
            stream.close()

    def leave(self, stream: "Stream[Any]") -> None:
        """Forget a stream that has ended."""
        self._open.discard(stream)

    def close(self) -> None:
        """End all streams, and those that would still begin."""
        self._is_over = True
        for stream in tuple(self._open):
            stream.close()


class Stream(Generic[Item]):
    """Sends items until there are no more, the client leaves, or `close` is called."""

    def __init__(
        self, items: Items[Item], framing: Framing[Item], *, heartbeat_seconds: float
    ) -> None:
        self._items = items
        self._framing = framing
        self._heartbeat_seconds = heartbeat_seconds
        self._sending: asyncio.Task[None] | None = None
        self._is_closed = False
        #: Called when the answer has ended.
        self.leave: Callable[[], None] | None = None
        self.headers = {
            "content-type": framing.content_type,
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would hold items back
        }

    def close(self) -> None:
        """End the answer early; a client that wants more asks again."""
        self._is_closed = True
        if self._sending is not None:
            self._sending.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the items, and meanwhile listen for the client to leave."""
        streams: Streams | None = scope.get("state", {}).get(STREAMS)
        if streams is not None:
            streams.enter(self)
        leaving = asyncio.create_task(_left(receive))
        try:
            await send(self._head())
            self._sending = asyncio.create_task(self._send(send))
            if self._is_closed:
                self._sending.cancel()
            await asyncio.wait((self._sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._sending.cancelled():  # by `close`
                await send({"type": "http.response.body", "body": b""})
            elif self._sending.done():
                self._sending.result()
        finally:
            leaving.cancel()
            if self._sending is not None:
                self._sending.cancel()
            await self._items.aclose()
            if self.leave is not None:
                self.leave()
            if streams is not None:
                streams.leave(self)

    def _head(self) -> Message:
        headers = [(name.encode(), text.encode()) for name, text in self.headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": headers}

    async def _send(self, send: Send) -> None:
        async for chunk in self._chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": self._framing.end})

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield each item in its frame, and signs of life while there is none."""
        waiting: asyncio.Future[Item] = asyncio.ensure_future(anext(self._items))
        try:
            yield self._framing.start
            while True:
                done, _ = await asyncio.wait((waiting,), timeout=self._heartbeat_seconds)
                if not done:
                    yield self._framing.heartbeat
                    continue
                try:
                    item = waiting.result()
                except StopAsyncIteration:
                    return
                yield self._framing.frame(item)
                waiting = asyncio.ensure_future(anext(self._items))
        finally:
            waiting.cancel()


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
