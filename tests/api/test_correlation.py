import httpx2
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.correlation import HEADER, CorrelationMiddleware


async def echo(request: Request) -> Response:
    """Answer with the ids that the handler sees."""
    bound = structlog.contextvars.get_contextvars()
    return JSONResponse([request.state.correlation_id, bound["correlation_id"]])


async def fail(_request: Request) -> Response:
    """Fail as nothing should."""
    raise RuntimeError("secret details")


def client() -> httpx2.AsyncClient:
    """Return a client of an application behind the middleware."""
    app = Starlette(
        routes=[Route("/echo", echo), Route("/fail", fail)],
        middleware=[Middleware(CorrelationMiddleware)],
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://sluice.test"
    )


async def test_a_sane_id_is_kept_and_answered() -> None:
    """The handler, the log and the client see the id that the client sent."""
    async with client() as http:
        answer = await http.get("/echo", headers={HEADER: "01J-abc.DEF_9"})

    assert answer.headers[HEADER] == "01J-abc.DEF_9"
    assert answer.json() == ["01J-abc.DEF_9", "01J-abc.DEF_9"]


@pytest.mark.parametrize("offered", ["", "x" * 129, "a b", "a\tb", "<script>", "-leading", 'a"b'])
async def test_any_other_id_is_replaced(offered: str) -> None:
    """It goes into logs and headers, so it must not be able to forge either."""
    async with client() as http:
        answer = await http.get("/echo", headers={HEADER: offered})

    assert answer.headers[HEADER] != offered
    assert len(answer.headers[HEADER]) == 32


async def test_requests_without_an_id_get_different_ones() -> None:
    """A made id names one request."""
    async with client() as http:
        first = await http.get("/echo")
        second = await http.get("/echo")

    assert first.headers[HEADER] != second.headers[HEADER]
    assert structlog.contextvars.get_contextvars() == {}


async def test_the_access_line_has_no_query(caplog: pytest.LogCaptureFixture) -> None:
    """Queries may hold secrets."""
    caplog.set_level("INFO")
    with capture_logs() as records:
        async with client() as http:
            await http.get("/echo?token=geheim")

    [record] = records
    assert (record["event"], record["method"], record["status"]) == ("request", "GET", 200)
    assert record["path"] == "/echo"
    assert record["duration_ms"] >= 0
    assert "geheim" not in str(record)


async def test_what_nobody_caught_is_masked_and_logged_under_the_answered_id() -> None:
    """The client gets an id to quote; the traceback stands beside it in the log."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as records:
        async with client() as http:
            answer = await http.get("/fail")

    assert answer.status_code == 500
    assert answer.json() == {"message": "Server error", "correlation_id": answer.headers[HEADER]}
    failure = next(record for record in records if record["event"] == "request failed")
    assert failure["correlation_id"] == answer.headers[HEADER]
    assert failure["exc_info"]


async def test_a_websocket_gets_the_header_too() -> None:
    """On its handshake, also when the application names no headers of its own."""
    sent: list[Message] = []

    async def accept(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"x-request-id", b"abc")]}
    await CorrelationMiddleware(accept)(scope, receive, send)

    assert sent == [{"type": "websocket.accept", "headers": [(b"x-request-id", b"abc")]}]


@given(offered=st.binary(max_size=200))
async def test_no_header_breaks_the_request(offered: bytes) -> None:
    """Whatever bytes come, the answer carries a sane id."""
    sent: list[Message] = []

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"x-request-id", offered)]}
    await CorrelationMiddleware(answer)(scope, receive, send)

    [(_, value)] = sent[0]["headers"]
    assert value.decode("ascii").replace("-", "").replace("_", "").replace(".", "").isalnum()
