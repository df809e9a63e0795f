"""Counts and times every HTTP request, by the route's template rather than its path."""

from typing import Final

from prometheus_client import Counter, Histogram
from starlette.types import Scope

from tasks.metrics import Metrics

#: A client chooses the method's text and the path, and each new label costs memory for ever.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"
#: What a client gets, at best, when nothing was answered.
_FAILED: Final = 500


class Measurement:
    """Feeds `http_requests` and `http_request_seconds`; told by `CorrelationMiddleware`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def __call__(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Count a request; what is no HTTP request is not counted."""
        if scope["type"] != "http":
            return
        route: str = getattr(scope.get("route"), "path", _OTHER)
        key = (route, scope["method"], status or _FAILED)
        count, took = self._known.get(key) or self._series(*key)
        count.inc()
        took.observe(seconds)

    def _series(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """Return what counts this kind of request; looking it up by its labels is slow."""
        if method not in _METHODS:
            method = _OTHER
        found = (
            self._metrics.http_requests.labels(route, method, status),
            self._metrics.http_request_seconds.labels(route, method),
        )
        if method != _OTHER:
            self._known[route, method, status] = found
        return found
