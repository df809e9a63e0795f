"""A small world to watch: tasks that move, and buses that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tasks import models
from tasks.bus import Bus, Listener, MakeEvent, ProcessBus, Subscription
from tasks.claim import Checkpoint, Claim, Limits
from tasks.database import Database
from tasks.models import CursorState, StopReason
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.publication import PublishingDatabase
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.validation import NewTask
from tasks.watch.update import TERMINAL
from tasks.work import WorkService
from tests.conftest import AnyTarget

T = TypeVar("T")

#: Longer than anything here takes, on a machine that is busy.
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A post as a source would give it."""

    id: str
    message: str | None = "text"
    author: str | None = None
    url: str | None = None
    created_time: datetime | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None


class SilentBus:
    """A bus that carries nothing."""

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Lose the event."""
        del user_id, make

    def subscribe(self, user_id: int, listener: Listener) -> Subscription:
        """Take who will hear nothing."""
        del user_id, listener
        return self

    async def confirmed(self) -> None:
        """Confirm what will never come."""

    def end(self) -> None:
        """End what never began."""


class EndlessBus(ProcessBus):
    """A bus that loses every terminal event."""

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Deliver the others."""
        if make().type not in TERMINAL:
            super().publish(user_id, make)


class HostileBus(ProcessBus):
    """A bus that does with each event what `fate` says: deliver, drop, repeat, or hold back."""

    def __init__(self, fate: Callable[[], str]) -> None:
        super().__init__()
        self._fate = fate
        self._held: list[tuple[int, MakeEvent]] = []

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Deliver an event, or not; those held back come after a later one."""
        match self._fate():
            case "drop":
                return
            case "repeat":
                super().publish(user_id, make)
                super().publish(user_id, make)
            case "hold":
                self._held.append((user_id, make))
                return
            case _:
                super().publish(user_id, make)
        while self._held:
            super().publish(*self._held.pop())


class World:
    """The services around one database, as a worker and clients use them."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = PublishingDatabase(database, bus)
        self.tasks = TaskService(self.database, catalogue=AnyTarget(), waker=Sleeper())
        self.work = WorkService(self.database, waker=Sleeper(), limits=Limits())

    async def create(self, principal: Principal, *, max_posts: int = 500) -> models.Task:
        """Create a task."""
        new = NewTask.parse({"group_id": "sandbox:happy", "max_posts": max_posts})
        return await self.tasks.create(principal, new)

    async def start(self) -> Claim:
        """Claim the next task and begin its run."""
        claim = await self.work.claim("w")
        assert claim is not None
        await self.work.start(claim)
        return claim

    async def record(self, claim: Claim, *, before: int, count: int = 1) -> models.Task:
        """Store a page of `count` posts after `before` others."""
        checkpoint = checkpoint_at(before + count)
        return await self.work.record(claim, checkpoint, samples(before, count))

    async def complete(self, claim: Claim, *, before: int = 0, count: int = 0) -> models.Task:
        """Store the last page and complete."""
        checkpoint = checkpoint_at(before + count)
        reason = StopReason.END_OF_SOURCE
        return await self.work.complete(claim, checkpoint, samples(before, count), reason)


def samples(before: int, count: int) -> list[Sample]:
    """Return posts with ids of their own."""
    return [Sample(id=f"p{number}") for number in range(before, before + count)]


def checkpoint_at(posts_count: int) -> Checkpoint:
    """Return a checkpoint."""
    receipt = Receipt(requested=500, collected=posts_count)
    return Checkpoint(
        cursor_state=CursorState.AT, cursor="2", posts_count=posts_count, receipt=receipt
    )


async def take(source: AsyncIterator[T], count: int) -> list[T]:
    """Take items, or fail when they do not come."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return [await anext(source) for _ in range(count)]


async def drain(source: AsyncIterator[T]) -> list[T]:
    """Take all items up to the end, or fail when it does not come."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return [item async for item in source]


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds, or fail when it never does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
