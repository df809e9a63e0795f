"""`GET /api/tasks/{id}/events`: a task's changes as server-sent events.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html, framed with LF. A
browser's EventSource reconnects with `Last-Event-ID` by itself, and stops at 204.
"""

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api.rest import parse, shapes
from tasks.connections import LiveConnections
from tasks.errors import ValidationFailed
from tasks.watch import Update, WatchService
from web.stream import Stream

#: Between signs of life while there is no event.
HEARTBEAT_SECONDS: Final = 15.0
_LARGEST: Final = 2**63 - 1


class Events:
    """The handler, around what can be watched."""

    def __init__(self, watch: WatchService, connections: LiveConnections) -> None:
        self._watch = watch
        self._connections = connections

    async def show(self, request: Request) -> ASGIApp:
        """Stream a task's events from its standing, or from the last one that was seen."""
        principal = parse.own_principal(request)
        since = _last_event_id(request)
        watch = await self._watch.task(principal, parse.task_id(request), since=since)
        if since is not None and watch.is_over:
            await watch.aclose()
            return Response(status_code=204)
        stream = Stream(watch, TaskEvents(), heartbeat_seconds=HEARTBEAT_SECONDS)
        if request.method == "HEAD":
            await watch.aclose()
            return Response(headers=stream.headers)
        try:
            stream.leave = self._connections.enter(principal, stream.close)
        except BaseException:
            await watch.aclose()
            raise
        return stream


class TaskEvents:
    """How updates are written as events."""

    content_type = "text/event-stream; charset=utf-8"
    #: How long EventSource waits before it reconnects, in milliseconds.
    start = b"retry: 1000\n\n"
    #: A comment keeps proxies from closing the connection.
    heartbeat = b":\n\n"
    end = b""

    def frame(self, update: Update) -> bytes:
        """Return an update as an event: its `seq` as the id, and everything else in the data."""
        data: dict[str, Any] = {
            "seq": update.seq,
            "type": update.type or "snapshot",
            "at": update.at,
            "task": None if update.task is None else shapes.watched(update.task),
        }
        return b"id: %d\ndata: %s\n\n" % (update.seq, orjson.dumps(data, option=shapes.TIMES))


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
