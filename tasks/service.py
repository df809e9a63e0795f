"""The task service: what a client can do with tasks. Every door translates to these calls.

Each call takes the principal who asks, checks what they may do, and runs one transaction. A
change and its event are one transaction; workers are woken after it. Errors are those of
`tasks/errors.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks import creation, models
from tasks.database import Database, Steps, UniqueViolation
from tasks.errors import (
    NoResult,
    NotOwner,
    ResultExpired,
    TargetError,
    TaskNotFound,
    TransitionRefused,
    ValidationFailed,
)
from tasks.models import StopReason, TaskStatus
from tasks.ports import Catalogue, Preview, Previewer, Target, Unasked, Waker
from tasks.principal import RESULTS_READ, TASKS_READ, TASKS_WRITE, Principal
from tasks.receipt import Receipt
from tasks.store import command, event, post, queue
from tasks.store import listing as listing_of
from tasks.store import task as row
from tasks.store.queue import Caps
from tasks.transition import CANCEL, EDIT, RESET, RESUME, Transition
from tasks.validation import Idempotency, Listing, NewTask, TaskChanges

#: Tasks that one call may create.
MAX_CREATED = 100
#: Up to here a list's total is counted anew each time; above, it may be this old.
EXACT_TOTAL = 10_000
TOTAL_SECONDS = 2.0
#: Totals that are remembered at once; the oldest goes first.
TOTALS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a list, and how many tasks the whole list has."""

    tasks: list[models.Task]
    total: int


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """One page of a list in brief, and how many tasks the whole list has."""

    tasks: list[models.TaskSummary]
    total: int


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A completed task and its posts, in the order in which they were stored."""

    task: models.Task
    posts: list[models.Post]


class TaskService:
    """What clients do with tasks. Holds no state but remembered totals; safe to call at once."""

    def __init__(
        self,
        database: Database,
        *,
        catalogue: Catalogue,
        waker: Waker,
        caps: Caps | None = None,
        previewer: Previewer | None = None,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._previewer = previewer or Unasked(catalogue)
        self._waker = waker
        self._caps = caps or Caps()
        self._totals: dict[tuple[int, TaskStatus | None], tuple[int, float]] = {}

    async def create(
        self,
        principal: Principal,
        new: NewTask,
        *,
        idempotency: Idempotency | None = None,
        correlation_id: str | None = None,
    ) -> models.Task:
        """Create a pending task and ask for a worker. Calls no platform.

        With `idempotency`, a repeat within 24 hours returns the first answer again and creates
        nothing.

        Raises:
            ScopeMissing: The token may not write.
            TargetError: `group_id` leads nowhere.
            ValidationFailed: The idempotency key was used for something else.
        """
        principal.require(TASKS_WRITE)
        target = self._catalogue.resolve(new.group_id)
        values = creation.values(principal, new, target, correlation_id)
        task = await self._create(values, idempotency)
        self._waker.wake()
        return task

    async def preview(self, principal: Principal, wish: NewTask) -> Preview:
        """Say what a task would be, without creating it. Asks the platform once.

        Raises:
            ScopeMissing: The token may not write, and so not send anybody to a platform.
            TargetError: `group_id` leads nowhere.
        """
        principal.require(TASKS_WRITE)
        return await self._previewer.preview(wish.group_id, wish.max_posts)

    async def create_many(
        self,
        principal: Principal,
        new: Sequence[NewTask],
        *,
        idempotency: Idempotency | None = None,
        correlation_id: str | None = None,
    ) -> list[models.Task]:
        """Create up to 100 pending tasks in one transaction: all of them or none.

        With `idempotency`, a repeat within 24 hours returns the first answer again.

        Raises:
            ScopeMissing: The token may not write.
            ValidationFailed: There are none or too many, a `group_id` leads nowhere, or the
                idempotency key was used for something else. Fields are named `tasks.3.group_id`.
        """
        principal.require(TASKS_WRITE)
        if not 1 <= len(new) <= MAX_CREATED:
            sentence = f"From 1 to {MAX_CREATED} tasks can be created at once, not {len(new)}."
            raise ValidationFailed({"tasks": [sentence]})
        targets = self._resolve_each(new)
        rows = [
            creation.values(principal, each, target, correlation_id)
            for each, target in zip(new, targets, strict=True)
        ]
        try:
            tasks = await self._database.write(creation.many, rows, idempotency)
        except UniqueViolation:
            if idempotency is None:
                raise
            # A request with the same key was faster, and has committed: take its answer.
            tasks = await self._database.write(creation.many, rows, idempotency)
        self._waker.wake()
        return tasks

    async def get(self, principal: Principal, task_id: int) -> models.Task:
        """Return a task.

        Raises:
            ScopeMissing: The token may not read tasks.
            TaskNotFound: There is none with this id.
            NotOwner: It is somebody else's.
        """
        principal.require(TASKS_READ)
        return _owned(await self._database.read(row.by_id, task_id), principal, task_id)

    async def page(self, principal: Principal, listing: Listing) -> TaskPage:
        """Return one page of the principal's tasks; past the end it is empty.

        `total` is exact up to 10,000 tasks, above it may be 2 seconds old.
        """
        principal.require(TASKS_READ)
        tasks = await self._database.read(listing_of.page, principal.user_id, listing)
        total = self._known_total(principal.user_id, listing.status)
        if total is None:
            total = await self._database.read(
                listing_of.count, principal.user_id, status=listing.status
            )
            self._remember_total(principal.user_id, listing.status, total)
        return TaskPage(tasks, total)

    async def summaries(self, principal: Principal, listing: Listing) -> SummaryPage:
        """Return the same page in brief, as the documented list shows it: one look-up."""
        principal.require(TASKS_READ)
        known = self._known_total(principal.user_id, listing.status)
        tasks, total = await self._database.read(
            listing_of.summaries, principal.user_id, listing, counted=known is None
        )
        if total is None:
            return SummaryPage(tasks, known or 0)
        self._remember_total(principal.user_id, listing.status, total)
        return SummaryPage(tasks, total)

    async def update(self, principal: Principal, task_id: int, changes: TaskChanges) -> models.Task:
        """Change a pending task; a changed priority counts at once. No change, no event.

        Raises:
            TransitionRefused: It is not pending any more.
        """
        principal.require(TASKS_WRITE)
        return await self._database.write(_update, principal, task_id, changes.given())

    async def delete(self, principal: Principal, task_id: int) -> None:
        """Delete a task, its posts and its events, also while it runs."""
        principal.require(TASKS_WRITE)
        task = await self._database.write(_delete, principal, task_id)
        await self._freed(task)

    async def reset(
        self, principal: Principal, task_id: int, *, resume: bool = False
    ) -> models.Task:
        """Make an ended task pending again, from scratch or (`resume`) from where it stands.

        Raises:
            TransitionRefused: It has not ended.
        """
        principal.require(TASKS_WRITE)
        task = await self._database.write(_reset, principal, task_id, resume=resume)
        self._waker.wake()
        return task

    async def cancel(self, principal: Principal, task_id: int) -> models.Task:
        """End an unfinished task as failed, `stop_reason` cancelled; its posts so far stay.

        Raises:
            TransitionRefused: It has ended already.
        """
        principal.require(TASKS_WRITE)
        task = await self._database.write(_cancel, principal, task_id)
        await self._freed(task)
        return task

    async def result(self, principal: Principal, task_id: int) -> TaskResult:
        """Return a completed task and its posts, as of one moment.

        Raises:
            NoResult: It has not completed.
            ResultExpired: Retention has removed its posts.
        """
        principal.require(RESULTS_READ)
        return await self._database.snapshot(_result, principal, task_id)

    async def events(
        self, principal: Principal, task_id: int, *, after: int = 0, limit: int = 100
    ) -> list[models.TaskEvent]:
        """Return a task's events with `seq` above `after`, in order, at most `limit`.

        A deleted task has one: its tombstone.
        """
        principal.require(TASKS_READ)
        found = await self._database.snapshot(_events, task_id, after, limit)
        if found.owner is None:
            raise TaskNotFound(task_id)
        if found.owner != principal.user_id:
            raise NotOwner(task_id)
        return found.events

    def _resolve_each(self, new: Sequence[NewTask]) -> list[Target]:
        """Resolve all group ids, or refuse with every one that leads nowhere."""
        targets: list[Target] = []
        errors: dict[str, list[str]] = {}
        for index, each in enumerate(new):
            try:
                targets.append(self._catalogue.resolve(each.group_id))
            except TargetError as error:
                errors[f"tasks.{index}.group_id"] = [str(error)]
        if errors:
            raise ValidationFailed(errors)
        return targets

    async def _create(self, values: dict[str, Any], once: Idempotency | None) -> models.Task:
        if once is None:
            # One statement, if the owner stands in the line already.
            rows = await self._database.execute(row.INSERT(**values))
            if rows:
                return models.Task.of(rows[0])
        try:
            return await self._database.write(creation.one, values, once)
        except UniqueViolation:
            if once is None:
                raise
            # A request with the same key was faster, and has committed: take its answer.
            return await self._database.write(creation.one, values, once)

    async def _freed(self, task: models.Task) -> None:
        """Let those in whom this task kept out by a cap, and tell the workers."""
        if self._caps:
            await self._database.write(queue.freed, task, self._caps)
        self._waker.wake()

    def _known_total(self, user_id: int, status: TaskStatus | None) -> int | None:
        """Return a long list's length if it was counted within the last 2 seconds."""
        kept = self._totals.get((user_id, status))
        if kept is None or time.monotonic() - kept[1] >= TOTAL_SECONDS:
            return None
        return kept[0]

    def _remember_total(self, user_id: int, status: TaskStatus | None, total: int) -> None:
        self._totals.pop((user_id, status), None)
        if total > EXACT_TOTAL:
            self._totals[user_id, status] = (total, time.monotonic())
            if len(self._totals) > TOTALS_KEPT:
                self._totals.pop(next(iter(self._totals)))


@dataclass(frozen=True, slots=True)
class _Found:
    owner: int | None
    events: list[models.TaskEvent]


def _owned(task: models.Task | None, principal: Principal, task_id: int) -> models.Task:
    if task is None:
        raise TaskNotFound(task_id)
    if task.user_id != principal.user_id:
        raise NotOwner(task_id)
    return task


def _allow(transition: Transition, task: models.Task) -> None:
    if task.status not in transition.sources:
        raise TransitionRefused(
            task_id=task.id,
            action=transition.action,
            status=task.status,
            allowed=transition.sources,
        )


def _locked(principal: Principal, task_id: int) -> Steps[models.Task]:
    task = yield from row.for_update(task_id)
    return _owned(task, principal, task_id)


def _update(principal: Principal, task_id: int, changes: dict[str, Any]) -> Steps[models.Task]:
    task = yield from _locked(principal, task_id)
    _allow(EDIT, task)
    if all(getattr(task, name) == value for name, value in changes.items()):
        return task
    changed = yield from command.edit(task, changes)
    return _sure(changed)


def _delete(principal: Principal, task_id: int) -> Steps[models.Task]:
    task = yield from _locked(principal, task_id)
    yield from command.delete(task)
    return task


def _reset(principal: Principal, task_id: int, *, resume: bool) -> Steps[models.Task]:
    # The owner's place in the line is locked before the task, as everywhere.
    known = yield from row.by_id(task_id)
    if known is not None and known.platform != models.PUSH:
        yield from queue.enter(principal.user_id)
    task = yield from _locked(principal, task_id)
    _allow(RESUME if resume else RESET, task)
    changed = yield from (command.resume(task) if resume else command.reset(task))
    return _sure(changed)


def _cancel(principal: Principal, task_id: int) -> Steps[models.Task]:
    task = yield from _locked(principal, task_id)
    _allow(CANCEL, task)
    receipt = Receipt.of(task.receipt, requested=task.max_posts).ended(StopReason.CANCELLED)
    changed = yield from command.cancel(task, receipt=receipt.dump())
    return _sure(changed)


def _result(principal: Principal, task_id: int) -> Steps[TaskResult]:
    task = _owned((yield from row.by_id(task_id)), principal, task_id)
    if task.status != TaskStatus.COMPLETED:
        raise NoResult(task_id)
    if task.posts_expired_at is not None:
        raise ResultExpired(task_id, at=task.posts_expired_at)
    return TaskResult(task, (yield from post.of_task(task_id)))


def _events(task_id: int, after: int, limit: int) -> Steps[_Found]:
    task = yield from row.by_id(task_id)
    events = yield from event.of_task(task_id, after=after, limit=limit)
    if task is not None:
        return _Found(task.user_id, events)
    tombstone = yield from event.of_task(task_id, after=0, limit=1)
    return _Found(tombstone[0].user_id if tombstone else None, events)


def _sure(task: models.Task | None) -> models.Task:
    """Return the task: the row is locked and the transition was allowed."""
    if task is None:
        raise AssertionError("a locked task changed its status")
    return task
