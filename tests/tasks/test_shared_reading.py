"""Reads of one statement that wait at the same time and go together."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from tasks.accounts import AccountService
from tasks.cursor import Window
from tasks.database import SHORT, Call, Database, Row, Statement
from tasks.database.lane import Lane
from tasks.database.reading import Reading
from tasks.database.statement import NUMBER
from tasks.errors import DatabaseUnavailable
from tasks.filter import PostOrder, TaskFilter, TaskOrder
from tasks.principal import Principal
from tasks.query import QueryService
from tasks.service import TaskService
from tasks.store import lookup
from tests.conftest import principal_of
from tests.tasks.test_reading import Pool
from tests.tasks.test_service import new

ONE = Statement(sa.select(sa.bindparam("key", type_=sa.Integer)), shared=SHORT)
ALONE = Statement(sa.select(sa.bindparam("key", type_=sa.Integer)))


class Recorder:
    """Runs calls as a database would, and remembers them."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.broken: set[int] = set()
        self.away = False

    async def __call__(self, _connection: Any, call: Call) -> Sequence[Row]:
        """Answer each call with two rows of its key, but the odd keys with none."""
        parameters: Any = call.parameters
        calls: list[dict[str, int]] = [parameters] if "key" in parameters else parameters
        keys = [each["key"] for each in calls]
        self.batches.append(keys)
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError
        if self.broken & set(keys):
            raise ValueError("It cannot be run.")
        return [
            (each["key"], each.get(NUMBER, 0))
            for each in calls
            if each["key"] % 2 == 0
            for _ in range(2)
        ]


def translated(error: Exception) -> Exception:
    """Say what the service calls an error."""
    return DatabaseUnavailable("It is away.") if isinstance(error, ConnectionError) else error


def reading(recorder: Recorder, pool: Pool, *, connections: int = 2) -> Reading:
    """Return what is tested, on a pool that counts."""
    return Reading(Lane(pool, connections, timeout_seconds=1), recorder, translated)


async def asked(reads: Reading, keys: Sequence[int]) -> list[Any]:
    """Ask for keys at the same time; returns the keys of each one's rows, or its error."""
    calls = (reads.fetch(ONE(key=key)) for key in keys)
    found = await asyncio.gather(*calls, return_exceptions=True)
    return [each if isinstance(each, BaseException) else [row[0] for row in each] for each in found]


async def test_reads_of_one_turn_go_together_and_find_their_own_rows() -> None:
    """Two who ask the same included, and those for whom there is nothing."""
    recorder, pool = Recorder(), Pool()
    reads = reading(recorder, pool)

    assert await asked(reads, [4, 3, 4, 2]) == [[4, 4], [], [4, 4], [2, 2]]

    assert recorder.batches == [[4, 3, 4, 2]]
    assert await asked(reads, [6]) == [[6, 6]]
    assert pool.made == 1


async def test_a_batch_has_a_bound() -> None:
    """What is beyond it goes on another connection at the same time."""
    recorder, pool = Recorder(), Pool()

    await asked(reading(recorder, pool), range(SHORT + 3))

    assert [len(batch) for batch in recorder.batches] == [SHORT, 3]
    assert pool.made == 2


async def test_what_waits_for_a_connection_goes_with_it() -> None:
    """A batch is made when its connection is there, so that a busy database gets larger ones."""
    recorder, pool = Recorder(), Pool()
    lane = Lane(pool, 1, timeout_seconds=1)
    reads = Reading(lane, recorder, translated)
    held = await lane.take()

    running: list[asyncio.Task[Any]] = []
    for key in (2, 4, 6):
        running.append(asyncio.create_task(reads.fetch(ONE(key=key))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    lane.give(held)
    await asyncio.gather(*running)

    assert recorder.batches == [[2, 4, 6]]


async def test_a_read_that_cannot_be_run_fails_alone() -> None:
    """The others of its batch are run again without it."""
    recorder, pool = Recorder(), Pool()
    recorder.broken = {4}

    found = await asked(reading(recorder, pool), [2, 4, 6])

    assert found[::2] == [[2, 2], [6, 6]]
    assert isinstance(found[1], ValueError)


async def test_an_outage_is_told_to_everybody_at_once() -> None:
    """Nobody is tried alone against a database that is away, and its connection is given up."""
    recorder, pool = Recorder(), Pool()
    recorder.away = True

    found = await asked(reading(recorder, pool), [2, 4, 6])

    assert all(isinstance(each, DatabaseUnavailable) for each in found)
    assert recorder.batches == [[2, 4, 6]]
    assert pool.out == 0


async def test_who_is_cancelled_while_waiting_takes_the_read_back() -> None:
    """It is never run; where nobody is left, nothing is."""
    recorder, pool = Recorder(), Pool()
    reads = reading(recorder, pool)
    running = [asyncio.create_task(reads.fetch(ONE(key=key))) for key in (2, 4)]
    await asyncio.sleep(0)
    running[0].cancel()
    await asyncio.gather(*running, return_exceptions=True)

    gone = asyncio.create_task(reads.fetch(ONE(key=6)))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    assert await asked(reads, [8]) == [[8, 8]]
    assert recorder.batches == [[4], [8]]


async def test_a_statement_that_is_not_shared_goes_alone() -> None:
    """Its rows could not be told apart."""
    recorder, pool = Recorder(), Pool()
    reads = reading(recorder, pool)

    await asyncio.gather(*(reads.fetch(ALONE(key=key)) for key in (2, 4)))

    assert recorder.batches == [[2], [4]]


async def test_owners_who_read_at_the_same_time_see_their_own(
    service: TaskService, database: Database, accounts: AccountService, principal: Principal
) -> None:
    """Windows, tasks and posts of two owners, many times over, in the same turn of the loop."""
    other = principal_of(await accounts.create_user("eve@example.org"))
    query = QueryService(database)
    mine = [(await service.create(principal, new())).id for _ in range(3)]
    theirs = [(await service.create(other, new())).id for _ in range(2)]
    window, columns = Window.parse(first=10), ("id", "user_id")

    async def listed(who: Principal) -> list[int]:
        page = await query.task_rows(
            who,
            window,
            where=TaskFilter(),
            order=TaskOrder.CREATED,
            descending=True,
            columns=columns,
        )
        assert all(row[1] == who.user_id for row in page.rows)
        return sorted(row[0] for row in page.rows)

    async def found(who: Principal) -> list[int]:
        rows = await database.read(lookup.task_rows, who.user_id, [*mine, *theirs], columns)
        await query.posts(who, mine, window, order=PostOrder.POSITION)
        return sorted(row[0] for row in rows)

    askers = [principal, other] * (SHORT + 1)
    answers = await asyncio.gather(*map(listed, askers), *map(found, askers))

    assert answers == [mine, theirs] * (2 * (SHORT + 1))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_read_with_a_value_that_the_database_refuses_fails_alone(
    service: TaskService, database: Database, principal: Principal
) -> None:
    """Neither the driver's refusal nor the server's reaches who reads at the same time."""
    task = await service.create(principal, new())

    async def found(ids: list[Any]) -> list[int]:
        rows = await database.read(lookup.task_rows, principal.user_id, ids, ("id",))
        return [row[0] for row in rows]

    answers = await asyncio.gather(
        *(found(ids) for ids in ([task.id], [2**64], [task.id], ["no number"])),
        return_exceptions=True,
    )

    assert answers[::2] == [[task.id], [task.id]]
    assert all(isinstance(each, Exception) for each in answers[1::2])
    assert await found([task.id]) == [task.id]
