"""What `sluice task watch --server` makes of a server's stream, and of what is none."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from sluice.cli.stream import connect, told
from sluice.errors import ServerRefused, ServerUnavailable
from tests.sluice.conftest import Command

Answering = Callable[[httpx2.Request], httpx2.Response]


class Body(httpx2.AsyncByteStream):
    """A body that says whether it was closed."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        """Note it."""
        self.is_closed = True


def event(seq: int, kind: str) -> bytes:
    """Return an event as a server writes it."""
    data = f'{{"seq":{seq},"type":"{kind}","at":"2026-01-31T09:00:00Z","task":{{"id":1}}}}'
    return f"id: {seq}\ndata: {data}\n\n".encode()


def stream(*chunks: bytes) -> httpx2.Response:
    """Return an answer that is a stream."""
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(*chunks))


def client(answer: Answering) -> httpx2.AsyncClient:
    """Return a client of a server that answers like this."""
    return httpx2.AsyncClient(base_url="http://x", transport=httpx2.MockTransport(answer))


async def seqs(answer: Answering) -> list[int]:
    """Watch to the end, and return what was told."""
    async with client(answer) as asking:
        return [each.seq async for each in told(asking, 1, tell=lambda _: None)]


async def test_half_an_event_is_none() -> None:
    """A proxy may end an answer anywhere; the next connection begins after the last whole one."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers["last-event-id"])
        if len(asked) == 1:
            return stream(event(1, "created"), event(2, "assigned")[:-20])
        return stream(event(2, "assigned"), event(3, "completed"))

    assert await seqs(answer) == [1, 2, 3]
    assert asked == ["0", "1"]


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b"1", b"{}", b'{"seq":"x","type":"","at":"2026-01-31","task":null}']
)
async def test_events_of_something_else_are_refused(data: bytes) -> None:
    """In a sentence that names where they come from."""
    with pytest.raises(ServerRefused, match=r"^http://x/api/tasks/1/events does not tell events"):
        await seqs(lambda _: stream(b"data: " + data + b"\n\n"))


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_server_that_answers_not_now_is_said_to(status: int) -> None:
    """At the first time; later, it is waited for."""
    with pytest.raises(ServerUnavailable, match=rf"^http://x answers with status {status} now"):
        await seqs(lambda _: httpx2.Response(status))


async def test_who_watches_no_longer_closes_the_connection() -> None:
    """At once, and not when the garbage is collected: a closed pipe would show a traceback."""
    body = Body(event(1, "created"), event(2, "assigned"))
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    async with client(lambda _: answer) as asking:
        events = told(asking, 1, tell=lambda _: None)
        await anext(events)

        await events.aclose()

        assert body.is_closed


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8000",
        "127.0.0.1",
        "ftp://localhost",
        "http://",
        "http://[",
        "http://a b",
        "http://localhost:99999",
        "http://localhost:0",
        "http://localhost:x",
        "http://localhost/?page=1",
    ],
)
def test_what_is_no_address_is_wrong_usage(sluice: Command, address: str) -> None:
    """With an example of one."""
    ended = sluice("task", "watch", "1", "--server", address, "--token", "slc_x")

    assert ended.code == 2
    assert f"{address!r} is no address of a server" in ended.err
    assert "http://localhost:8000" in ended.err


@pytest.mark.parametrize("token", ["ü", "slc_a\nb", "slc_\x00"])
def test_what_is_no_token_is_not_sent(sluice: Command, token: str) -> None:
    """Nor shown."""
    ended = sluice("task", "watch", "1", "--server", "http://localhost", "--token", token)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "sluice: The token holds characters that no token has; look at SLUICE_TOKEN.\n"
    )


async def test_a_line_break_after_the_token_does_not_matter() -> None:
    """As `$(cat token)` leaves it on some systems."""
    async with connect("http://localhost/", " slc_x\r\n") as made:
        assert made.headers["authorization"] == "Bearer slc_x"
