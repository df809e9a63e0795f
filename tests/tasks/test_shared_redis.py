"""What processes share in Redis: asked for there, and answered here while Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tasks.shared_redis import PAUSE_SECONDS, SharedRedis
from tests.conftest import NO_REDIS, REDIS

pytestmark = pytest.mark.enable_socket


class Silence:
    """A server that takes connections and never says a word."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until the other side hangs up."""
        self.connections += 1
        while await reader.read(65_536):
            pass
        writer.close()


@pytest.fixture
async def silence() -> AsyncIterator[Silence]:
    """Return the server, which is there until the test ends."""
    silence = Silence()
    async with await asyncio.start_server(silence.take, "127.0.0.1", 0) as server:
        silence.port = server.sockets[0].getsockname()[1]
        yield silence


class Asking:
    """Asks who answers: Redis, or the one in its place."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.redis = SharedRedis(url, meanwhile="this test answers", clock=clock)
        self._echo: Any = self.redis.script("return ARGV[1]")

    async def __call__(self, word: str) -> tuple[str, str]:
        """Return who answered, and what was asked."""
        return await self.redis.ask(self._there, self._here, word)

    async def _there(self, word: str) -> tuple[str, str]:
        return "there", (await self._echo(args=[word])).decode()

    async def _here(self, word: str) -> tuple[str, str]:
        return "here", word


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of a Redis that is away."""
    return [r.getMessage() for r in caplog.records if "Redis does not answer" in r.getMessage()]


@pytest.mark.usefixtures("redis")
async def test_redis_answers_a_burst_to_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """Questions that outnumber the client's connections wait for one; that is no failure."""
    ask = Asking(REDIS)

    answers = await asyncio.gather(*(ask(str(number)) for number in range(300)))
    await ask.redis.close()

    assert answers == [("there", str(number)) for number in range(300)]
    assert warnings_of(caplog) == []


async def test_a_redis_that_is_away_is_asked_again_after_a_pause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so each time that it was asked, and what holds meanwhile."""
    now = [1000.0]
    ask = Asking(NO_REDIS, clock=lambda: now[0])

    answers = [await ask("first"), await ask("second")]
    told = warnings_of(caplog)
    now[0] += PAUSE_SECONDS
    answers.append(await ask("third"))
    await ask.redis.close()

    assert answers == [("here", "first"), ("here", "second"), ("here", "third")]
    assert len(told) == 1
    assert "this test answers" in told[0]
    assert len(warnings_of(caplog)) == 2


async def test_questions_do_not_wait_for_a_silent_redis_in_turn(
    silence: Silence, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that were waiting when it failed are answered here, and it is one failure."""
    ask = Asking(f"redis://127.0.0.1:{silence.port}/0")

    answers = await asyncio.gather(*(ask("word") for _ in range(200)))
    await ask.redis.close()

    assert answers == [("here", "word")] * 200
    assert silence.connections <= 32
    assert len(warnings_of(caplog)) == 1
