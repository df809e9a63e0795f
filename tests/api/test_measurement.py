import httpx2
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.correlation import CorrelationMiddleware
from api.measurement import Measurement
from tasks.metrics import Metrics


async def answer(_request: Request) -> Response:
    """Answer anything."""
    return Response("ok")


async def test_requests_are_counted_by_template_not_by_path() -> None:
    """Paths and made-up methods are the client's, and each label costs memory for ever."""
    registry = CollectorRegistry()
    app = Starlette(
        routes=[Route("/api/tasks/{task_id:int}", answer)],
        middleware=[Middleware(CorrelationMiddleware, served=[Measurement(Metrics(registry))])],
    )
    transport = httpx2.ASGITransport(app=app)

    async with httpx2.AsyncClient(transport=transport, base_url="http://sluice.test") as http:
        for path in ("/api/tasks/1", "/api/tasks/2", "/nowhere/1", "/nowhere/2"):
            await http.get(path)
        await http.request("BREW", "/nowhere/3")

    def count(route: str, method: str, status: str) -> float | None:
        labels = {"route": route, "method": method, "status": status}
        return registry.get_sample_value("sluice_http_requests_total", labels)

    assert count("/api/tasks/{task_id:int}", "GET", "200") == 2
    assert count("other", "GET", "404") == 2
    assert count("other", "other", "404") == 1
    timed = {"route": "/api/tasks/{task_id:int}", "method": "GET"}
    assert registry.get_sample_value("sluice_http_request_seconds_count", timed) == 2
