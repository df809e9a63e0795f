"""Posts that clients send themselves, for what has no API that may be used.

A task of the platform `push` is created like any other and no worker takes it. The first batch
begins it, a full one or the client's word completes it, and so does silence: a task that was
begun and forgotten must not stay unfinished for ever. It holds no lease and stands in no line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from tasks import idempotency, models
from tasks.batch import Batch, NewPost
from tasks.database import Database, Steps
from tasks.errors import NotOwner, TaskNotFound, TransitionRefused, ValidationFailed
from tasks.models import PUSH, StopReason, TaskStatus
from tasks.principal import TASKS_WRITE, Principal
from tasks.receipt import Receipt
from tasks.store import ingest, post
from tasks.store import task as row
from tasks.transition import BEGIN
from tasks.validation import Idempotency

#: From which statuses posts can be added.
TAKES_POSTS: Final = (TaskStatus.PENDING, TaskStatus.PROCESSING)
IDLE: Final = timedelta(days=1)
#: Silent tasks that one transaction completes.
BATCH: Final = 100
#: The longest the chore waits when nothing is due: tasks are begun meanwhile.
LOOK_SECONDS: Final = 60.0
#: Rounds are not sooner than this: the database's clock may be a little behind the wait.
LEAST_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch."""

    task: models.Task
    added: int  #: Posts stored.
    duplicates: int  #: Posts that the task had already, or that stood in the batch before.
    surplus: int  #: Posts beyond the task's `max_posts`, which were left out.

    @classmethod
    def of(cls, answer: Mapping[str, Any], *, user_id: int) -> Self:
        """Take up a stored answer."""
        counts = (answer[name] for name in ("added", "duplicates", "surplus"))
        return cls(models.of_public(answer["task"], user_id=user_id), *counts)

    def dump(self) -> dict[str, Any]:
        """Return it as it is stored for a repeat."""
        return {
            "task": models.public(self.task),
            "added": self.added,
            "duplicates": self.duplicates,
            "surplus": self.surplus,
        }


class IngestService:
    """Takes posts from clients. Holds no state; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, principal: Principal, task_id: int, batch: Batch, *, key: str | None = None
    ) -> Ingested:
        """Store a batch in one transaction with its event; a full task completes.

        Posts go on after those that are there. With a `key`, unique among the task's batches, a
        repeat within 24 hours returns the first answer again and stores nothing.

        Raises:
            ScopeMissing, TaskNotFound, NotOwner: As they say.
            ValidationFailed: The task's posts are a worker's to collect, or the key cannot be
                one or was used for another batch.
            TransitionRefused: The task has ended.
        """
        principal.require(TASKS_WRITE)
        door = ingest.door(task_id)
        once = None
        if key is not None:
            once = Idempotency.of(key, door=door, body=batch.canonical())
        return await self._database.write(_add, principal, task_id, batch, once)

    async def finish(self, principal: Principal, task_id: int) -> models.Task:
        """Complete a task with the posts that it has, perhaps none.

        Raises:
            ScopeMissing, TaskNotFound, NotOwner: As they say.
            ValidationFailed: The task's posts are a worker's to collect.
            TransitionRefused: The task has ended.
        """
        principal.require(TASKS_WRITE)
        batch = Batch((), finish=True)
        return (await self._database.write(_add, principal, task_id, batch, None)).task


class Silence:
    """The sweeper's chore: completes begun tasks that were sent nothing for `idle`.

    They are completed and not failed, so that what was sent can be read; the receipt says that
    the client did not finish.
    """

    def __init__(self, database: Database, *, idle: timedelta = IDLE) -> None:
        self._database = database
        self._idle_seconds = idle.total_seconds()

    async def __call__(self) -> float:
        """Complete what is due, at most a batch, and return in how many seconds to call again."""
        seen = await self._database.write(_end_silent, self._idle_seconds)
        if seen == BATCH:
            return LEAST_SECONDS
        silence = await self._database.read(ingest.longest_silence_seconds)
        if silence is None:
            return LOOK_SECONDS
        return min(max(self._idle_seconds - silence, LEAST_SECONDS), LOOK_SECONDS)


def _add(
    principal: Principal, task_id: int, batch: Batch, once: Idempotency | None
) -> Steps[Ingested]:
    task = yield from _locked(principal, task_id)
    kept = yield from idempotency.answered(principal.user_id, once, what="batch of this task")
    if kept is not None:
        return Ingested.of(kept, user_id=principal.user_id)
    if task.status not in TAKES_POSTS:
        raise TransitionRefused(
            task_id=task.id, action=BEGIN.action, status=task.status, allowed=TAKES_POSTS
        )
    if task.status == TaskStatus.PENDING:
        task = _sure((yield from ingest.begin(task)))
    ingested = yield from _store(task, batch)
    yield from idempotency.remember(principal.user_id, once, ingested.dump())
    return ingested


def _locked(principal: Principal, task_id: int) -> Steps[models.Task]:
    """Return the task, locked: batches that come at the same time are stored one by one."""
    task = yield from row.for_update(task_id)
    if task is None:
        raise TaskNotFound(task_id)
    if task.user_id != principal.user_id:
        raise NotOwner(task_id)
    if task.platform != PUSH:
        sentence = (
            f"Task {task_id} is of the platform {task.platform}, whose posts a worker collects; "
            f"posts can be added to tasks of the platform {PUSH}."
        )
        raise ValidationFailed({"id": [sentence]})
    return task


def _store(task: models.Task, batch: Batch) -> Steps[Ingested]:
    """Store what is new, and end the task if that was all."""
    known = yield from post.ids(task.id)
    fresh: list[NewPost] = []
    for each in batch.posts:
        if each.id not in known:
            known.add(each.id)
            fresh.append(each)
    taken = fresh[: max(task.max_posts - task.posts_count, 0)]
    count = task.posts_count + len(taken)
    duplicates = len(batch.posts) - len(fresh)
    receipt = _receipt(task, taken, duplicates=duplicates, batches=1 if batch.posts else 0)
    reason = _reason(count, task, batch)
    if reason is None:
        changed = yield from ingest.add(task, taken, receipt=receipt.dump())
    else:
        changed = yield from ingest.end(
            task, taken, receipt=receipt.ended(reason).dump(), stop_reason=reason
        )
    surplus = len(fresh) - len(taken)
    return Ingested(_sure(changed), len(taken), duplicates, surplus)


def _reason(count: int, task: models.Task, batch: Batch) -> StopReason | None:
    if count >= task.max_posts:
        return StopReason.REACHED_MAX
    return StopReason.FINISHED_BY_CLIENT if batch.finish else None


def _receipt(
    task: models.Task, taken: Sequence[NewPost], *, duplicates: int, batches: int
) -> Receipt:
    """Return the receipt so far. A batch is a page; nobody was called."""
    receipt = Receipt.of(task.receipt, requested=task.max_posts)
    times = [each.created_time for each in taken if each.created_time is not None]
    ends: list[datetime] = [t for t in (receipt.newest_at, receipt.oldest_at, *times) if t]
    return receipt.evolve(
        collected=receipt.collected + len(taken),
        duplicates=receipt.duplicates + duplicates,
        pages=receipt.pages + batches,
        newest_at=max(ends, default=None),
        oldest_at=min(ends, default=None),
        auth_mode=PUSH,
        stop_reason=None,
        complete=False,
    )


def _end_silent(idle_seconds: float) -> Steps[int]:
    """Complete silent tasks and return how many there were, a batch at most."""
    found = yield from ingest.silent(idle_seconds=idle_seconds, limit=BATCH)
    for task in found:
        receipt = Receipt.of(task.receipt, requested=task.max_posts).ended(StopReason.IDLE)
        yield from ingest.end_silent(task, idle_seconds=idle_seconds, receipt=receipt.dump())
    return len(found)


def _sure(task: models.Task | None) -> models.Task:
    """Return the task: the row is locked and its status was looked at."""
    if task is None:
        raise AssertionError("a locked task changed its status")
    return task
