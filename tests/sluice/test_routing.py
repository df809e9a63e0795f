from collections.abc import Awaitable, Callable, Sequence

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sluice.routing import Routing


class Named:
    """Answers any method with its name and the path's parameters."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        route = getattr(scope.get("route"), "path", None)
        text = f"{self.name} {scope['path_params']} {route}"
        await PlainTextResponse(text)(scope, receive, send)


def handler(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers with its name."""

    async def answer(_request: Request) -> Response:
        return PlainTextResponse(name)

    return answer


def routes() -> Sequence[BaseRoute]:
    """Return routes that come in each other's way."""
    get, post, late = handler("get"), handler("post"), handler("late")
    return [
        Route("/session", get),
        Route("/session", post, methods=["POST"]),
        Route("/api/{kind}", Named("kind")),
        Route("/api/tasks", Named("never")),
        Route("/api/tasks/{id:int}", Named("number")),
        Route("/api/tasks/{id}", Named("text")),
        Route("/api/tasks/{id}/result", Named("result")),
        Route("/graphql", Named("graphql")),
        Mount("/graphql/assets", Named("assets")),
        Route("/alone", get),
        Route("/{rest:path}/late", late),
        Route("/api/{path:path}", Named("nowhere")),
    ]


class Heard:
    """Accepts a WebSocket by its name and the path's parameters."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Accept."""
        text = f"{self.name} {scope['path_params']}"
        await send({"type": "websocket.accept", "subprotocol": text})


@pytest.mark.parametrize("path", ["/live", "/live/", "/live/5", "/hidden/in", "/nowhere", "/a"])
async def test_a_websocket_is_opened_where_the_library_does(path: str) -> None:
    """Also one whose path another route takes first."""
    ways: list[BaseRoute] = [
        *routes(),
        WebSocketRoute("/live", Heard("live")),
        WebSocketRoute("/live/{id}", Heard("one")),
        Mount("/hidden", Heard("mounted")),
        WebSocketRoute("/hidden/in", Heard("never")),
    ]

    async def opened(app: ASGIApp) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {"type": "websocket", "path": path, "headers": [], "query_string": b""}
        await app(scope, receive, send)
        return sent

    assert await opened(Routing(ways)) == await opened(Router(ways))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        *("/session", "/session/", "/api", "/api/", "/api/tasks", "/api/tasks/", "/api/tasks/5"),
        *("/api/tasks/x", "/api/tasks/5/result", "/api/tasks/5/nothing", "/graphql", "/graphql/"),
        *("/graphql/assets/a.js", "/graphql/assetsx", "/alone", "/alone/", "/a/b/late", "/late"),
        *("/", "/nowhere", "//", "/api//tasks", "/api/tasks//late", "/alone/late"),
    ],
)
async def test_it_answers_as_the_library_does(method: str, path: str) -> None:
    """Finding a route faster finds no other."""

    async def asked(app: ASGIApp) -> tuple[int, str, str | None, str | None]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://sluice.test") as http:
            answer = await http.request(method, path)
        allowed = answer.headers.get("allow", "").split(", ")
        return answer.status_code, answer.text, answer.headers.get("location"), str(sorted(allowed))

    assert await asked(Routing(routes())) == await asked(Router(routes()))
