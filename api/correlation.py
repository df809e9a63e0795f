"""A name for every request: in its answer, in its log lines, and in the tasks it creates.

Outermost but for the server: so it also turns what nobody caught into a masked answer whose
id stands in the log beside the traceback.
"""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-ID"
_HEADER_BYTES: Final = HEADER.lower().encode()

#: What clients' tracing systems send: UUIDs, ULIDs, W3C trace ids. Nothing that could break a line.
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})

#: The messages that carry an answer's headers.
_BEGINNINGS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


def _bound() -> ContextVar[Any]:
    """Return the variable in which structlog keeps what was bound as `correlation_id`.

    Binding and taking back by its own functions takes ten times as long.
    """
    tokens = structlog.contextvars.bind_contextvars(correlation_id="")
    structlog.contextvars.reset_contextvars(**tokens)
    return tokens["correlation_id"].var


_BOUND: Final = _bound()

log = structlog.stdlib.get_logger(__name__)
_logger = logging.getLogger(__name__)


class Served(Protocol):
    """Is told of each request and WebSocket that was served."""

    def __call__(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Take note of it; without a status nothing was answered. Never fails."""
        ...


#: Answers what nobody caught.
Failed = Callable[[Request, Exception], Awaitable[Response]]


class CorrelationMiddleware:
    """Takes the client's `X-Request-ID` if it is sane, else makes one; says what was served.

    The id stands in the answer's header, in `scope["state"]["correlation_id"]`, and as
    `correlation_id` in every record logged while the request is served.
    """

    def __init__(
        self, app: ASGIApp, failed: Failed | None = None, *, served: Sequence[Served] | None = None
    ) -> None:
        """Wrap `app`; `failed` answers what it did not catch, without which JSON does.

        `served` are told of everything in the end; without any, the log is.
        """
        self.app = app
        self._failed = failed or masked
        self._served = (log_access,) if served is None else tuple(served)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        bound = _BOUND.set(correlation_id)
        answer = _Answer(send, correlation_id, self._failed)
        started = time.perf_counter()
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:
            log.exception("request failed", path=scope["path"])
            await answer.fail(scope, receive, error)
        finally:
            seconds = time.perf_counter() - started
            for served in self._served:
                served(scope, answer.status, seconds)
            _BOUND.reset(bound)


def is_probe(scope: Scope) -> bool:
    """Say whether a machine asks this every few seconds, so that it is not worth a line each."""
    return scope["path"] in _PROBES


def log_access(scope: Scope, status: int | None, seconds: float) -> None:
    """Write the access line as a record like any other; no query, which may hold secrets."""
    level = logging.DEBUG if is_probe(scope) else logging.INFO
    # Asked first: making a record that nobody wants took 7 % of a short answer's time.
    if not _logger.isEnabledFor(level):
        return
    fields: dict[str, Any] = {
        "method": scope.get("method", "WEBSOCKET"),
        "path": scope["path"],
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    log.log(level, "request", **fields)


async def masked(request: Request, _error: Exception) -> Response:
    """Answer what nobody foresaw: with the id under which it stands in the log, and no more."""
    body = {"message": "Server error", "correlation_id": request.scope["state"]["correlation_id"]}
    return JSONResponse(body, status_code=500)


class _Answer:
    """Watches what is sent, and adds the header to it."""

    __slots__ = ("_correlation_id", "_failed", "_send", "status")

    def __init__(self, send: Send, correlation_id: str, failed: Failed) -> None:
        self._send = send
        self._failed = failed
        self._correlation_id = correlation_id
        self.status: int | None = None

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] in _BEGINNINGS:
            self.status = message.get("status", 101)
            # A list is made: the application's may be shared between answers.
            message["headers"] = [
                *message.get("headers", ()),
                (_HEADER_BYTES, self._correlation_id.encode("latin-1")),
            ]
        return self._send(message)

    async def fail(self, scope: Scope, receive: Receive, error: Exception) -> None:
        """Answer what nobody caught. An answer that has begun is cut off by the server."""
        if self.status is not None:
            return
        if scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": 1011})
            return
        answer = await self._failed(Request(scope), error)
        await answer(scope, receive, self.send)


def _correlation_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _HEADER_BYTES:
            offered = value.decode("latin-1")
            return offered if _SANE.fullmatch(offered) else _new_id()
    return _new_id()


def _new_id() -> str:
    # It tells requests apart and keeps no secret; the system's randomness takes 8 µs, this one 0.3.
    return f"{random.getrandbits(128):032x}"
