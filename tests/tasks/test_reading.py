"""How reads get a connection, on each database."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa

from tasks.database import Database, Statement, Steps, open_database
from tasks.database.lane import Lane
from tasks.database.sqlite import SqliteDatabase
from tasks.errors import DatabaseUnavailable
from tests.conftest import missing
from tests.postgres import POSTGRES, driver


class Connection:
    """A connection that is open until it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        """Say whether it is closed."""
        return self.closed


class Pool:
    """Hands out connections, and counts them."""

    def __init__(self) -> None:
        self.out = 0
        self.made = 0

    async def acquire(self, timeout: float) -> Connection:  # noqa: ASYNC109 - as the driver's pool has it
        """Hand out a new one."""
        assert timeout > 0
        self.out += 1
        self.made += 1
        return Connection()

    async def release(self, connection: Connection) -> None:
        """Take one back."""
        assert connection
        self.out -= 1


async def until(done: Callable[[], bool]) -> None:
    """Wait for something, at most 5 seconds."""
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def waiting(lane: Lane) -> "asyncio.Task[Any]":
    """Return a read that waits for a connection."""
    task = asyncio.create_task(lane.take())
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_a_connection_goes_to_who_waits_longest() -> None:
    """First come, first served, without a way through the pool."""
    pool = Pool()
    lane = Lane(pool, 1, timeout_seconds=1)
    held = await lane.take()
    first, second = await waiting(lane), await waiting(lane)

    lane.give(held)
    assert await first is held
    assert not second.done()
    lane.give(held)

    assert await second is held
    assert pool.made == 1


async def test_what_a_cancelled_read_was_handed_goes_on() -> None:
    """A client that leaves takes no connection along."""
    lane = Lane(Pool(), 1, timeout_seconds=1)
    held = await lane.take()
    gone, second = await waiting(lane), await waiting(lane)

    lane.give(held)
    gone.cancel()

    assert await second is held
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_a_connection_that_failed_makes_room() -> None:
    """Who waits takes another one from the pool."""
    pool = Pool()
    lane = Lane(pool, 1, timeout_seconds=1)
    held = await lane.take()
    second = await waiting(lane)

    await lane.drop(held)

    assert await second is not held
    assert pool.out == 1


async def test_an_idle_connection_that_was_lost_is_replaced() -> None:
    """A restart of the server costs the next read nothing but a new connection."""
    pool = Pool()
    lane = Lane(pool, 1, timeout_seconds=1)
    held = await lane.take()
    lane.give(held)
    held.closed = True

    again = await lane.take()

    assert again is not held
    assert pool.out == 1


async def test_closing_brings_all_connections_back() -> None:
    """Idle ones at once, the others when their reads have ended."""
    pool = Pool()
    lane = Lane(pool, 2, timeout_seconds=1)
    idle, busy = await lane.take(), await lane.take()
    lane.give(idle)

    await lane.close()
    assert pool.out == 1
    lane.give(busy)
    await until(lambda: pool.out == 0)


async def test_many_reads_at_once_are_all_answered(database: Database) -> None:
    """More than there are connections, some of them cancelled."""
    one = Statement(sa.select(sa.func.abs(-1).label("one")))

    def steps() -> Steps[int]:
        rows = yield one()
        return rows[0][0]

    reads = [asyncio.create_task(database.read(steps)) for _ in range(60)]
    await asyncio.sleep(0)
    for read in reads[::7]:
        read.cancel()

    found = await asyncio.gather(*reads, return_exceptions=True)

    assert all(each == 1 for index, each in enumerate(found) if index % 7)
    assert await database.read(steps) == 1


async def test_a_server_that_ends_connections_is_asked_again() -> None:
    """The next read meets no dead connection."""
    try:
        admin: Any = await driver.connect(POSTGRES, timeout=5)
    except OSError:
        missing("PostgreSQL")
    database = await open_database(POSTGRES)
    pid = Statement(sa.select(sa.func.pg_backend_pid().label("pid")))

    def steps() -> Steps[int]:
        rows = yield pid()
        return rows[0][0]

    first = await database.read(steps)
    await admin.execute("SELECT pg_terminate_backend($1, 5000)", first)
    # The server says goodbye; what is read before that is heard fails, and nothing after it.
    second = first
    async with asyncio.timeout(5):
        while second == first:
            with suppress(DatabaseUnavailable):
                second = await database.read(steps)

    assert second != first
    await database.close()
    await admin.close()


async def test_a_long_read_moves_from_the_loop_to_a_thread(tmp_path: Any) -> None:
    """A short one does not, and afterwards short ones still do not."""
    database = SqliteDatabase(tmp_path / "sluice.db")
    numbers: Any = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    upto = sa.bindparam("upto", type_=sa.Integer)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < upto))
    count = Statement(sa.select(sa.func.count()).select_from(numbers))

    def steps(upto: int, threads: list[str]) -> Steps[int]:
        threads.append(threading.current_thread().name)
        rows = yield count(upto=upto)
        return rows[0][0]

    for upto in (10, 100_000, 10):
        threads: list[str] = []
        assert await database.read(steps, upto, threads) == upto
        moved = [name for name in threads if name.startswith("sqlite-reader")]
        assert len(moved) == (upto > 10)
        assert not threads[0].startswith("sqlite-reader")
    await database.close()
