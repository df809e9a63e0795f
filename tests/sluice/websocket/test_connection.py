"""WebSockets served by uvicorn through our own protocol class, over TCP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from sluice.websocket import WebSockets
from tests.graph.transport.socket import CLOSE, PING, PONG, TEXT, Closed, Socket, framed

pytestmark = pytest.mark.enable_socket

LIMIT = 100_000
Open = Callable[..., Awaitable[Socket]]
GOOD = {
    "Host": "x",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


class Echo:
    """Says what it hears; "close" closes, "raise" fails, and "wait" says when it may go on."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.heard: list[dict[str, Any]] = []
        self.ends: list[Any] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] != "websocket":
            return
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        if scope["path"] == "/refuse":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "headers": [(b"x-one", b"1")]})
        while (event := dict(await receive()))["type"] == "websocket.receive":
            self.heard.append(event)
            if event.get("text") == "close":
                await send({"type": "websocket.close", "code": 4000, "reason": "why"})
            elif event.get("text") == "raise":
                raise ValueError("as asked")
            elif event.get("text") == "flood":
                for _ in range(200):
                    await send({"type": "websocket.send", "text": "x" * 100_000})
            else:
                await send({**event, "type": "websocket.send"})
        self.ends.append(event["code"])


@pytest.fixture
def echo() -> Echo:
    """Return the application."""
    return Echo()


@pytest.fixture
async def serve(echo: Echo) -> AsyncIterator[Callable[..., int]]:
    """Return what serves the application and returns the port."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    def serving(**more: Any) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets: Any = WebSockets(max_message_bytes=LIMIT, **more)
        config = uvicorn.Config(echo, ws=sockets, lifespan="off", log_config=None)
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        running.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
        return listener.getsockname()[1]

    yield serving
    for server, task in running:
        server.should_exit = True
        await task


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Return what opens a socket."""
    clients: list[Socket] = []

    async def opening(port: int, **more: Any) -> Socket:
        given: dict[str, Any] = {"protocols": (), **more}
        clients.append(Socket(port, **given))
        await clients[-1].accepted()
        return clients[-1]

    yield opening
    for client in clients:
        client.leave()


async def closes(client: Socket) -> Closed:
    """Return how the server closes."""
    while True:
        try:
            await client.hear()
        except Closed as closed:
            return closed


async def asked(port: int, request: bytes) -> bytes:
    """Send a request and return the answer up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


def handshake(*, method: str = "GET", path: str = "/", **changed: str | None) -> bytes:
    """Return a handshake that differs from a good one; None leaves a header out."""
    headers = {**GOOD, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, LIMIT])
async def test_messages_of_every_size_pass_both_ways(
    serve: Callable[..., int], opened: Open, size: int
) -> None:
    """Texts and binary messages, in each of the protocol's notations of a length."""
    client = await opened(serve())
    client.send(framed(TEXT, b"x" * size))
    assert await client.frame() == (TEXT, b"x" * size)

    client.send(framed(2, b"\xff" * size))

    assert await client.frame() == (2, b"\xff" * size)


async def test_the_application_is_told_who_connects(
    serve: Callable[..., int], opened: Open, echo: Echo
) -> None:
    """As by any server that speaks ASGI."""
    port = serve()
    await opened(port, protocols=("a", "b"), headers={"X-Two": "ü"})

    (scope,) = echo.scopes
    assert (scope["path"], scope["query_string"], scope["scheme"]) == ("/graphql", b"", "ws")
    assert scope["subprotocols"] == ["a", "b"]
    assert (b"x-two", "ü".encode()) in scope["headers"]
    assert scope["server"] == ("127.0.0.1", port)
    assert scope["client"][0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (handshake(Sec_WebSocket_Key=None), b"400"),
        (handshake(Sec_WebSocket_Key="short"), b"400"),
        (handshake(Sec_WebSocket_Key="\xfc" * 16), b"400"),
        (handshake(Sec_WebSocket_Version=None), b"400"),
        (handshake(Sec_WebSocket_Version="8"), b"400"),
        (handshake(method="POST"), b"405"),
        (handshake(Sec_WebSocket_Version="13\r\nSec-WebSocket-Version: 8"), b"400"),
        (handshake(path="/refuse"), b"403"),
    ],
)
async def test_a_handshake_that_is_none_is_refused(
    serve: Callable[..., int], request_: bytes, status: bytes
) -> None:
    """With the status that RFC 6455 asks for, and the connection ends."""
    answer = await asked(serve(), request_)

    assert answer.split(b" ")[1] == status, answer


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"\x81\x01x", 1002, id="not masked"),
        pytest.param(framed(3, b""), 1002, id="no such type"),
        pytest.param(framed(0, b"x"), 1002, id="goes on with nothing"),
        pytest.param(framed(1, b"x", fin=False) + framed(1, b"y"), 1002, id="begins amid another"),
        pytest.param(framed(PING, b"", fin=False), 1002, id="part of a control frame"),
        pytest.param(framed(PING, b"x" * 126), 1002, id="long control frame"),
        pytest.param(framed(0x40 | TEXT, b"x"), 1002, id="reserved bit"),
        pytest.param(framed(TEXT, b"\xff"), 1007, id="no UTF-8"),
        pytest.param(
            framed(TEXT, b"\xc3", fin=False) + framed(0, b"x"), 1007, id="no UTF-8 in parts"
        ),
        pytest.param(framed(TEXT, b"x" * (LIMIT + 1)), 1009, id="too long"),
        pytest.param(
            framed(TEXT, b"x" * LIMIT, fin=False) + framed(0, b"x"), 1009, id="too long in parts"
        ),
        pytest.param(framed(CLOSE, b"\x03"), 1002, id="half a code"),
        pytest.param(framed(CLOSE, b"\x00\x01"), 1002, id="a code that is none"),
    ],
)
async def test_who_breaks_the_protocol_is_closed(
    serve: Callable[..., int], opened: Open, echo: Echo, data: bytes, code: int
) -> None:
    """With the code of RFC 6455, and the application is told of the end."""
    client = await opened(serve())
    client.send(data)

    assert (await closes(client)).code == code
    async with asyncio.timeout(5):
        while not echo.ends:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_who_goes_on_after_breaking_the_protocol_is_let_finish(
    serve: Callable[..., int], opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """What it says is read, so that nothing resets the connection, and thrown away."""
    port = serve()
    client = await opened(port)
    client.send(framed(TEXT, b"x" * (LIMIT + 1)))
    assert (await client.frame())[0] == CLOSE

    client.send(framed(TEXT, b"more"))
    other = await opened(port)
    other.raw("after it")

    assert await other.frame() == (TEXT, b"after it")
    assert await client.over() == b""
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_application_closes(serve: Callable[..., int], opened: Open, echo: Echo) -> None:
    """The client's answer ends the connection; what it said before is heard no more."""
    client = await opened(serve())
    client.send(framed(TEXT, b"close") + framed(TEXT, b"more"))

    closed = await closes(client)

    assert (closed.code, closed.reason) == (4000, "why")
    assert echo.heard[0]["text"] == "close"


@pytest.mark.parametrize(("payload", "code"), [(b"\x0f\xa1bye", 4001), (b"", 1005)])
async def test_the_application_hears_the_clients_close(
    serve: Callable[..., int], opened: Open, echo: Echo, payload: bytes, code: int
) -> None:
    """The close is answered in kind."""
    client = await opened(serve())
    client.send(framed(CLOSE, payload))

    assert (await client.frame())[0] == CLOSE
    assert await client.over() == b""
    assert echo.ends == [code]


async def test_a_broken_connection_is_a_disconnect(
    serve: Callable[..., int], opened: Open, echo: Echo
) -> None:
    """1006, as nobody has said a code."""
    client = await opened(serve())
    client.leave()

    async with asyncio.timeout(5):
        while echo.ends != [1006]:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_an_application_that_fails_closes_with_1011(
    serve: Callable[..., int], opened: Open
) -> None:
    """The client learns that it was not its fault."""
    client = await opened(serve())
    client.raw("raise")

    assert (await closes(client)).code == 1011


async def test_who_is_silent_is_pinged_and_given_up(
    serve: Callable[..., int], opened: Open
) -> None:
    """A client that answers pings stays; one that does not is closed with 1011."""
    client = await opened(serve(ping_seconds=0.2))
    for _ in range(4):
        opcode, payload = await client.frame()
        assert opcode == PING
        client.send(framed(PONG, payload))

    while (heard := await client.frame())[0] == PING:
        pass

    assert heard == (CLOSE, (1011).to_bytes(2, "big") + b"keepalive ping timeout")


async def test_a_slow_reader_holds_up_the_application(
    serve: Callable[..., int], opened: Open, echo: Echo
) -> None:
    """What it does not read is not kept without a bound; what it reads comes whole."""
    client = await opened(serve())
    client.raw("flood")
    client.raw("after")
    heard = [await client.frame() for _ in range(201)]

    assert {len(payload) for _, payload in heard[:-1]} == {100_000}
    assert heard[-1] == (TEXT, b"after")
    assert len(echo.heard) == 2


async def test_many_messages_at_once_are_all_heard(serve: Callable[..., int], opened: Open) -> None:
    """More than wait for the application: reading stops meanwhile, and goes on."""
    client = await opened(serve())
    client.send(b"".join(framed(TEXT, str(number).encode()) for number in range(500)))

    assert [(await client.frame())[1] for _ in range(500)] == [
        str(number).encode() for number in range(500)
    ]


async def test_a_server_that_ends_sends_clients_elsewhere(opened: Open, echo: Echo) -> None:
    """1012 makes them connect again."""
    listener = socket.create_server(("127.0.0.1", 0))
    sockets: Any = WebSockets(max_message_bytes=LIMIT)
    server = uvicorn.Server(uvicorn.Config(echo, ws=sockets, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    client = await opened(listener.getsockname()[1])
    server.should_exit = True

    assert (await closes(client)).code == 1012
    await serving
    assert echo.ends == [1012]
