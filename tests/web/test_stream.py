"""An answer that goes on, until one of three ends it."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from starlette.types import Message

from web.stream import STREAMS, Stream, Streams


class Words:
    """What is sent: words that a test says one by one, and None for the end."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self.closed = 0

    def say(self, word: str | None) -> None:
        """Say the next word."""
        self._said.put_nowait(word)

    async def __anext__(self) -> str:
        """Wait for it."""
        word = await self._said.get()
        if word is None:
            raise StopAsyncIteration
        return word

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


class Lines:
    """A word a line."""

    content_type = "text/plain"
    start = b"start\n"
    heartbeat = b"...\n"
    end = b"end\n"

    def frame(self, word: str) -> bytes:
        """Write a word."""
        return f"{word}\n".encode()


class Answer:
    """A stream that is being sent, and what has arrived of it."""

    def __init__(self, *, heartbeat_seconds: float = 60.0, streams: Streams | None = None) -> None:
        self.words = Words()
        self.left = 0
        self.stream = Stream(self.words, Lines(), heartbeat_seconds=heartbeat_seconds)
        self.stream.leave = self._leave
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"state": {STREAMS: streams} if streams is not None else {}}
        self._sending = asyncio.ensure_future(self.stream(scope, self._in.get, self._out.put))

    def client_leaves(self) -> None:
        """Break the connection."""
        self._in.put_nowait({"type": "http.disconnect"})

    def we_close(self) -> None:
        """End the answer early."""
        self.stream.close()

    async def until(self, text: bytes) -> bytes:
        """Return the body up to where it holds a text."""
        body = b""
        async with asyncio.timeout(10):
            while text not in body:
                body += (await self._out.get()).get("body", b"")
        return body

    async def end(self) -> list[Message]:
        """Wait for the end, and return what had not been looked at."""
        async with asyncio.timeout(10):
            await self._sending
        return [self._out.get_nowait() for _ in range(self._out.qsize())]

    def _leave(self) -> None:
        self.left += 1


async def test_it_ends_after_the_last_item() -> None:
    """Each message but the last says that there is more."""
    answer = Answer()
    for word in ("one", "two", None):
        answer.words.say(word)

    head, *bodies = await answer.end()

    assert (head["status"], dict(head["headers"])[b"content-type"]) == (200, b"text/plain")
    assert [body["body"] for body in bodies] == [b"start\n", b"one\n", b"two\n", b"end\n"]
    assert [body.get("more_body", False) for body in bodies] == [True, True, True, False]
    assert (answer.words.closed, answer.left) == (1, 1)


async def test_silence_is_broken_by_signs_of_life() -> None:
    """An item that comes after them is not lost."""
    answer = Answer(heartbeat_seconds=0.01)
    await answer.until(b"...\n...\n")

    answer.words.say("one")

    assert b"one\n" in await answer.until(b"one\n")
    answer.client_leaves()
    await answer.end()


@pytest.mark.parametrize(
    ("how", "last"),
    [
        (Answer.client_leaves, []),
        (Answer.we_close, [{"type": "http.response.body", "body": b""}]),
    ],
    ids=["by the client", "by us"],
)
async def test_it_ends_in_the_middle(how: Any, last: list[Message]) -> None:
    """What it read from is closed; only a client that is still there hears that it is over."""
    answer = Answer()
    await answer.until(b"start\n")

    how(answer)

    assert await answer.end() == last
    assert (answer.words.closed, answer.left) == (1, 1)


async def test_a_stream_that_is_closed_before_it_begins_is_an_answer_as_well() -> None:
    """It has a head and an end, and nothing between them."""
    answer = Answer()
    answer.we_close()

    head, end = await answer.end()

    assert (head["type"], head["status"]) == ("http.response.start", 200)
    assert end == {"type": "http.response.body", "body": b""}
    assert (answer.words.closed, answer.left) == (1, 1)


async def test_a_server_that_ends_ends_its_streams() -> None:
    """Those that are open, and one that begins while it does; each as `close` ends it."""
    streams = Streams()
    one, other = Answer(streams=streams), Answer(streams=streams)
    for answer in (one, other):
        await answer.until(b"start\n")

    streams.close()
    late = Answer(streams=streams)

    end = {"type": "http.response.body", "body": b""}
    assert [await one.end(), await other.end()] == [[end], [end]]
    assert [message["type"] for message in await late.end()] == [
        "http.response.start",
        "http.response.body",
    ]


async def test_a_stream_that_has_ended_is_forgotten() -> None:
    """A server keeps nothing of it."""
    streams = Streams()
    answer = Answer(streams=streams)
    await answer.until(b"start\n")
    stream = weakref.ref(answer.stream)

    answer.client_leaves()
    await answer.end()
    del answer
    gc.collect()

    assert stream() is None
