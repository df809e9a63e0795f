"""The one ASGI application: everything that answers HTTP, joined."""

from importlib.metadata import version
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api import rest
from api.authentication import Authentication
from api.correlation import HEADER, CorrelationMiddleware
from api.health import Health
from api.measurement import MeasurementMiddleware
from sluice import readiness
from sluice.services import Services, open_services
from sluice.settings import Settings
from tasks.errors import TaskError
from tasks.inspection import Inspection
from tasks.metrics import Metrics, QueueDepth
from tasks.ports import Waker

log = structlog.stdlib.get_logger(__name__)


class Gateway:
    """Opens what it serves from when the server starts it, and closes that when it ends.

    `waker` reaches the workers; it may be used from any thread.
    """

    def __init__(self, settings: Settings, *, waker: Waker) -> None:
        self._settings = settings
        self._waker = waker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a WebSocket, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(scope["state"], receive, send)
        else:
            # The server gives each request its own copy of what the lifespan left there.
            application: ASGIApp = scope["state"].pop("application")
            await application(scope, receive, send)

    async def _live(self, state: dict[str, Any], receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol. What goes wrong is a sentence for the server to log."""
        await receive()
        started = False
        try:
            async with open_services(self._settings, waker=self._waker) as services:
                state["application"] = build(self._settings, services)
                await send({"type": "lifespan.startup.complete"})
                started = True
                await receive()
        except TaskError as error:
            phase = "shutdown" if started else "startup"
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


def build(settings: Settings, services: Services) -> Starlette:
    """Join the doors on opened services."""
    metrics = Metrics(_registry(), version=version("sluice"))
    depth = QueueDepth(metrics, Inspection(services.database).queue_depth)
    health = Health(
        checks=readiness.checks(settings, services),
        registry=metrics.registry,
        refresh=depth.refresh,
    )
    return Starlette(
        routes=[*health.routes(), *rest.routes(services.tasks)],
        middleware=[
            Middleware(CorrelationMiddleware),
            Middleware(MeasurementMiddleware, metrics=metrics),
            *_cors(settings),
            Middleware(Authentication, authenticate=services.accounts.authenticate),
        ],
    )


def _registry() -> CollectorRegistry:
    """Return a registry that also tells about the process itself."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _cors(settings: Settings) -> list[Middleware]:
    """Let the set origins' pages in. Tokens go in a header, so no cookies are allowed."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", HEADER],
            expose_headers=[HEADER, "X-RateLimit-Limit", "X-RateLimit-Remaining", "Retry-After"],
        )
    ]
