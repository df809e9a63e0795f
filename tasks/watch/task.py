"""Watching one task: every event once and in order, the terminal one last."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Self

from tasks import models
from tasks.coalescing import Coalesced
from tasks.database import Database
from tasks.errors import NotOwner, StorageError, TaskNotFound
from tasks.models import EventType
from tasks.principal import Principal
from tasks.store import event as log
from tasks.store import watch as store
from tasks.watch.signal import Signal
from tasks.watch.update import Update

#: Updates that wait for a watcher; a slower one reads the log again instead.
QUEUE_SIZE: Final = 64
#: How long a watch waits before it asks a database again that did not answer.
RETRY_SECONDS: Final = 1.0
#: Events that are read from the log at a time.
BATCH: Final = 100


class Topic:
    """One watched task: puts what the bus says of it in order, for all its watchers at once.

    A jump in `seq` is filled from the log, with one read however many watch.
    """

    __slots__ = ("_ahead", "_database", "_filling", "_on_empty", "revision", "task_id", "watches")

    def __init__(
        self, task_id: int, database: Database, *, on_empty: Callable[["Topic"], None]
    ) -> None:
        self.task_id = task_id
        self.revision: int | None = None  #: Unknown until a watch has read where the task stands.
        self.watches: dict[TaskWatch, None] = {}
        self._database = database
        self._ahead = 0
        self._filling: asyncio.Task[None] | None = None
        self._on_empty = on_empty

    def offer(self, event: models.TaskEvent) -> None:
        """Take an event from the bus: the next, an old one, or one from beyond a gap."""
        if self.revision is not None and event.seq == self.revision + 1:
            self._advance(event)
        else:
            self.compare(event.seq)

    def compare(self, revision: int | None) -> None:
        """Fill what is missing up to `revision`; None says that the task is gone."""
        self._ahead = max(self._ahead, revision if revision is not None else 2**63)
        if self.revision is not None and self._ahead > self.revision and self._filling is None:
            self._filling = asyncio.ensure_future(self._fill())

    def settle(self, revision: int) -> bool:
        """Hear where a watch found the task; says whether the watchers are further already."""
        if self.revision is None:
            self.revision = revision
            self.compare(revision)
        return self.revision > revision

    def leave(self, watch: "TaskWatch") -> None:
        """Forget a watch."""
        self.watches.pop(watch, None)
        if not self.watches:
            if self._filling is not None:
                self._filling.cancel()
            self._on_empty(self)

    async def _fill(self) -> None:
        """Read the log from where the watchers are. What fails is tried again by the next hint."""
        try:
            while self.revision is not None:
                ahead, self._ahead = self._ahead, self.revision
                events = await self._database.read(
                    log.of_task, self.task_id, after=self.revision, limit=BATCH
                )
                for event in events:
                    if event.seq > self.revision:
                        self._advance(event)
                if not events and ahead == 2**63:
                    self._lose()
                if len(events) < BATCH and self._ahead <= self.revision:
                    return
        except StorageError:
            return
        finally:
            self._filling = None

    def _advance(self, event: models.TaskEvent) -> None:
        self.revision = event.seq
        update = Update.of(event)
        for watch in self.watches:
            watch.push(update)

    def _lose(self) -> None:
        """End the watches of a task of which nothing is left, not even the tombstone."""
        for watch in self.watches:
            watch.lose()


class TaskWatch:
    """The updates of one task, for one watcher. Iterate it, and `aclose` it in any case."""

    __slots__ = (
        "_behind",
        "_closed",
        "_database",
        "_ended",
        "_lost",
        "_queue",
        "_ready",
        "_release",
        "_signal",
        "_topic",
        "seq",
    )

    def __init__(self, topic: Topic, database: Database, release: Callable[[], None]) -> None:
        self.seq = 0  #: Of the update given last.
        self._topic = topic
        self._database = database
        self._release = release
        # Lists: nearly always empty, where a deque would hold on to half a kilobyte.
        self._queue: list[Update] = []  # what the topic pushed
        self._ready: list[Update] = []  # what was read, and goes before it
        self._behind = False  # whether the log holds what the queue has not
        self._ended = False
        self._lost = False
        self._closed = False
        self._signal = Signal()

    @property
    def is_over(self) -> bool:
        """Whether nothing will come: the task has ended, and all was given."""
        return self._ended and not (self._ready or self._queue or self._behind)

    def push(self, update: Update) -> None:
        """Queue an update; the topic calls this."""
        if len(self._queue) >= QUEUE_SIZE:
            self._queue.clear()
            self._behind = True
        else:
            self._queue.append(update)
        self._signal.set()

    def lose(self) -> None:
        """End after what is queued: nothing will come any more."""
        self._lost = True
        self._signal.set()

    async def begin(
        self, principal: Principal, since: int | None, standings: Coalesced[int, models.Task]
    ) -> None:
        """Find where the task stands. The watch must be with its topic already.

        Raises:
            TaskNotFound, NotOwner: As they say.
        """
        task_id = self._topic.task_id
        task = await standings.get(task_id) if since is None else None
        if task is not None:
            found = store.Standing(task, [])
        else:
            found = await self._database.snapshot(store.standing, task_id, after=since, limit=BATCH)
        _require_owned(found, principal, task_id, gone_is_news=since is not None)
        if found.task is None:
            self._continue(since or 0, found.events)
            revision = found.events[-1].seq
        elif since is None or _is_torn(found.task, since, found.events):
            self._ready.append(Update.standing(found.task))
            revision = found.task.revision
        else:
            self._continue(since, found.events)
            revision = found.events[-1].seq if found.events else since
            self._behind = revision < found.task.revision
            self._ended = not found.events and found.task.status in models.ENDED
        if self._topic.settle(revision):
            self._behind = True

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Update:
        """Wait for the next update.

        Raises:
            StopAsyncIteration: The task has ended, or the watch was closed.
        """
        while not self._closed:
            update = self._next()
            if update is not None:
                self.seq, self._ended = update.seq, update.is_end
                return update
            if self._behind:
                await self._catch_up()
            elif self._ended or self._lost:
                break
            else:
                await self._signal.wait()
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the topic; who waits for an update is told that there will be none."""
        if self._closed:
            return
        self._closed = True
        self._topic.leave(self)
        self._release()
        self._signal.set()

    def _next(self) -> Update | None:
        """Take what comes next, and drop what was given already."""
        while self._ready:
            update = self._ready.pop(0)
            if update.seq > self.seq:
                return update
        while self._queue and not self._behind:
            update = self._queue.pop(0)
            if update.seq > self.seq:
                return update
        return None

    async def _catch_up(self) -> None:
        """Read on in the log. What is pushed meanwhile waits in the queue."""
        self._queue.clear()
        self._behind = False
        try:
            events = await self._database.read(
                log.of_task, self._topic.task_id, after=self.seq, limit=BATCH
            )
        except StorageError:
            # Watchers outlive a restart of the database.
            self._behind = True
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._ready.extend(Update.of(event) for event in events)
        self._behind = self._behind or len(events) == BATCH

    def _continue(self, since: int, events: Sequence[models.TaskEvent]) -> None:
        self.seq = since
        self._ready.extend(Update.of(event) for event in events)


def _is_torn(task: models.Task, since: int, events: Sequence[models.TaskEvent]) -> bool:
    """Say whether the log does not continue at `since`: it was cleared, or never got there."""
    if since > task.revision or since < 0:
        return True
    if since == task.revision:
        return False
    return not events or events[0].seq != since + 1


def _require_owned(
    found: store.Standing, principal: Principal, task_id: int, *, gone_is_news: bool
) -> None:
    """Refuse a task that is not there or somebody else's.

    A task that is gone is news only to who has seen it.
    """
    if found.task is not None:
        if found.task.user_id != principal.user_id:
            raise NotOwner(task_id)
        return
    tombstone = found.events[0] if found.events else None
    if tombstone is None or tombstone.type != EventType.DELETED or not gone_is_news:
        raise TaskNotFound(task_id)
    if tombstone.user_id != principal.user_id:
        raise NotOwner(task_id)
