"""Watching all of an owner's tasks."""

import asyncio
from datetime import timedelta

import pytest

from tasks.accounts import AccountService
from tasks.bus import ProcessBus
from tasks.database import Database
from tasks.errors import ValidationFailed
from tasks.principal import Principal
from tasks.watch import OwnerStream, OwnerUpdate, WatchService
from tests.conftest import principal_of
from tests.tasks.watch.world import DEADLINE_SECONDS, SilentBus, World, drain, take

WRITERS = 8
TASKS_EACH = 15


def told(items: list[OwnerUpdate]) -> list[tuple[int, int, str | None]]:
    """Return the updates among a stream's items."""
    return [
        (item.update.task_id, item.update.seq, item.update.type)
        for item in items
        if item.update is not None
    ]


async def test_a_stream_begins_with_a_reset_and_the_tasks(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Who starts from nothing is given the tasks as they stand, newest first."""
    first, second = await world.create(principal), await world.create(principal)

    items = await take(await watching.tasks(principal), 3)

    assert items[0].reset
    assert items[0].update is None
    assert told(items) == [(second.id, 1, None), (first.id, 1, None)]


async def test_a_stream_tells_every_change_of_every_task(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """New tasks, changes and deletions come in their order, each once."""
    stream = await watching.tasks(principal)
    task = await world.create(principal)
    await world.tasks.cancel(principal, task.id)
    await world.tasks.delete(principal, task.id)

    items = await take(stream, 2)

    # What a deletion takes out of the log before it was read is told by its tombstone.
    assert told(items)[-1] == (task.id, 3, "deleted")


async def test_a_stream_tells_live_changes_as_they_happen(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Each change reaches a stream that waits."""
    stream = await watching.tasks(principal)
    await take(stream, 1)
    task = await world.create(principal)
    created = await take(stream, 1)
    await world.tasks.cancel(principal, task.id)
    failed = await take(stream, 1)

    assert told([*created, *failed]) == [(task.id, 1, "created"), (task.id, 2, "failed")]


async def test_a_stream_resumes_from_its_position(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """From a position on, nothing is missing, and there is no reset."""
    stream = await watching.tasks(principal)
    task = await world.create(principal)
    position = (await take(stream, 2))[-1].position
    await stream.aclose()
    await world.tasks.cancel(principal, task.id)

    resumed = await watching.tasks(principal, since=position)
    items = await take(resumed, 1)
    while told(items)[-1] != (task.id, 2, "failed"):
        items += await take(resumed, 1)

    assert not any(item.reset for item in items)
    assert len(items) <= 2


async def test_a_filter_leaves_out_what_is_not_wanted(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """The filter sees the task as the change left it."""
    stream = await watching.tasks(principal, wanted=lambda task: task.status == "failed")
    task = await world.create(principal)
    await world.tasks.cancel(principal, task.id)

    assert told(await take(stream, 2)) == [(task.id, 2, "failed")]


async def test_a_stream_shows_no_other_owners_tasks(
    world: World, watching: WatchService, principal: Principal, accounts: AccountService
) -> None:
    """Two owners' streams have nothing in common."""
    stranger = principal_of(await accounts.create_user("eve@example.org"))
    theirs = await watching.tasks(stranger)
    await world.create(principal)
    mine = await world.create(stranger)

    assert told(await take(theirs, 2)) == [(mine.id, 1, "created")]


@pytest.mark.parametrize("since", ["", "12", "p-1-2", "x1-1", "p1-1x", "p" + "9" * 40 + "-1"])
async def test_a_position_that_is_none_is_refused(
    watching: WatchService, principal: Principal, since: str
) -> None:
    """One sentence says so, before the stream begins."""
    with pytest.raises(ValidationFailed, match="is no position"):
        await watching.tasks(principal, since=since)


@pytest.mark.parametrize(
    "since", ["p999999999999999999-1764000000", "s999999999999999999-1764000000"]
)
async def test_a_position_of_another_database_begins_afresh(
    world: World, watching: WatchService, principal: Principal, since: str
) -> None:
    """A position that the log has not reached, or of the other kind, is answered with a reset."""
    task = await world.create(principal)

    items = await take(await watching.tasks(principal, since=since), 2)

    assert items[0].reset
    assert told(items) == [(task.id, 1, None)]


async def test_a_position_older_than_the_log_begins_afresh(
    world: World, bus: ProcessBus, principal: Principal
) -> None:
    """What may have left the log cannot be resumed from."""
    service = WatchService(world.database, bus, retention=timedelta(days=7))
    position = (await take(await service.tasks(principal), 1))[0].position
    kind_and_horizon = position.partition("-")[0]

    items = await take(await service.tasks(principal, since=f"{kind_and_horizon}-1000"), 1)

    assert items[0].reset


async def test_a_stream_that_is_far_behind_reads_in_parts(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A long window comes whole and in order; the position moves when all of it was given."""
    begun = (await take(await watching.tasks(principal), 1))[0].position
    made = [await world.create(principal) for _ in range(230)]

    items = await take(await watching.tasks(principal, since=begun), 230)

    assert [item.update.task_id for item in items if item.update] == [task.id for task in made]
    # From within the window it resumes with what is left of it; it may repeat, and never skips.
    rest = await watching.tasks(principal, since=items[149].position)
    left = {task.id for task in made[150:]}
    while left:
        left -= {item.update.task_id for item in await take(rest, 1) if item.update}


async def test_without_a_bus_a_stream_is_woken_by_the_comparison(
    database: Database, principal: Principal
) -> None:
    """The comparison finds what no message told, the first and every further time."""
    world = World(database, SilentBus())
    service = WatchService(world.database, SilentBus())
    stream = await service.tasks(principal)
    await take(stream, 1)

    for _ in range(3):
        task = await world.create(principal)
        await service.compare()
        assert told(await take(stream, 1)) == [(task.id, 1, "created")]


async def test_closing_a_stream_ends_the_wait(watching: WatchService, principal: Principal) -> None:
    """Closing from elsewhere is an end, not an error and not a hang."""
    stream = await watching.tasks(principal)
    await take(stream, 1)
    waiting = asyncio.create_task(drain(stream))
    await asyncio.sleep(0)

    await stream.aclose()

    assert await waiting == []


async def follow(
    service: WatchService, principal: Principal, begun: asyncio.Event, *, until_seen: int
) -> set[tuple[int, int, str | None]]:
    """Read an owner's stream through reconnects after every tenth item, until all was seen."""
    found: set[tuple[int, int, str | None]] = set()
    order: dict[int, int] = {}
    position: str | None = None
    while len(found) < until_seen:
        stream: OwnerStream = await service.tasks(principal, since=position)
        order.clear()
        async with asyncio.timeout(DEADLINE_SECONDS):
            for _ in range(10):
                item = await anext(stream)
                position = item.position
                begun.set()
                if item.update is None or item.update.type is None:
                    continue
                assert item.update.seq > order.get(item.update.task_id, 0), "out of order"
                order[item.update.task_id] = item.update.seq
                found.add((item.update.task_id, item.update.seq, item.update.type))
                if len(found) == until_seen:
                    break
        await stream.aclose()
    return found


async def test_a_resumed_stream_never_skips_with_writers_at_work(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Eight writers commit in any order; a client that reconnects all the time sees it all."""

    async def write() -> None:
        for _ in range(TASKS_EACH):
            task = await world.create(principal)
            await world.tasks.cancel(principal, task.id)

    begun = asyncio.Event()
    following = asyncio.create_task(
        follow(watching, principal, begun, until_seen=WRITERS * TASKS_EACH * 2)
    )
    # A stream that began after a task would show its creation as standing.
    await begun.wait()
    await asyncio.gather(*(write() for _ in range(WRITERS)))

    assert len(await following) == WRITERS * TASKS_EACH * 2
