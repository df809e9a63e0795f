"""The one ASGI application: everything that answers HTTP, joined."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from api import docs, rest
from api.correlation import CorrelationMiddleware
from api.health import Health
from api.limit import Counter, ProcessCounter, RedisCounter
from api.measurement import Measurement
from api.middleware import protected
from api.proxy import TrustedProxies
from api.session import Attempts, Passwords, ProcessAttempts
from graph.limits import Bucket
from sluice import doors, readiness, website
from sluice.garbage import collect_less, setting_aside
from sluice.log import access_log
from sluice.routing import Routing
from sluice.services import Databases, Services, open_services
from sluice.settings import Settings
from tasks.errors import TaskError
from tasks.export import ExportService
from tasks.inspection import Inspection
from tasks.metrics import HeldHosts, Metrics, QueueDepth
from tasks.ports import Waker
from web.stream import STREAMS, Streams


class Gateway:
    """Opens what it serves from when the server starts it, and closes that when it ends.

    `open_waker` opens what reaches the workers; `databases` is shared with them in `sluice up`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        open_waker: Callable[[], AbstractContextManager[Waker]],
        metrics: Metrics,
        databases: Databases | None = None,
    ) -> None:
        self._settings = settings
        self._databases = databases
        self._open_waker = open_waker
        self._metrics = metrics

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request, a WebSocket, or the server's lifespan."""
        if scope["type"] == "lifespan":
            return self._live(scope["state"], receive, send)
        # The server gives each request its own copy of what the lifespan left there.
        application: ASGIApp = scope["state"].pop("application")
        return application(scope, receive, send)

    async def _live(self, state: dict[str, Any], receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol. What goes wrong is a sentence for the server to log."""
        await receive()
        phase = "startup"
        try:
            async with self._opened() as application:
                state["application"] = application
                state[STREAMS] = Streams()
                collect_less()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                phase = "shutdown"
        except TaskError as error:
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncGenerator[ASGIApp]:
        with self._open_waker() as waker:
            async with (
                open_services(
                    self._settings, waker=waker, databases=self._databases, with_previews=True
                ) as services,
                setting_aside(lambda: services.connections.count),
                counting(self._settings) as counter,
                doors.charging(self._settings) as bucket,
                doors.throttling(self._settings) as attempts,
            ):
                yield build(
                    self._settings,
                    services,
                    counter=counter,
                    metrics=self._metrics,
                    bucket=bucket,
                    attempts=attempts,
                )


def build(
    settings: Settings,
    services: Services,
    *,
    counter: Counter,
    metrics: Metrics,
    bucket: Bucket | None = None,
    attempts: Attempts | None = None,
) -> ASGIApp:
    """Join the doors on opened services, behind what every request passes.

    The proxies' word about the client first, since all else reads it; then the request's id,
    so that every answer has one, with the access log and the measurement; then the API's guards.
    """
    depth = QueueDepth(metrics, Inspection(services.database).queue_depth)
    held = HeldHosts(metrics, services.budgets.held)

    async def refresh() -> None:
        await depth.refresh()
        await held.refresh()

    health = Health(
        checks=readiness.checks(settings, services),
        registry=metrics.registry,
        refresh=refresh,
    )
    # A route under /api goes before REST's, whose last one answers the rest of /api.
    keys = doors.session_keys(settings)
    site = website.site(settings, keys)
    passwords = Passwords(services.accounts, attempts or ProcessAttempts())
    routes = [
        *health.routes(),
        *docs.routes(site),
        *doors.routes(settings, services, keys, bucket=bucket, passwords=passwords),
        *website.routes(settings, services, site, passwords),
        *rest.routes(
            services.tasks,
            rest.Events(services.watch, services.connections),
            rest.Posts(services.ingest),
            rest.Exports(ExportService(services.database)),
        ),
    ]
    # A bare router: what Starlette's application adds (two layers that catch errors) took a fifth
    # of a short answer's time; REST answers its own errors, and `CorrelationMiddleware` the rest.
    app: ASGIApp = Routing(routes, default=site.lost)
    app = protected(
        app,
        authenticate=services.accounts.authenticate,
        recall=services.accounts.recall,
        counter=counter,
        limit=settings.rate_limit_per_minute,
        cross_origins=settings.cors_origins,
        sessions=doors.session_middleware(services, keys),
    )
    served = (access_log(), Measurement(metrics))
    app = CorrelationMiddleware(app, failed=site.failed, served=served)
    return TrustedProxies(app, settings.trusted_proxies) if settings.trusted_proxies else app


@contextlib.asynccontextmanager
async def counting(settings: Settings) -> AsyncGenerator[Counter]:
    """Open what counts requests: for all processes where they share a Redis."""
    if settings.redis_url is None:
        yield ProcessCounter()
        return
    counter = RedisCounter(settings.redis_url)
    try:
        yield counter
    finally:
        await counter.close()
