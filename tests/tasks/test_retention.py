"""What retention deletes and what it leaves, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tasks.column import now
from tasks.database import Database, Statement, Steps
from tasks.errors import NoResult, ResultExpired, TaskNotFound
from tasks.models import IdempotencyKey, Task, TaskEvent
from tasks.principal import Principal
from tasks.retention import PASS_SECONDS, Keep, Retention
from tasks.service import TaskService
from tasks.store import retention
from tasks.validation import Idempotency
from tasks.work import WorkService
from tests.tasks.test_service import completed, new

TASK = Task.table().c
EVENT = TaskEvent.table().c
KEY = IdempotencyKey.table().c
_PAST = now(-sa.bindparam("days", type_=sa.Float) * 86_400)
OLDER = (
    Statement(sa.update(Task).values(created_at=_PAST)),
    Statement(sa.update(Task).where(TASK.completed_at.is_not(None)).values(completed_at=_PAST)),
    Statement(sa.update(TaskEvent).values(at=_PAST)),
    Statement(sa.update(IdempotencyKey).values(created_at=_PAST)),
)
KEYS = Statement(sa.select(sa.func.count()).select_from(IdempotencyKey.table()))


def grow_old(days: float) -> Steps[None]:
    """Make everything that there is so old."""
    for statement in OLDER:
        yield statement(days=days)


def keys() -> Steps[int]:
    """Count the idempotency keys."""
    rows = yield KEYS()
    return rows[0][0]


async def test_nothing_goes_that_is_to_be_kept_for_ever(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """Without settings, years change nothing for tasks, posts and events."""
    task_id = await completed(service, work, principal)
    await database.write(grow_old, 4000)

    deleted = await Retention(database, Keep()).run_pass()

    assert not any(deleted.values())
    assert len(await service.events(principal, task_id)) == 4
    assert len((await service.result(principal, task_id)).posts) == 2
    assert await database.read(retention.trimmed_to) is None


async def test_old_events_go_and_the_last_one_stays(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """The end of a task can still be read, and the horizon says that something is missing."""
    old = await completed(service, work, principal)
    await database.write(grow_old, 8)
    young = await completed(service, work, principal)

    deleted = await Retention(database, Keep(events=timedelta(days=7))).run_pass()

    assert deleted["events"] == 3
    assert [event.seq for event in await service.events(principal, old)] == [4]
    assert [event.seq for event in await service.events(principal, young)] == [1, 2, 3, 4]
    horizon = await database.read(retention.trimmed_to)
    assert horizon is not None
    first_kept = (await service.events(principal, old))[0]
    assert horizon[1] == first_kept.id - 1
    assert horizon[0] <= first_kept.xid


async def test_the_horizon_never_goes_back(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """An event trimmed late, with a smaller id, does not make a position good again."""
    task_id = await completed(service, work, principal)
    await completed(service, work, principal)
    await database.write(grow_old, 8)
    keep = Retention(database, Keep(events=timedelta(days=7)))
    await keep.run_pass()
    before = await database.read(retention.trimmed_to)
    await service.reset(principal, task_id)

    assert (await keep.run_pass())["events"] == 1

    assert await database.read(retention.trimmed_to) == before


async def test_old_posts_go_and_the_result_says_so(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """The task stays, as it was; a reset makes it collect anew."""
    task_id = await completed(service, work, principal)
    await database.write(grow_old, 31)

    deleted = await Retention(database, Keep(posts=timedelta(days=30))).run_pass()

    assert deleted["posts"] == 1
    with pytest.raises(ResultExpired, match=r"removed on .* Reset the task") as caught:
        await service.result(principal, task_id)
    assert isinstance(caught.value, NoResult)
    assert (await service.get(principal, task_id)).posts_count == 2
    assert (await service.reset(principal, task_id)).posts_expired_at is None


async def test_posts_of_unfinished_and_young_tasks_stay(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """What counts is the end of the task, not its beginning."""
    task_id = await completed(service, work, principal)
    await database.write(grow_old, 31)
    await service.reset(principal, task_id)

    deleted = await Retention(database, Keep(posts=timedelta(days=30))).run_pass()

    assert deleted["posts"] == 0


async def test_old_tasks_go_and_leave_a_tombstone_for_its_time(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """Those who watch are told; in the end nothing is left."""
    task_id = await completed(service, work, principal)
    pending = await service.create(principal, new())
    await database.write(grow_old, 91)
    keep = Retention(database, Keep(tasks=timedelta(days=90), tombstones=timedelta(days=30)))

    assert (await keep.run_pass())["tasks"] == 1
    with pytest.raises(TaskNotFound):
        await service.get(principal, task_id)
    (tombstone,) = await service.events(principal, task_id)
    assert (tombstone.type, tombstone.seq) == ("deleted", 5)
    assert (await service.get(principal, pending.id)).status == "pending"

    await database.write(grow_old, 31)
    assert (await keep.run_pass())["tombstones"] == 1
    with pytest.raises(TaskNotFound):
        await service.events(principal, task_id)


async def test_idempotency_keys_go_after_a_day(
    service: TaskService, database: Database, principal: Principal
) -> None:
    """They promise 24 hours and hold a copy of an answer."""
    once = Idempotency.of("key", door="rest", body={})
    await service.create(principal, new(), idempotency=once)
    keep = Retention(database, Keep())

    assert (await keep.run_pass())["keys"] == 0
    await database.write(grow_old, 1.01)
    assert (await keep.run_pass())["keys"] == 1
    assert await database.read(keys) == 0


async def test_a_pass_is_many_short_batches(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """Called as the sweeper calls it, it ends, and then wants an hour's pause."""
    for _ in range(3):
        await completed(service, work, principal)
    await database.write(grow_old, 100)
    days = timedelta(days=7)
    keep = Retention(database, Keep(events=days, posts=days, tasks=days))

    pauses = [await keep()]
    while pauses[-1] != PASS_SECONDS:
        pauses.append(await keep())
        assert len(pauses) < 50

    assert len(pauses) == 5
    left = await database.read(retention.trimmed_to)
    assert left is None  # The events went with their tasks; tombstones speak for them.
