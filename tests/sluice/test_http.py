"""Our part of HTTP beside the library's: whatever comes, both write the same."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
import uvicorn
from hypothesis import given
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sluice.http import Cycle, Protocol

DATE = (b"date", b"Tue, 24 Nov 2026 08:00:00 GMT")


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Name both ends."""
        return {"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 5000)}.get(name, default)

    def write(self, data: Any) -> None:
        """Keep it, as a socket does while it is open."""
        if not self.closed:
            self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Say whether it is closed."""
        return self.closed

    def close(self) -> None:
        """Close."""
        self.closed = True

    def pause_reading(self) -> None:
        """Go on: all is here already."""

    def resume_reading(self) -> None:
        """Go on."""


@dataclass(frozen=True)
class Behaviour:
    """What an application does with a request."""

    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()
    length: int | None = 0  #: What it says more than it sends; None says nothing.
    parts: Sequence[bytes] = (b"",)
    reads: bool = True
    waits: bool = False  #: Between the head and the body.
    fails: str = ""  #: "", "before", "between" or "after".
    listens: bool = False  #: For the end, while it answers.


@dataclass
class Application:
    """Does so, and notes what it was told."""

    behaviour: Behaviour
    told: list[Any] = field(default_factory=list[Any])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        does = self.behaviour
        self.told.append({name: scope[name] for name in sorted(scope) if name != "asgi"})
        if does.reads:
            more = True
            while more:
                message = await receive()
                self.told.append(message)
                more = message.get("more_body", False)
        if does.fails == "before":
            raise ValueError("before")
        listening = asyncio.ensure_future(receive()) if does.listens and does.reads else None
        await asyncio.sleep(0)
        headers = list(does.headers)
        if does.length is not None:
            size = max(0, sum(map(len, does.parts)) + does.length)
            headers.append((b"content-length", str(size).encode()))
        start: Message = {"type": "http.response.start", "status": does.status}
        await send({**start, "headers": headers} if headers else start)
        if does.waits:
            await asyncio.sleep(0)
        if does.fails == "between":
            raise ValueError("between")
        for number, part in enumerate(does.parts, 1):
            more = number < len(does.parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})
        if listening is not None:
            self.told.append(await asyncio.wait_for(listening, 0.5))
        if does.fails == "after":
            await send({"type": "http.response.body", "body": b"too much"})


async def exchanged(
    kind: type[HttpToolsProtocol], behaviour: Behaviour, received: Sequence[bytes]
) -> tuple[bytes, bool, list[Any]]:
    """Return what a protocol writes, whether it closes, and what the application was told."""
    app = Application(behaviour)
    config = uvicorn.Config(app, interface="asgi3", log_config=None, access_log=False, http=kind)
    config.load()
    state = ServerState()
    state.default_headers = [DATE]
    transport = Transport()
    protocol = kind(config, state, {"kept": 1})
    protocol.connection_made(transport)
    for data in received:
        if protocol.transport.is_closing():
            break
        protocol.data_received(data)
        for _ in range(6):
            await asyncio.sleep(0)
    while state.tasks:
        await asyncio.wait(state.tasks, timeout=0.05)
        if state.tasks:
            app.told.append("lost")
            protocol.connection_lost(ConnectionResetError())
    if protocol.timeout_keep_alive_task is not None:
        protocol.timeout_keep_alive_task.cancel()
    return b"".join(transport.written), transport.closed, app.told


names = st.sampled_from([b"x-one", b"Content-Type", b"vary", b"connection", b"transfer-encoding"])
values = st.sampled_from([b"a", b"text/plain; charset=utf-8", b"close", b"keep-alive", b"chunked"])
wrong = st.sampled_from([(b"x y", b"a"), (b"x-one", b"a\r\nx-two: b"), (b"", b"\0")])
behaviours = st.builds(
    Behaviour,
    status=st.sampled_from([200, 200, 201, 204, 304, 404, 500]),
    headers=st.lists(st.tuples(names, values) | wrong, max_size=3) | st.just([]),
    length=st.sampled_from([0, 0, 0, None, 1, -1]),
    parts=st.lists(st.binary(max_size=20), min_size=1, max_size=3),
    reads=st.booleans(),
    waits=st.booleans(),
    fails=st.sampled_from(["", "", "", "before", "between", "after"]),
    listens=st.booleans(),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Make a request, mostly a good one."""
    method = draw(st.sampled_from(["GET", "POST", "POST", "HEAD", "OPTIONS"]))
    path = draw(st.sampled_from(["/graphql", "/graphql", "/a%20b?x=1", "/ä", "*", "/" + "a" * 300]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0"]))
    lines = [f"{method} {path} HTTP/{version}", "Host: sluice.test"]
    more = ["Connection: close", "Expect: 100-continue", "Connection: upgrade\r\nUpgrade: h2c", "X"]
    lines += draw(st.lists(st.sampled_from(more), max_size=1))
    body = draw(st.binary(max_size=30)) if method == "POST" else b""
    if body and draw(st.booleans()):
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    elif body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Cut some requests anywhere: pipelined, whole, or in pieces."""
    whole = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]


@given(behaviours, streams())
def test_both_write_the_same(behaviour: Behaviour, received: list[bytes]) -> None:
    """The same bytes, the same end, and the application is told the same.

    Where it breaks off after the head of an answer, a head that was kept is not sent.
    """

    async def both() -> None:
        theirs, closed, told = await exchanged(HttpToolsProtocol, behaviour, received)
        for _ in range(2):  # The second time everything is remembered.
            ours = await exchanged(Protocol, behaviour, received)
            assert ours[1:] == (closed, told)
            if ours[0] != theirs:
                assert closed
                assert behaviour.fails == "between"
                assert theirs.startswith(ours[0])
                assert theirs.endswith(b"\r\n\r\n")

    asyncio.run(both())


async def test_a_short_answer_is_written_at_once() -> None:
    """Head and body are one write, also where the application takes a moment in between."""
    transport = Transport()
    app = Application(Behaviour(parts=[b"hello"], waits=True))
    config = uvicorn.Config(app, interface="asgi3", log_config=None, http=Protocol)
    config.load()
    state = ServerState()
    protocol = Protocol(config, state, {})
    protocol.connection_made(transport)
    for _ in range(2):
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.wait(state.tasks)

    assert isinstance(protocol.cycle, Cycle)
    assert transport.written[-1].startswith(b"HTTP/1.1 200 OK\r\n")
    assert transport.written[-1].endswith(b"\r\n\r\nhello")


async def test_a_stream_begins_at_once() -> None:
    """Without a length the head goes alone: an event stream opens before its first event."""
    written, _, _ = await exchanged(
        Protocol, Behaviour(length=None, fails="between"), [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]
    )

    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert written.endswith(b"transfer-encoding: chunked\r\n\r\n")


@pytest.mark.parametrize("kind", [HttpToolsProtocol, Protocol])
async def test_what_would_break_a_head_is_refused(kind: type[HttpToolsProtocol]) -> None:
    """A line break in a value would be another header, or another answer."""
    behaviour = Behaviour(headers=[(b"x-one", b"a\r\nset-cookie: b")], parts=[b"hello"])
    written, _, _ = await exchanged(kind, behaviour, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])

    assert b"set-cookie" not in written
    assert b"hello" not in written
