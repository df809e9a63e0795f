"""Watching one task."""

import asyncio

import pytest

from tasks import models
from tasks.accounts import AccountService
from tasks.bus import ProcessBus
from tasks.database import Database
from tasks.errors import NotOwner, ScopeMissing, TaskNotFound
from tasks.principal import Principal
from tasks.watch import Update, WatchService
from tasks.watch.task import QUEUE_SIZE
from tests.conftest import principal_of
from tests.tasks.watch.world import EndlessBus, SilentBus, World, drain, take, until


def seen(updates: list[Update]) -> list[tuple[int, str | None]]:
    """Return what a watcher was told."""
    return [(update.seq, update.type) for update in updates]


async def test_a_watch_begins_with_the_standing_and_ends_with_the_task(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A watcher is told where the task stands, then of every change up to the terminal one."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id)

    claim = await world.start()
    await world.record(claim, before=0)
    await world.complete(claim, before=1)

    assert seen(await drain(watch)) == [
        (1, None),
        (2, "assigned"),
        (3, "started"),
        (4, "progress"),
        (5, "completed"),
    ]


async def test_an_update_shows_the_task_as_of_its_event(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """What an update shows comes from the event, not from the row as it is by now."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id)

    claim = await world.start()
    await world.complete(claim)
    updates = await drain(watch)

    shown = [update.task.status for update in updates if update.task is not None]
    assert shown == ["pending", "assigned", "processing", "completed"]


async def test_an_ended_task_shows_its_standing_and_ends(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Who comes late is told the outcome, and does not wait."""
    task = await world.create(principal)
    await world.complete(await world.start())

    updates = await drain(await watching.task(principal, task.id))

    assert seen(updates) == [(4, None)]
    assert updates[0].is_end


async def test_a_watch_resumes_after_what_was_seen(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """With `since`, the events after it come, and no standing."""
    task = await world.create(principal)
    await world.complete(await world.start())

    updates = await drain(await watching.task(principal, task.id, since=2))

    assert seen(updates) == [(3, "started"), (4, "completed")]


async def test_who_has_seen_the_end_is_told_nothing(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Resuming after the terminal event ends at once."""
    task = await world.create(principal)
    await world.complete(await world.start())

    assert await drain(await watching.task(principal, task.id, since=4)) == []


async def test_a_replay_goes_on_past_an_end_that_a_reset_follows(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """The terminal event of a run ends a watch only if nothing came after it."""
    task = await world.create(principal)
    await world.complete(await world.start())
    await world.tasks.reset(principal, task.id)
    await world.tasks.cancel(principal, task.id)

    updates = await drain(await watching.task(principal, task.id, since=3))

    assert seen(updates) == [(4, "completed"), (5, "reset"), (6, "failed")]


async def test_a_future_since_is_answered_with_the_standing(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A `seq` that the task has not reached, as after a restored backup, begins afresh."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id, since=99)

    await world.tasks.cancel(principal, task.id)

    assert seen(await drain(watch)) == [(1, None), (2, "failed")]


async def test_a_deleted_task_ends_with_its_tombstone(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Deleting takes the events away; the tombstone is told, without content."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id)

    await world.tasks.delete(principal, task.id)
    updates = await drain(watch)

    assert seen(updates) == [(1, None), (2, "deleted")]
    assert updates[-1].task is None


async def test_a_deletion_meanwhile_is_told_to_who_resumes(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """The tombstone waits in the log for who has seen the task alive."""
    task = await world.create(principal)
    await world.tasks.delete(principal, task.id)

    assert seen(await drain(await watching.task(principal, task.id, since=1))) == [(2, "deleted")]
    with pytest.raises(TaskNotFound):
        await watching.task(principal, task.id)


async def test_others_tasks_cannot_be_watched(
    world: World,
    watching: WatchService,
    principal: Principal,
    accounts: AccountService,
) -> None:
    """A watch is refused before it begins, and leaves nothing behind."""
    task = await world.create(principal)
    stranger = principal_of(await accounts.create_user("eve@example.org"))

    with pytest.raises(NotOwner):
        await watching.task(stranger, task.id)
    with pytest.raises(TaskNotFound):
        await watching.task(principal, 10**9)
    with pytest.raises(ScopeMissing):
        await watching.task(Principal(user_id=principal.user_id, scopes=frozenset()), task.id)


async def test_without_a_bus_the_comparison_tells(database: Database, principal: Principal) -> None:
    """Every event comes once and in order although no message ever does."""
    world = World(database, SilentBus())
    service = WatchService(world.database, SilentBus())
    task = await world.create(principal)
    watch = await service.task(principal, task.id)

    await world.complete(await world.start())
    await service.compare()

    assert [seq for seq, _ in seen(await drain(watch))] == [1, 2, 3, 4]


async def test_an_end_whose_message_is_lost_is_told(
    database: Database, principal: Principal
) -> None:
    """No later event shows the gap, so the comparison that runs by itself must find it."""
    bus = EndlessBus()
    world = World(database, bus)
    async with WatchService.open(world.database, bus) as service:
        task = await world.create(principal)
        watch = await service.task(principal, task.id)

        await world.complete(await world.start())

        assert [seq for seq, _ in seen(await drain(watch))] == [1, 2, 3, 4]


async def test_a_deletion_is_found_by_the_comparison(
    database: Database, principal: Principal
) -> None:
    """A row that is gone sends the watchers to the tombstone."""
    world = World(database, SilentBus())
    service = WatchService(world.database, SilentBus())
    task = await world.create(principal)
    watch = await service.task(principal, task.id)

    await world.tasks.delete(principal, task.id)
    await service.compare()

    assert seen(await drain(watch)) == [(1, None), (2, "deleted")]


async def test_a_slow_watcher_reads_the_log_and_misses_nothing(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A queue that overflows is replaced by the log; a neighbour is not held up."""
    task = await world.create(principal)
    slow = await watching.task(principal, task.id)
    quick = await watching.task(principal, task.id)
    told: list[Update] = []

    async def follow() -> None:
        told.extend([update async for update in quick])

    following = asyncio.create_task(follow())
    claim = await world.start()
    pages = QUEUE_SIZE * 2
    for page in range(pages):
        await world.record(claim, before=page)
    await world.complete(claim, before=pages)
    async with asyncio.timeout(20):
        await following

    assert seen(await drain(slow)) == seen(told)
    assert [update.seq for update in told] == list(range(1, pages + 5))


async def test_watchers_of_a_task_share_its_updates(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """One object for all, so that it can be rendered once."""
    task = await world.create(principal)
    first = await watching.task(principal, task.id)
    second = await watching.task(principal, task.id)
    await take(first, 1)
    await take(second, 1)

    await world.tasks.cancel(principal, task.id)

    assert (await take(first, 1))[0] is (await take(second, 1))[0]


async def test_who_closes_a_watch_ends_the_wait(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Closing from elsewhere is an end, not an error and not a hang."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id)
    await take(watch, 1)
    waiting = asyncio.create_task(drain(watch))
    await asyncio.sleep(0)

    await watch.aclose()

    assert await waiting == []


async def test_who_leaves_is_forgotten(
    world: World, watching: WatchService, principal: Principal, bus: ProcessBus
) -> None:
    """The last watcher of an owner takes the subscription to the bus along."""
    task = await world.create(principal)
    watch = await watching.task(principal, task.id)
    listeners = bus._listeners  # noqa: SLF001 - what must not grow  # pyright: ignore[reportPrivateUsage]
    assert principal.user_id in listeners

    await watch.aclose()

    await until(lambda: principal.user_id not in listeners)


async def test_a_cancelled_wait_can_go_on(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A transport that stops waiting has lost no update."""
    task: models.Task = await world.create(principal)
    watch = await watching.task(principal, task.id)
    await take(watch, 1)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await world.tasks.cancel(principal, task.id)

    assert seen(await drain(watch)) == [(2, "failed")]
