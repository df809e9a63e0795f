"""What machines ask: is the process alive, can it serve, and how is it doing.

Outside `/api` and without a token, so the answers hold no data and no addresses with passwords.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tasks.errors import TaskError

#: Returns when a part can serve; otherwise raises, with a sentence if it is a `TaskError`.
Check: TypeAlias = Callable[[], Awaitable[None]]

#: Load balancers commonly give up after 5 s; a part that needs longer cannot serve anyway.
CHECK_SECONDS: Final = 2.0

log = structlog.stdlib.get_logger(__name__)


class Health:
    """The three addresses. `refresh` brings the registry up to date before it is shown."""

    def __init__(
        self,
        *,
        checks: Mapping[str, Check],
        registry: CollectorRegistry,
        refresh: Check | None = None,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._checks = checks
        self._registry = registry
        self._refresh = refresh
        self._check_seconds = check_seconds

    def routes(self) -> list[BaseRoute]:
        """Return the routes, to be mounted at the root."""
        return [
            Route("/healthz", self.alive),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    async def alive(self, _request: Request) -> Response:
        """Answer 200: the event loop turns.

        Depends on nothing else, or a database that is away would make a supervisor restart
        processes that are well.
        """
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Answer 200 when every check passes, else 503; the body says what is wrong with which."""
        verdicts = await asyncio.gather(*(self._verdict(name) for name in self._checks))
        checks = dict(zip(self._checks, verdicts, strict=True))
        ready = all(verdict == "ok" for verdict in verdicts)
        return JSONResponse(
            {"status": "ok" if ready else "unavailable", "checks": checks},
            status_code=200 if ready else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def metrics(self, _request: Request) -> Response:
        """Answer with the registry in Prometheus' text format."""
        if self._refresh is not None:
            try:
                async with asyncio.timeout(self._check_seconds):
                    await self._refresh()
            except Exception as error:  # noqa: BLE001 - the other metrics matter most when something is down
                log.warning("metrics could not be refreshed", error=str(error))
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _verdict(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._check_seconds):
                await self._checks[name]()
        except TimeoutError:
            return f"No answer within {self._check_seconds:g} s."
        except TaskError as error:
            return str(error)
        except Exception:
            log.exception("readiness check failed", check=name)
            return "Failed; the log says why."
        return "ok"
