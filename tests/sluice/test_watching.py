import asyncio

from sluice.cli.task import BATCH, follow
from tasks.claim import Checkpoint
from tasks.models import CursorState, StopReason
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.validation import NewTask, TaskChanges
from tasks.work import WorkService


async def seqs(service: TaskService, principal: Principal, task_id: int) -> list[int]:
    """Follow a task to its end, and return the numbers of its events as they came."""
    return [event.seq async for event in follow(service, principal, task_id)]


async def complete(work: WorkService) -> None:
    """Run the next task to its end, as a worker would."""
    claim = await work.claim("worker")
    assert claim is not None
    await work.start(claim)
    checkpoint = Checkpoint(
        cursor_state=CursorState.EXHAUSTED,
        cursor=None,
        posts_count=0,
        receipt=Receipt.of(None, requested=5),
    )
    await work.complete(claim, checkpoint, [], StopReason.END_OF_SOURCE)


async def edit(service: TaskService, principal: Principal, task_id: int, *, times: int) -> None:
    """Change a pending task, one event each time."""
    for priority in range(1, times + 1):
        await service.update(principal, task_id, TaskChanges.parse({"priority": priority}))


async def test_events_that_come_while_watching_are_given_once_and_in_order(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The watcher begins before the worker does."""
    task = await service.create(principal, NewTask.parse({"group_id": "a:b", "max_posts": 5}))
    events = follow(service, principal, task.id)
    first = await anext(events)

    await complete(work)
    rest = [event.seq async for event in events]

    assert [first.seq, *rest] == [1, 2, 3, 4]


async def test_an_end_at_the_end_of_a_full_reading_is_the_end(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Nothing comes after it, and the watcher must notice."""
    task = await service.create(principal, NewTask.parse({"group_id": "a:b", "max_posts": 5}))
    await edit(service, principal, task.id, times=BATCH - 4)
    await complete(work)

    assert await seqs(service, principal, task.id) == list(range(1, BATCH + 1))


async def test_a_reset_behind_a_full_reading_is_seen(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """An end that is only the last event of a reading need not be the last of all."""
    task = await service.create(principal, NewTask.parse({"group_id": "a:b", "max_posts": 5}))
    await edit(service, principal, task.id, times=BATCH - 4)
    await complete(work)
    await service.reset(principal, task.id)
    await complete(work)

    assert await seqs(service, principal, task.id) == list(range(1, BATCH + 5))


async def test_an_end_that_a_reset_follows_is_no_end(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The replay goes on to the end that counts."""
    task = await service.create(principal, NewTask.parse({"group_id": "a:b", "max_posts": 5}))
    await complete(work)
    await service.reset(principal, task.id)
    watching = asyncio.create_task(seqs(service, principal, task.id))

    await complete(work)

    assert await watching == list(range(1, 9))


async def test_deleting_a_watched_task_ends_the_watching(
    service: TaskService, principal: Principal
) -> None:
    """By its tombstone, the last event there is."""
    task = await service.create(principal, NewTask.parse({"group_id": "a:b", "max_posts": 5}))
    events = follow(service, principal, task.id)
    await anext(events)

    await service.delete(principal, task.id)

    assert [event.type async for event in events] == ["deleted"]
