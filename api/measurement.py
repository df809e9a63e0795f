"""Counts and times every HTTP request, by the route's template rather than its path."""

import time
from collections.abc import Awaitable
from typing import Final

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tasks.metrics import Metrics

#: A client chooses the method's text and the path, and each new label costs memory for ever.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"


class MeasurementMiddleware:
    """Feeds `http_requests` and `http_request_seconds`."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; what is no HTTP request passes through unseen."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        return self._measured(scope, receive, send)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500  # What the client gets when the application raises before it answers.

        def watch(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        started = time.perf_counter()
        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", _OTHER)
            known = self._known.get((route, scope["method"], status))
            count, seconds = known or self._series(route, scope["method"], status)
            count.inc()
            seconds.observe(time.perf_counter() - started)

    def _series(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """Return what counts this kind of request; looking it up by its labels is slow."""
        if method not in _METHODS:
            method = _OTHER
        found = self._known[route, method, status] = (
            self._metrics.http_requests.labels(route, method, status),
            self._metrics.http_request_seconds.labels(route, method),
        )
        return found
