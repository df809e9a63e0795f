"""Writes that wait at the same time and go together."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from tasks.claim import Checkpoint, Claim
from tasks.database import Call, Database, Row, Statement
from tasks.database.gathering import MOST, Gathering
from tasks.database.together import together
from tasks.errors import DatabaseUnavailable, LeaseLost
from tasks.models import CursorState, EventType, StopReason, TaskEvent
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.store import event, queue, run
from tasks.work import WorkService
from tests.tasks.test_service import new

KEYED = Statement(sa.select(sa.bindparam("key", type_=sa.Integer)), keyed="key")


class Recorder:
    """Runs calls as a database would, one batch at a time, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.broken: set[int] = set()
        self.away = False
        self.open = asyncio.Event()

    async def __call__(self, calls: Sequence[Call]) -> Sequence[Row]:
        """Answer each call with its key, but the odd keys with nothing."""
        keys = [call.only["key"] for call in calls]
        self.batches.append(keys)
        await self.open.wait()
        if self.away:
            raise DatabaseUnavailable("It is away.")
        if self.broken & set(keys):
            raise ValueError("It cannot be run.")
        return [(key, "row") for key in keys if key % 2 == 0]


async def started(gathering: Gathering, keys: Sequence[int]) -> list["asyncio.Task[Sequence[Row]]"]:
    """Begin calls, the first of which is under way alone when this returns."""
    running: list[asyncio.Task[Sequence[Row]]] = []
    for key in keys:
        running.append(asyncio.create_task(gathering.execute(KEYED(key=key))))
        for _ in range(3):
            await asyncio.sleep(0)
    return running


async def test_what_comes_while_a_call_is_under_way_goes_together() -> None:
    """The first waits for nobody; the rest go in the order of their keys, each with its rows."""
    recorder = Recorder()
    running = await started(Gathering(recorder), [8, 5, 4, 2])

    recorder.open.set()
    answers = await asyncio.gather(*running)

    assert recorder.batches == [[8], [2, 4, 5]]
    assert answers == [[(8, "row")], [], [(4, "row")], [(2, "row")]]


async def test_a_key_never_goes_twice_in_one_batch_nor_too_many() -> None:
    """Rows of a key could not be told apart; and a batch has a bound."""
    recorder = Recorder()
    keys = [0, 2, 4, 2, *range(100, 100 + MOST + 5)]
    running = await started(Gathering(recorder), keys)

    recorder.open.set()
    await asyncio.gather(*running)

    assert recorder.batches[:2] == [[0], [2, 4]]
    assert all(len(batch) <= MOST for batch in recorder.batches)
    sent = [key for batch in recorder.batches for key in batch]
    assert sent == [0, 2, 4, *sorted(keys[3 : 3 + MOST]), *keys[3 + MOST :]]


async def test_a_call_that_cannot_be_run_fails_alone() -> None:
    """The others of its batch are run again without it."""
    recorder = Recorder()
    recorder.broken = {4}
    running = await started(Gathering(recorder), [8, 2, 4, 6])

    recorder.open.set()
    answers = await asyncio.gather(*running, return_exceptions=True)

    assert [type(answer) for answer in answers] == [list, list, ValueError, list]


async def test_an_outage_is_told_to_everybody_at_once() -> None:
    """Nobody is tried alone against a database that is away."""
    recorder = Recorder()
    recorder.away = True
    running = await started(Gathering(recorder), [8, 2, 4])

    recorder.open.set()
    answers = await asyncio.gather(*running, return_exceptions=True)

    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    assert recorder.batches == [[8], [2, 4]]


async def test_who_is_cancelled_while_waiting_takes_the_call_back() -> None:
    """It is never run, and the others are."""
    recorder = Recorder()
    running = await started(Gathering(recorder), [8, 2, 4])

    running[1].cancel()
    recorder.open.set()
    await asyncio.gather(*running, return_exceptions=True)

    assert recorder.batches == [[8], [4]]


async def test_writes_of_many_claims_at_once_each_find_their_own_task(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """Forty runs start and complete together; one whose claim is stale is told, alone."""
    for _ in range(40):
        await service.create(principal, new(max_posts=1))
    claims = (await work.claim_many("w", most=40)).claims
    stale = Claim(claims[7].task, "w", attempt=99)

    tasks = await asyncio.gather(*(work.start(claim) for claim in claims))
    ended = await asyncio.gather(
        *(complete(work, claim) for claim in claims), complete(work, stale), return_exceptions=True
    )

    ids = [claim.task.id for claim in claims]
    assert [task.id for task in tasks] == ids
    assert isinstance(ended.pop(), LeaseLost)
    assert [getattr(task, "id", task) for task in ended] == ids
    for task_id in ids:
        events = await database.read(event.of_task, task_id, after=0, limit=10)
        assert [each.type for each in events] == [
            EventType.CREATED,
            EventType.ASSIGNED,
            EventType.STARTED,
            EventType.COMPLETED,
        ]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_writes_that_wait_share_a_transaction(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """Ten starts need two commits: the first one's, and that of the nine who waited."""
    for _ in range(10):
        await service.create(principal, new())
    claims = (await work.claim_many("w", most=10)).claims

    await asyncio.gather(*(work.start(claim) for claim in claims))

    writers = sa.select(sa.func.count(TaskEvent.table().c.xid.distinct()))
    counting = Statement(writers.where(TaskEvent.table().c.type == EventType.STARTED.value))
    rows = await database.execute(counting())
    assert rows[0][0] <= 2


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        queue.TAKE,
        run.STARTED,
        run.RECORDED,
        run.COMPLETED,
        run.FAILED,
        run.BLAMED,
        run.WAITING,
        run.RELEASED,
    ],
)
async def test_what_goes_together_walks_the_index_of_a_table_that_was_small(
    database_url: str, statement: Statement
) -> None:
    """Prepared while the table is empty, it is fast when the table has become large."""
    driver: Any = asyncpg
    connection = await driver.connect(database_url)
    at_once = together(statement)
    assert at_once is not None

    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE at_once AS {at_once.text}")
    nothing = ", ".join("NULL" for _ in at_once.compiled.names)
    plan = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE at_once({nothing})")]
    await connection.close()

    assert not [line for line in plan if "Seq Scan on task" in line or "Hash Join" in line]
    assert any("Index Scan using task_pkey" in line for line in plan)


async def complete(work: WorkService, claim: Claim) -> object:
    """End a run that collected nothing."""
    checkpoint = Checkpoint(
        cursor_state=CursorState.EXHAUSTED,
        cursor=None,
        posts_count=0,
        receipt=Receipt.of(None, requested=1),
    )
    return await work.complete(claim, checkpoint, (), StopReason.END_OF_SOURCE)
