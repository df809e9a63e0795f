"""Logging: structlog in front of the standard library's, for our records and the libraries'.

Everything goes to standard error, so that a command's answer on standard output stays clean.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog

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
    handler = logging.StreamHandler(target)
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
