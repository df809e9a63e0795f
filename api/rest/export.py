"""`GET /api/tasks/{id}/export`: a task's posts as a file, at any status, a few posts at a time.

JSON Lines for programs: a post a line, unknown values null, and a last line that says how
complete the export is. CSV (RFC 4180) for spreadsheets: with a byte order mark, without which
Excel takes UTF-8 for something else, and with an apostrophe before what a spreadsheet would take
for a formula. A CSV has no place for a mark that a reader would not take for a post, so the
headers have it, and so has the file's name. What breaks off has neither JSON's last line nor, on
the wire, HTTP's end of the body.
"""

import csv
import io
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from api.rest import parse, shapes
from tasks import models
from tasks.errors import ValidationFailed
from tasks.export import Export, ExportBroken, ExportService

logger = logging.getLogger(__name__)

#: A post's columns, in this order, in both formats.
COLUMNS: Final = (
    "id",
    "message",
    "author",
    "url",
    "created_time",
    "likes",
    "comments",
    "shares",
)
#: With one of these first, a cell is or may become a formula: also with what East Asian keyboards
#: type in their place, and with blanks that are dropped before the cell is looked at.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BOM: Final = "\ufeff".encode()

#: Yields the body.
Writer = Callable[[Export], AsyncIterator[bytes]]


class Exports:
    """The handler, around one service."""

    def __init__(self, exports: ExportService) -> None:
        self._exports = exports

    async def show(self, request: Request) -> Response:
        """Stream the posts that a task has now."""
        principal, task_id = parse.own_principal(request), parse.task_id(request)
        name = request.query_params.get("format") or "jsonl"
        if name not in _FORMATS:
            sentence = f"The format is {name!r:.40}; it must be {' or '.join(_FORMATS)}."
            raise ValidationFailed({"format": [sentence]})
        export = await self._exports.open(principal, task_id)
        media_type, writer = _FORMATS[name]
        headers = {**_headers(export, name), "Content-Type": media_type}
        if request.method == "HEAD":
            return Response(headers=headers)
        return Download(writer(export), headers=headers)


class Download(StreamingResponse):
    """A body that is cut off, rather than ended, when its posts go while they are read."""

    async def stream_response(self, send: Send) -> None:
        """Send the body; the server closes the connection of one that was not ended."""
        try:
            await super().stream_response(send)
        except ExportBroken as error:
            logger.warning("An export was cut off. %s", error)


def _headers(export: Export, extension: str) -> dict[str, str]:
    task, mark = export.task, "" if export.is_complete else "-partial"
    return {
        "Content-Disposition": f'attachment; filename="sluice-task-{task.id}{mark}.{extension}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",  # nginx would read ahead to a file of its own
        "Sluice-Status": task.status,
        "Sluice-Posts": str(task.posts_count),
        "Sluice-Complete": "true" if export.is_complete else "false",
    }


async def _jsonl(export: Export) -> AsyncIterator[bytes]:
    async for posts in export.batches():
        yield b"".join(_line(_values(post)) for post in posts)
    yield _line({"export": mark(export)})


def mark(export: Export) -> dict[str, Any]:
    """Say what an export holds, and whether anything is missing in it."""
    task = export.task
    return {
        "task_id": task.id,
        "group_id": task.group_id,
        "status": task.status,
        "stop_reason": task.stop_reason,
        "posts": task.posts_count,
        "complete": export.is_complete,
    }


async def _csv(export: Export) -> AsyncIterator[bytes]:
    yield _BOM + _rows([COLUMNS])
    async for posts in export.batches():
        yield _rows([[_cell(value) for value in _values(post).values()] for post in posts])


def _values(post: models.Post) -> dict[str, Any]:
    return {"id": post.post_id, **{name: getattr(post, name) for name in COLUMNS[1:]}}


def _line(values: Mapping[str, Any]) -> bytes:
    return orjson.dumps(values, option=shapes.TIMES | orjson.OPT_APPEND_NEWLINE)


def _rows(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """Write a value so that a spreadsheet shows it and does nothing else with it."""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" \xa0").startswith(_FORMULA) else value
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else _time(value)


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


_FORMATS: Final[Mapping[str, tuple[str, Writer]]] = {
    "jsonl": ("application/x-ndjson; charset=utf-8", _jsonl),
    "csv": ("text/csv; charset=utf-8; header=present", _csv),
}
