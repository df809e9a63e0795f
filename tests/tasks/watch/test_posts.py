"""Watching a task's posts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tasks.errors import ScopeMissing, ValidationFailed
from tasks.principal import TASKS_READ, Principal
from tasks.publication import PublishingDatabase
from tasks.retention import Keep, Retention
from tasks.watch import PostBatch, WatchService
from tasks.watch.posts import PostWatch
from tests.tasks.watch.world import SilentBus, World, drain, take


class Counting(PublishingDatabase):
    """Counts what is read."""

    reads = 0

    async def read(self, steps: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Count and pass on."""
        self.reads += 1
        return await super().read(steps, *args, **kwargs)


def ids(batches: list[PostBatch]) -> list[str]:
    """Return the posts' ids."""
    return [post.post_id for batch in batches for post in batch.posts]


async def test_posts_come_as_they_are_stored(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Each page comes once, in order, and the end of the task ends the watch."""
    task = await world.create(principal)
    watch = await watching.posts(principal, task.id)
    claim = await world.start()
    await world.record(claim, before=0, count=3)
    first = await take(watch, 1)
    await world.complete(claim, before=3, count=2)

    assert ids(first) == ["p0", "p1", "p2"]
    assert ids(await drain(watch)) == ["p3", "p4"]


async def test_stored_posts_come_in_batches(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Who comes late is given what there is, at most a hundred at a time."""
    task = await world.create(principal)
    await world.complete(await world.start(), count=230)

    batches = await drain(await watching.posts(principal, task.id))

    assert [len(batch.posts) for batch in batches] == [100, 100, 30]
    assert ids(batches) == [f"p{number}" for number in range(230)]


async def test_posts_resume_after_a_batch(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """From a batch's position on, nothing is repeated or missing."""
    task = await world.create(principal)
    await world.complete(await world.start(), count=230)
    first = (await take(await watching.posts(principal, task.id), 1))[0]

    batches = await drain(await watching.posts(principal, task.id, after=first.position))

    assert ids(batches) == [f"p{number}" for number in range(100, 230)]


async def test_a_reset_voids_the_posts(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Who resumes over a reset is told to forget, and given the new posts from the first."""
    task = await world.create(principal)
    await world.complete(await world.start(), count=5)
    seen = await drain(await watching.posts(principal, task.id))
    await world.tasks.reset(principal, task.id)
    await world.complete(await world.start(), count=2)

    batches = await drain(await watching.posts(principal, task.id, after=seen[-1].position))

    assert batches[0].reset
    assert ids(batches) == ["p0", "p1"]


async def test_posts_that_are_gone_are_looked_for_once(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """However many the task counts, the watch ends after one read that finds none."""
    task = await world.create(principal)
    await world.complete(await world.start(), count=230)
    await Retention(world.database, Keep(posts=timedelta(seconds=-60))).run_pass()
    counting = Counting(world.database, SilentBus())
    updates = await watching.task(principal, task.id)

    batches = await drain(PostWatch(task.id, counting, updates))

    assert batches == []
    assert counting.reads == 1


async def test_results_need_their_scope_and_a_position_that_is_one(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """Posts are results: reading tasks is not enough."""
    task = await world.create(principal)
    reader = Principal(user_id=principal.user_id, scopes=frozenset({TASKS_READ}))

    with pytest.raises(ScopeMissing):
        await watching.posts(reader, task.id)
    with pytest.raises(ValidationFailed, match="is no position"):
        await watching.posts(principal, task.id, after="7")
