"""The bus over Redis, with a connection that can be cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tasks import models
from tasks.bus import decode, encode
from tasks.database import Database
from tasks.principal import Principal
from tasks.redis_bus import RedisBus
from tasks.watch import WatchService
from tests.conftest import REDIS_SERVER
from tests.tasks.watch.world import World, drain, take, until

REDIS = f"{REDIS_SERVER}/9"


class Line:
    """A line to Redis that can be cut and mended."""

    def __init__(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.questions = 0  #: How often Redis was asked who is heard.

    @property
    def url(self) -> str:
        """The address of Redis at the end of the line."""
        return f"redis://127.0.0.1:{self.port}{urlsplit(REDIS).path}"

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections, and take no new ones."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(REDIS)
        there = await asyncio.open_connection(parts.hostname, parts.port or 6379)
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                self.questions += data.count(b"NUMSUB")
                writer.write(data)
            writer.close()


class Ear:
    """Listens."""

    def __init__(self) -> None:
        self.heard: list[models.TaskEvent] = []
        self.catch_ups = 0

    def receive(self, event: models.TaskEvent) -> None:
        """Keep an event."""
        self.heard.append(event)

    def catch_up(self) -> None:
        """Count."""
        self.catch_ups += 1


@pytest.fixture
async def line(redis: Any) -> AsyncIterator[Line]:
    """Return a line to Redis."""
    assert redis  # It is there.
    line = Line()
    await line.mend()
    yield line
    await line.cut()


def event(user_id: int, seq: int = 1) -> models.TaskEvent:
    """Return an event."""
    values = {"id": seq, "task_id": 1, "user_id": user_id, "seq": seq, "type": "updated"}
    more = {"at": datetime(2026, 1, 1, 12, 0, 0, 5, UTC), "data": {"v": 1, "ä": None}, "xid": 3}
    return models.TaskEvent.of([{**values, **more}[name] for name in models.TaskEvent.columns()])


def publish(bus: RedisBus, *events: models.TaskEvent) -> None:
    """Publish events that are made already."""
    for each in events:
        bus.publish(each.user_id, lambda each=each: each)


def test_an_event_survives_the_wire() -> None:
    """What is decoded is what was encoded, the microseconds included."""
    sent = event(7)

    heard = decode(encode(sent))
    assert [getattr(heard, name) for name in models.TaskEvent.columns()] == [
        getattr(sent, name) for name in models.TaskEvent.columns()
    ]


@pytest.mark.parametrize("message", [b"", b"{}", b"[1,2]", b"null", b"\xff"])
def test_a_message_that_is_no_event_is_an_error(message: bytes) -> None:
    """Others may write on the channel; their messages are told from ours."""
    with pytest.raises(ValueError, match=r".*"):
        decode(message)


async def test_a_subscription_hears_its_owner_alone(line: Line) -> None:
    """What is published after the confirmation arrives, in order, on the owner's channel."""
    ear = Ear()
    async with RedisBus.open(line.url) as near, RedisBus.open(line.url) as far:
        subscription = near.subscribe(101, ear)
        await subscription.confirmed()

        publish(far, event(101, 1), event(102, 2), event(101, 3))

        await until(lambda: len(ear.heard) == 2)
        assert [heard.seq for heard in ear.heard] == [1, 3]
        assert ear.catch_ups == 0
        subscription.end()


async def test_what_nobody_hears_is_not_made(line: Line) -> None:
    """An owner's events are made from when somebody listens until after nobody does."""
    made: list[models.TaskEvent] = []
    marker = Ear()

    def make() -> models.TaskEvent:
        made.append(event(106))
        return made[-1]

    async with RedisBus.open(line.url) as near, RedisBus.open(line.url) as far:
        await near.subscribe(107, marker).confirmed()

        async def made_of_one() -> int:
            """Publish one, and one after it that is heard; say how many of the first were made."""
            before, heard = len(made), len(marker.heard)
            far.publish(106, make)
            publish(far, event(107))
            await until(lambda: len(marker.heard) > heard)
            return len(made) - before

        assert await made_of_one() == 0
        subscription = near.subscribe(106, Ear())
        await subscription.confirmed()
        assert await made_of_one() == 1
        subscription.end()
        assert 0 in [await made_of_one() for _ in range(20)]


async def test_events_that_nobody_hears_wait_for_one_that_is_heard(line: Line) -> None:
    """One question is enough for many of them; whom somebody hears does not wait."""
    ear = Ear()
    async with RedisBus.open(line.url, quiet_seconds=600) as far:
        await far.subscribe(108, ear).confirmed()
        publish(far, event(108, 1))
        await until(lambda: len(ear.heard) == 1)
        publish(far, event(109))
        await until(lambda: line.questions == 2)

        for _ in range(20):
            publish(far, event(109), event(110))
            await asyncio.sleep(0)
        publish(far, event(108, 2))

        await until(lambda: len(ear.heard) == 2)
        assert line.questions == 3


async def test_what_comes_after_a_silence_is_asked_about(line: Line) -> None:
    """Events that waited for others go out by themselves in the end."""
    async with RedisBus.open(line.url) as bus:
        for question in range(1, 4):
            publish(bus, event(111))
            publish(bus, event(111))
            await until(lambda question=question: line.questions >= question)


async def test_who_unsubscribes_hears_no_more(line: Line) -> None:
    """The channel is left with its last listener, and can be joined again."""
    ear, other = Ear(), Ear()
    async with RedisBus.open(line.url) as bus:
        subscription = bus.subscribe(103, ear)
        await subscription.confirmed()
        subscription.end()
        await bus.subscribe(103, other).confirmed()

        publish(bus, event(103))

        await until(lambda: len(other.heard) == 1)
        assert ear.heard == []


async def test_a_lost_connection_is_made_again_and_told(line: Line) -> None:
    """After it, listeners hear again, and know that they may have missed something."""
    ear = Ear()
    async with RedisBus.open(line.url) as bus:
        await bus.subscribe(104, ear).confirmed()
        await line.cut()
        publish(bus, event(104, 1))
        await line.mend()

        await until(lambda: ear.catch_ups == 1)
        publish(bus, event(104, 2))
        await until(lambda: any(heard.seq == 2 for heard in ear.heard))


async def test_a_bus_that_is_away_does_not_hold_up_a_subscription(line: Line) -> None:
    """The watcher begins without the confirmation and is told once there is one."""
    ear = Ear()
    await line.cut()
    async with RedisBus.open(line.url) as bus:
        async with asyncio.timeout(5):
            await bus.subscribe(105, ear).confirmed()
        await line.mend()

        await until(lambda: ear.catch_ups == 1)


async def test_watchers_catch_up_after_an_outage(
    line: Line, database: Database, principal: Principal
) -> None:
    """What happened while Redis was away is read from the log at once."""
    async with RedisBus.open(line.url) as bus:
        world = World(database, bus)
        async with WatchService.open(world.database, bus) as service:
            task = await world.create(principal)
            watch = await service.task(principal, task.id)
            stream = await service.tasks(principal)
            await take(stream, 2)
            await line.cut()
            await world.complete(await world.start())
            await line.mend()

            updates = await drain(watch)
            streamed = await take(stream, 3)

    assert [update.seq for update in updates] == [1, 2, 3, 4]
    assert [item.update.seq for item in streamed if item.update] == [2, 3, 4]


async def test_events_cross_from_one_process_to_another(
    line: Line, database: Database, principal: Principal
) -> None:
    """A worker's events reach a gateway that shares only the database and Redis."""
    async with RedisBus.open(line.url) as near, RedisBus.open(line.url) as far:
        worker = World(database, far)
        service = WatchService(database, near)  # without a comparison: the bus alone tells
        task = await worker.create(principal)
        watch = await service.task(principal, task.id)
        await worker.complete(await worker.start())

        assert [update.seq for update in await drain(watch)] == [1, 2, 3, 4]
