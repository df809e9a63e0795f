"""`GET /api/tasks/{id}/events`: a task's changes as server-sent events.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html, framed with LF. A
browser's EventSource reconnects with `Last-Event-ID` by itself, and stops at 204.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.rest import parse, shapes
from tasks.connections import LiveConnections
from tasks.errors import ValidationFailed
from tasks.watch import TaskWatch, Update, WatchService

#: A comment after this long without an event keeps proxies from closing the connection.
HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b":\n\n"
#: How long EventSource waits before it reconnects, in milliseconds.
RETRY: Final = b"retry: 1000\n\n"
_LARGEST: Final = 2**63 - 1


class Events:
    """The handler, around what can be watched."""

    def __init__(self, watch: WatchService, connections: LiveConnections) -> None:
        self._watch = watch
        self._connections = connections

    async def show(self, request: Request) -> Response:
        """Stream a task's events from its standing, or from the last one that was seen."""
        principal = parse.own_principal(request)
        since = _last_event_id(request)
        watch = await self._watch.task(principal, parse.task_id(request), since=since)
        if since is not None and watch.is_over:
            await watch.aclose()
            return Response(status_code=204)
        stream = EventStream(watch)
        if request.method == "HEAD":
            await watch.aclose()
            return Response(headers=stream.headers)
        try:
            stream.leave = self._connections.enter(principal, stream.end)
        except BaseException:
            await watch.aclose()
            raise
        return stream


class EventStream(Response):
    """An answer that goes on until the task ends, the client leaves, or `end` is called."""

    media_type = "text/event-stream"

    def __init__(self, watch: TaskWatch) -> None:
        super().__init__(
            headers={
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would hold events back
            }
        )
        del self.headers["content-length"]
        self._watch = watch
        self._sending: asyncio.Task[None] | None = None
        self.leave: Callable[[], None] | None = None

    def end(self) -> None:
        """End the answer."""
        if self._sending is not None:
            self._sending.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and meanwhile listen for the client to leave."""
        del scope
        self._sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((self._sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._sending.cancelled():  # by `end`
                await send({"type": "http.response.body", "body": b""})
            elif self._sending.done():
                self._sending.result()
        finally:
            for task in (leaving, self._sending):
                task.cancel()
            await self._watch.aclose()
            if self.leave is not None:
                self.leave()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        async for frame in _frames(self._watch):
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _frames(watch: TaskWatch) -> AsyncIterator[bytes]:
    """Yield a frame for each update, and heartbeats while there is none."""
    waiting: asyncio.Future[Update] = asyncio.ensure_future(anext(watch))
    try:
        while True:
            done, _ = await asyncio.wait((waiting,), timeout=HEARTBEAT_SECONDS)
            if not done:
                yield HEARTBEAT
                continue
            try:
                update = waiting.result()
            except StopAsyncIteration:
                return
            yield frame(update)
            waiting = asyncio.ensure_future(anext(watch))
    finally:
        waiting.cancel()


def frame(update: Update) -> bytes:
    """Return an update as an event: its `seq` as the id, and everything else in the data."""
    data: dict[str, Any] = {
        "seq": update.seq,
        "type": update.type or "snapshot",
        "at": update.at,
        "task": None if update.task is None else shapes.watched(update.task),
    }
    return b"id: %d\ndata: %s\n\n" % (update.seq, orjson.dumps(data, option=shapes.TIMES))


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _last_event_id(request: Request) -> int | None:
    """Return the `seq` that the client has seen last, if it has seen any.

    Raises:
        ValidationFailed: The header is no id of ours.
    """
    text = request.headers.get("last-event-id", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LARGEST:  # noqa: PLR2004 - a 64-bit number's digits
        return int(text)
    sentence = f"Last-Event-ID is {text!r:.60}, but it must be the id of an event of this stream."
    raise ValidationFailed({"last_event_id": [sentence]})
