"""Posts that clients send themselves, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tasks import models
from tasks.accounts import AccountService
from tasks.batch import Batch
from tasks.column import now
from tasks.database import Database, Statement, Steps
from tasks.database.statement import DIALECTS
from tasks.errors import (
    NotOwner,
    ScopeMissing,
    TargetError,
    TaskNotFound,
    TransitionRefused,
    ValidationFailed,
)
from tasks.ingest import LOOK_SECONDS, IngestService, Silence
from tasks.inspection import Inspection
from tasks.models import QueueOwner, Task
from tasks.ports import Sleeper
from tasks.principal import TASKS_READ, Principal
from tasks.query import QueryService, WaitReason
from tasks.schedules import ScheduleService
from tasks.service import TaskService
from tasks.store.lookup import LINE
from tasks.validation import NewSchedule
from tasks.work import WorkService
from tests.conftest import AnyTarget, principal_of
from tests.tasks.test_service import new

OWNERS = Statement(sa.select(QueueOwner.table().c.user_id))
SHIFT = Statement(sa.update(Task).values(updated_at=now(sa.bindparam("seconds", type_=sa.Float))))


def owners() -> Steps[list[int]]:
    """Return who is in the line."""
    return [row[0] for row in (yield OWNERS())]


def silent_for(seconds: float) -> Steps[None]:
    """Make every task one that last changed so long ago."""
    yield SHIFT(seconds=-seconds)


def batch(*ids: str, finish: bool = False, **fields: Any) -> Batch:
    """Return a batch of posts with these ids."""
    return Batch.parse({"posts": [{"id": each, **fields} for each in ids], "finish": finish})


@pytest.fixture
def ingest(database: Database) -> IngestService:
    """Return the service."""
    return IngestService(database)


@pytest.fixture
async def task(service: TaskService, principal: Principal) -> models.Task:
    """Return a task for three posts that a client sends."""
    return await service.create(principal, new("push:my collector", max_posts=3))


async def kinds(service: TaskService, principal: Principal, task_id: int) -> list[str]:
    """Return what happened to a task."""
    return [event.type for event in await service.events(principal, task_id)]


async def test_no_worker_takes_what_a_client_feeds(
    database: Database, work: WorkService, task: models.Task
) -> None:
    """It stands in no line, is not claimed, and is not what workers are asked to be more for."""
    await work.reconcile()

    assert await database.read(owners) == []
    assert await work.claim("w") is None
    assert (await work.sweep()).claimable is False
    assert await Inspection(database).queue_depth() == {"pending": 0, "running": 0}
    assert task.status == "pending"


async def test_the_claim_passes_by_what_a_client_feeds(
    service: TaskService, work: WorkService, principal: Principal, task: models.Task
) -> None:
    """An owner's task for a worker is found behind one of a higher priority that is not."""
    await service.create(principal, new("push:urgent", priority=100))
    plain = await service.create(principal, new())

    claim = await work.claim("w")

    assert claim is not None
    assert claim.task.id == plain.id != task.id
    assert await work.claim("w") is None


async def test_the_claim_reads_its_index(database: Database, backend: str) -> None:
    """The condition and the index on it are in the same words, or every claim reads all tasks."""
    plan = await database.snapshot(explained, backend)

    assert "ix_task_claimable" in plan


def explained(backend: str) -> Steps[str]:
    """Return the plan of the owner's line, in the claim's condition and order."""
    clause: Any = LINE.clause
    found = clause.params(user_id=1, limit=1).compile(
        dialect=DIALECTS[backend], compile_kwargs={"literal_binds": True}
    )
    if backend == "postgresql":
        # An empty table is read whole, whatever its indexes.
        yield Statement(sa.text("SET LOCAL enable_seqscan = off"))()
    prefix = "EXPLAIN" if backend == "postgresql" else "EXPLAIN QUERY PLAN"
    rows = yield Statement(sa.text(f"{prefix} {found}"))()
    return "\n".join(str(tuple(row)) for row in rows)


async def test_the_first_batch_begins_a_task_and_the_next_go_on(
    service: TaskService, ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """Positions go on, and what the task has already is stored once."""
    first = await ingest.add(principal, task.id, batch("a", "a"))
    second = await ingest.add(principal, task.id, batch("a", "b", message="text", likes=3))

    assert (first.task.status, first.added, first.duplicates, first.surplus) == (
        "processing",
        1,
        1,
        0,
    )
    assert first.task.started_at is not None
    assert (second.task.posts_count, second.added, second.duplicates) == (2, 1, 1)
    expected = ["created", "started", "progress", "progress"]
    assert await kinds(service, principal, task.id) == expected


async def test_a_full_task_completes_and_leaves_the_surplus_out(
    service: TaskService, ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """The last post that fits completes the task; a receipt says what came."""
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 2, 1)]
    posts = [
        {"id": name, "created_time": time.isoformat(), "author": " Ada ", "shares": None}
        for name, time in zip("abc", times, strict=True)
    ]
    await ingest.add(principal, task.id, Batch.parse({"posts": posts[:1]}))

    done = await ingest.add(
        principal, task.id, Batch.parse({"posts": [*posts[1:], {"id": "d"}, {"id": "e"}]})
    )

    assert (done.added, done.surplus, done.task.status) == (2, 2, "completed")
    result = await service.result(principal, task.id)
    assert [(post.position, post.post_id) for post in result.posts] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
    ]
    assert [post.created_time for post in result.posts] == times
    assert (result.posts[0].author, result.posts[0].shares) == ("Ada", None)
    receipt = result.task.receipt
    assert receipt is not None
    assert (receipt["stop_reason"], receipt["complete"]) == ("reached_max", True)
    assert (receipt["collected"], receipt["pages"], receipt["auth_mode"]) == (3, 2, "push")
    assert datetime.fromisoformat(receipt["newest_at"]) == times[0]
    assert datetime.fromisoformat(receipt["oldest_at"]) == times[2]


@pytest.mark.parametrize("sent", [1, 0])
async def test_the_clients_word_completes_a_task(
    service: TaskService,
    ingest: IngestService,
    principal: Principal,
    task: models.Task,
    sent: int,
) -> None:
    """Finished means complete, also when there was nothing to send."""
    if sent:
        await ingest.add(principal, task.id, batch("a"))

    done = await ingest.finish(principal, task.id)

    assert (done.status, done.stop_reason) == ("completed", "finished_by_client")
    assert done.receipt is not None
    assert (done.receipt["complete"], done.receipt["pages"]) == (True, sent)
    assert len((await service.result(principal, task.id)).posts) == sent


async def test_the_last_batch_may_finish(
    ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """One call stores and ends, so that no client is left between the two."""
    done = await ingest.add(principal, task.id, batch("a", finish=True))

    assert (done.added, done.task.stop_reason) == (1, "finished_by_client")


async def test_an_ended_task_takes_no_posts(
    service: TaskService, ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """Neither a finished nor a cancelled one; a reset one begins again from scratch."""
    await ingest.add(principal, task.id, batch("a"))
    await service.cancel(principal, task.id)

    with pytest.raises(TransitionRefused, match="it must be pending or processing"):
        await ingest.add(principal, task.id, batch("b"))
    with pytest.raises(TransitionRefused):
        await ingest.finish(principal, task.id)

    await service.reset(principal, task.id)
    again = await ingest.add(principal, task.id, batch("a"))
    assert (again.added, again.duplicates, again.task.posts_count) == (1, 0, 1)


async def test_a_resumed_task_keeps_its_posts(
    service: TaskService,
    ingest: IngestService,
    work: WorkService,
    principal: Principal,
    task: models.Task,
) -> None:
    """After a finish that came too early the client goes on; still no worker takes it."""
    await ingest.add(principal, task.id, batch("a", finish=True))

    await service.reset(principal, task.id, resume=True)
    assert await work.claim("w") is None
    again = await ingest.add(principal, task.id, batch("a", "b"))

    assert (again.added, again.duplicates, again.task.posts_count) == (1, 1, 2)
    assert again.task.receipt is not None
    assert (again.task.receipt["collected"], again.task.receipt["complete"]) == (2, False)


async def test_a_repeated_batch_is_answered_as_the_first(
    service: TaskService, ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """A client that heard no answer sends again, and nothing happens twice."""
    first = await ingest.add(principal, task.id, batch("a"), key="1")
    await ingest.add(principal, task.id, batch("b", finish=True), key="2")

    again = await ingest.add(principal, task.id, batch("a"), key="1")
    last = await ingest.add(principal, task.id, batch("b", finish=True), key="2")

    assert (again.added, again.task.status, again.task.revision) == (
        first.added,
        "processing",
        first.task.revision,
    )
    assert (last.added, last.task.status) == (1, "completed")
    assert len(await kinds(service, principal, task.id)) == 4


async def test_a_key_stands_for_one_batch_of_one_task(
    service: TaskService, ingest: IngestService, principal: Principal, task: models.Task
) -> None:
    """Another batch under the same key is refused; another task, or a reset one, is another."""
    other = await service.create(principal, new("push:other"))
    await ingest.add(principal, task.id, batch("a"), key="1")

    with pytest.raises(ValidationFailed, match="another batch"):
        await ingest.add(principal, task.id, batch("b"), key="1")
    assert (await ingest.add(principal, other.id, batch("b"), key="1")).added == 1

    await service.cancel(principal, task.id)
    await service.reset(principal, task.id)
    assert (await ingest.add(principal, task.id, batch("b"), key="1")).task.posts_count == 1


async def test_batches_at_the_same_time_lose_nothing(
    service: TaskService, ingest: IngestService, principal: Principal
) -> None:
    """Ten at once, half of them twice, leave every post once and no gap."""
    task = await service.create(principal, new("push:busy", max_posts=100))

    answers = await asyncio.gather(
        *(
            ingest.add(principal, task.id, batch(f"{n}a", f"{n}b", "same"), key=str(n))
            for n in [*range(10), *range(5)]
        )
    )

    done = await ingest.finish(principal, task.id)
    posts = (await service.result(principal, task.id)).posts
    assert done.posts_count == len(posts) == 21
    assert [post.position for post in posts] == list(range(21))
    assert sum(each.added for each in answers[:10]) == 21
    assert [each.added for each in answers[10:]] == [each.added for each in answers[:5]]


async def test_silence_ends_a_begun_task(
    service: TaskService,
    ingest: IngestService,
    database: Database,
    principal: Principal,
    task: models.Task,
) -> None:
    """What was sent can be read, and nobody takes it for the whole; what waits may wait on."""
    waiting = await service.create(principal, new("push:later"))
    plain = await service.create(principal, new())
    await ingest.add(principal, task.id, batch("a"))
    await database.write(silent_for, 90.0)

    await Silence(database, idle=timedelta(seconds=60))()

    ended = (await service.result(principal, task.id)).task
    assert (ended.stop_reason, ended.posts_count) == ("idle", 1)
    assert ended.receipt is not None
    assert (ended.receipt["stop_reason"], ended.receipt["complete"]) == ("idle", False)
    assert (await kinds(service, principal, task.id))[-1] == "completed"
    for other in (waiting, plain):
        assert (await service.get(principal, other.id)).status == "pending"


async def test_silence_is_counted_from_the_last_batch(
    service: TaskService,
    ingest: IngestService,
    database: Database,
    principal: Principal,
    task: models.Task,
) -> None:
    """The chore says when the next task may be due, and ends none before."""
    silence = Silence(database, idle=timedelta(seconds=50))
    assert await silence() == LOOK_SECONDS
    await ingest.add(principal, task.id, batch("a"))
    await database.write(silent_for, 40.0)

    assert 5 < await silence() <= 10

    assert (await service.get(principal, task.id)).status == "processing"


async def test_who_may_not_adds_nothing(
    service: TaskService,
    ingest: IngestService,
    accounts: AccountService,
    principal: Principal,
    task: models.Task,
) -> None:
    """Another user, a token that only reads, and a task that a worker collects are refused."""
    eve = principal_of(await accounts.create_user("eve@example.org"))
    reader = Principal(user_id=principal.user_id, scopes=frozenset({TASKS_READ}))
    plain = await service.create(principal, new())

    with pytest.raises(NotOwner):
        await ingest.add(eve, task.id, batch("a"))
    with pytest.raises(ScopeMissing):
        await ingest.add(reader, task.id, batch("a"))
    with pytest.raises(ScopeMissing):
        await ingest.finish(reader, task.id)
    with pytest.raises(TaskNotFound):
        await ingest.add(principal, 2**40, batch("a"))
    with pytest.raises(ValidationFailed, match="of the platform sandbox"):
        await ingest.add(principal, plain.id, batch("a"))
    assert (await service.get(principal, plain.id)).status == "pending"


async def test_what_waits_for_posts_says_so(
    database: Database, principal: Principal, task: models.Task
) -> None:
    """It is in no line, so there is nobody ahead of it."""
    waits = await QueryService(database).waiting(principal, [task])

    assert (waits[task.id].reason, waits[task.id].ahead) == (WaitReason.POSTS, None)


async def test_what_a_client_feeds_does_not_recur(database: Database, principal: Principal) -> None:
    """A schedule would make tasks that nobody sends posts for."""
    schedules = ScheduleService(database, catalogue=AnyTarget(), waker=Sleeper())
    wish = NewSchedule.parse({"group_id": "push:mine", "max_posts": 5, "every": "P1D"})

    with pytest.raises(TargetError, match="sent by a client"):
        await schedules.create(principal, wish)
