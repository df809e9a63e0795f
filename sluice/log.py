"""Logging: structlog in front of the standard library's, for our records and the libraries'.

Everything goes to standard error, so that a command's answer on standard output stays clean.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, Literal, TextIO

import structlog
from starlette.types import Scope

from api import correlation
from sluice.redaction import redact
from sluice.settings import Settings

#: Libraries that bring handlers of their own, which would print each record twice.
_LIBRARIES: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "dramatiq", "alembic")

#: Libraries whose `info` says what nobody who runs Sluice asks for.
_QUIET: Final = ("uvicorn", "uvicorn.error", "dramatiq", "alembic", "httpx2", "httpcore2")
#: Logs each connection that it loses or cannot make three times over, with tracebacks; what uses
#: it says the same in a line.
_LOUD: Final = "pika"


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all records to `stream` (standard error) in the format that the settings ask for.

    May be called again; the last call counts.
    """
    target = stream or sys.stderr
    chosen = settings.log_format or ("console" if target.isatty() else "json")
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        _stamp(chosen),
        structlog.processors.StackInfoRenderer(),
        _hide_passwords,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # A second `configure` must reach the loggers made before.
    )
    handler = JsonHandler(target) if chosen == "json" else logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # The libraries' way, and the lower layers', to give a record fields is `extra`.
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *before],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(chosen, colors=target.isatty()),
            ],
        )
    )
    level = settings.log_level.upper()
    logging.raiseExceptions = False  # A closed terminal must not print a traceback for each record.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(level if settings.log_level != "info" else "WARNING")
    logging.getLogger(_LOUD).setLevel(level if settings.log_level == "debug" else "CRITICAL")
    logging.captureWarnings(capture=True)


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes records as JSON, an object a line."""

    def write(self, lines: str) -> None:
        """Write lines that need no formatting. A closed terminal must not end the process."""
        self.acquire()
        try:
            with contextlib.suppress(OSError, ValueError):
                self.stream.write(lines)
                self.flush()
        finally:
            self.release()


class AccessLog:
    """Writes the access lines of one event loop, in the words and the order of every other record.

    A record takes structlog and the standard library 150 µs, which is as long as a short answer.
    So the line, which is always the same but for a few values, is made here: those of one turn of
    the loop are written together at the turn's end.
    """

    def __init__(self, handler: JsonHandler) -> None:
        self._handler = handler
        self._lines: list[str] = []
        self._second = 0  #: The second of the last line, and its text.
        self._moment = ""

    def __call__(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Write a line: without the query, which may hold secrets."""
        if correlation.is_probe(scope):
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        microseconds = time.time_ns() // 1000
        second = microseconds // 1_000_000
        if second != self._second:
            self._second = second
            self._moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        opening = _opening(scope.get("method", "WEBSOCKET"), scope["path"], status)
        self._lines.append(
            f'{opening}{seconds * 1000:.1f}, "event": "request", '
            f'"correlation_id": "{scope["state"]["correlation_id"]}", "level": "info", '
            f'"logger": "api.correlation", '
            f'"timestamp": "{self._moment}.{microseconds % 1_000_000:06d}Z"}}\n'
        )

    def _write(self) -> None:
        lines = "".join(self._lines)
        self._lines.clear()
        self._handler.write(lines)


@lru_cache(maxsize=256)
def _opening(method: str, path: str, status: int | None) -> str:
    """Return what the access lines of one kind of request begin with."""
    return (
        f'{{"method": {quoted(method)}, "path": {quoted(redact(path))}, '
        f'"status": {"null" if status is None else status}, "duration_ms": '
    )


def access_log() -> correlation.Served:
    """Return what writes access lines as `configure` has chosen; where others listen, records."""
    root = logging.getLogger()
    if root.level == logging.INFO and len(root.handlers) == 1:
        [handler] = root.handlers
        if isinstance(handler, JsonHandler):
            return AccessLog(handler)
    return correlation.log_access


def _stamp(chosen: Literal["console", "json"]) -> structlog.types.Processor:
    """Return what adds the time: for machines in full, for a person at a terminal the hour."""
    if chosen == "json":
        return structlog.processors.TimeStamper(fmt="iso", utc=True)
    return structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)


def _rendering(
    chosen: Literal["console", "json"], *, colors: bool
) -> list[structlog.types.Processor]:
    """Return the last steps of a record: an exception's text, then the line."""
    if chosen == "json":
        return [
            structlog.processors.format_exc_info,
            _hide_passwords,
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _hide_passwords(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Redact every text of a record."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event
