"""Events go out after their commit, whoever wrote them."""

import pytest

from tasks import models
from tasks.bus import Listener, MakeEvent, Subscription
from tasks.database import Database, Steps
from tasks.principal import Principal
from tasks.publication import PublishingDatabase
from tasks.store import command, event
from tasks.store import task as row
from tests.tasks.watch.world import World


class Recorder:
    """A bus that keeps what is published."""

    def __init__(self) -> None:
        self.published: list[models.TaskEvent] = []

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Keep an event."""
        event = make()
        assert event.user_id == user_id
        self.published.append(event)

    def subscribe(self, user_id: int, listener: Listener) -> Subscription:
        """Refuse: nobody listens here."""
        raise NotImplementedError(user_id, listener)


@pytest.fixture
def recorder() -> Recorder:
    """Return a bus that keeps what is published."""
    return Recorder()


@pytest.fixture
def world(database: Database, recorder: Recorder) -> World:
    """Return a world whose events are kept."""
    return World(database, recorder)


async def test_every_change_is_published_as_it_stands_in_the_log(
    world: World, recorder: Recorder, principal: Principal, database: Database
) -> None:
    """Clients' changes and workers' alike, the tombstone included."""
    task = await world.create(principal)
    await world.record(await world.start(), before=0)
    await world.tasks.cancel(principal, task.id)
    await world.tasks.reset(principal, task.id)

    logged = await database.read(event.of_task, task.id, after=0, limit=100)
    await world.tasks.delete(principal, task.id)

    # What is published is known before the log gives its row an id.
    names = [name for name in models.TaskEvent.columns() if name not in ("id", "xid")]
    assert [[getattr(each, name) for name in names] for each in recorder.published[:-1]] == [
        [getattr(each, name) for name in names] for each in logged
    ]
    assert recorder.published[-1].type == "deleted"


async def test_what_is_rolled_back_is_not_published(
    world: World, recorder: Recorder, principal: Principal, database: Database
) -> None:
    """An event whose transaction fails never happened."""
    task = await world.create(principal)
    recorder.published.clear()

    def fail() -> Steps[None]:
        found = yield from row.by_id(task.id)
        assert found is not None
        yield from command.edit(found, {"priority": 9})
        raise RuntimeError("after all")

    with pytest.raises(RuntimeError, match="after all"):
        await PublishingDatabase(database, recorder).write(fail)

    assert recorder.published == []
