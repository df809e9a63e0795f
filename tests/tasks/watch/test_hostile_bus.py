"""Every watcher sees every event once and in order, whatever the bus does."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.accounts import AccountService
from tasks.claim import Claim
from tasks.database import open_database
from tasks.database.base import Database
from tasks.principal import Principal
from tasks.watch import TaskWatch, Update, WatchService
from tests.conftest import principal_of
from tests.tasks.watch.world import HostileBus, World, drain

ACTIONS = (
    "start",
    "record",
    "release",
    "complete",
    "reset",
    "cancel",
    "watch",
    "resume",
    "compare",
)
FATES = ("deliver", "drop", "repeat", "hold")


class Run:
    """One example: a task that goes through actions while watchers come, over a hostile bus."""

    def __init__(self, database: Database, principal: Principal, fates: Any) -> None:
        bus = HostileBus(lambda: fates.draw(st.sampled_from(FATES)))
        self.world = World(database, bus)
        self.service = WatchService(self.world.database, bus)
        self.principal = principal
        self.claim: Claim | None = None
        self.posts = 0
        self.following: list[tuple[int | None, asyncio.Task[list[Update]]]] = []

    async def perform(self, actions: list[str]) -> None:
        """Do everything, end the task, and check what each watcher was told."""
        self.task = await self.world.create(self.principal)
        await self.watch(None)
        for action in actions:
            await self.act(action)
            await asyncio.sleep(0)
        if (await self.status()) not in ("completed", "failed"):
            await self.world.tasks.cancel(self.principal, self.task.id)
        # The bus may have lost the terminal event; the comparison finds it.
        await self.service.compare()
        log = await self.world.tasks.events(self.principal, self.task.id, limit=1000)
        for since, following in self.following:
            check(await following, since, [(event.seq, event.type) for event in log])

    async def act(self, action: str) -> None:
        """Do what the task's status allows."""
        status = await self.status()
        match action:
            case "start" if status == "pending":
                self.claim = await self.world.start()
            case "record" if status == "processing" and self.claim:
                await self.world.record(self.claim, before=self.posts)
                self.posts += 1
            case "release" if status == "processing" and self.claim:
                await self.world.work.release(self.claim)
            case "complete" if status == "processing" and self.claim:
                await self.world.complete(self.claim, before=self.posts)
            case "reset" if status in ("completed", "failed"):
                await self.world.tasks.reset(self.principal, self.task.id)
                self.posts = 0
            case "cancel" if status not in ("completed", "failed"):
                await self.world.tasks.cancel(self.principal, self.task.id)
            case "watch":
                await self.watch(None)
            case "resume":
                revision = (await self.world.tasks.get(self.principal, self.task.id)).revision
                await self.watch(revision // 2)
            case "compare":
                await self.service.compare()
            case _:
                return

    async def watch(self, since: int | None) -> None:
        """Let a watcher come."""
        watch: TaskWatch = await self.service.task(self.principal, self.task.id, since=since)
        self.following.append((since, asyncio.create_task(drain(watch))))

    async def status(self) -> str:
        """Return where the task stands."""
        return (await self.world.tasks.get(self.principal, self.task.id)).status


def check(updates: list[Update], since: int | None, log: list[tuple[int, str]]) -> None:
    """Compare what a watcher was told with the log, from where it came to an end."""
    if since is None:
        first, *rest = updates
        assert first.type is None
        since = first.seq
    else:
        rest = updates
    told = [(update.seq, update.type) for update in rest]
    assert told == log[since : since + len(told)]
    last = updates[-1] if updates else None
    assert last is None or last.is_end, "ended before the task"
    if last is None:
        assert log[since - 1][1] in ("completed", "failed")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=16), fates=st.data())
def test_every_watcher_sees_every_event_once_and_in_order(
    sqlite_template: Path, actions: list[str], fates: st.DataObject
) -> None:
    """A bus that drops, repeats, delays and reorders costs time and nothing else."""

    async def example(path: Path) -> None:
        shutil.copy(sqlite_template, path)
        database = await open_database(f"sqlite:///{path}")
        try:
            user = await AccountService(database).create_user("ada@example.org")
            await Run(database, principal_of(user), fates).perform(actions)
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(example(Path(folder) / "sluice.db"))
