"""The worker's side of the task service: claim, page by page, end, and the sweeper's rounds.

Whatever a worker writes is guarded by its claim (worker and attempt). Where the guard lets
nothing through, the task is somebody else's by now: `LeaseLost` is raised and nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks import models
from tasks.database import Database, Statement, Steps
from tasks.errors import LeaseLost
from tasks.models import CursorState, StopReason
from tasks.ports import Collected, Waker
from tasks.receipt import Receipt
from tasks.store import post, queue, run, schedule
from tasks.store import task as row
from tasks.store.queue import Caps
from tasks.store.schedule import Former
from tasks.transition import COMPLETE, FAIL, RECORD, RELEASE, START, WAIT, Transition

WORKER_LOST = "WORKER_LOST"
#: How many expired leases, or due tasks, one round of the sweeper handles in a transaction.
SWEEP_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker is held to."""

    lease_seconds: float = 30.0
    max_failures: int = 5  #: Failures in a row after which a task fails.
    caps: Caps = field(default_factory=Caps)


@dataclass(frozen=True, slots=True)
class Claim:
    """A task as a worker took it: the guard of everything that it writes."""

    task: models.Task
    worker_id: str
    attempt: int
    more: bool  #: Whether somebody else could claim something at this moment.

    @property
    def guard(self) -> dict[str, Any]:
        """Return the parameters that guard a write."""
        return {
            "task_id": self.task.id,
            "held_by": self.worker_id,
            "held_attempt": self.attempt,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a run stands: what the next worker needs to go on from here."""

    cursor_state: CursorState
    cursor: str | None
    posts_count: int
    receipt: Receipt

    def values(self) -> dict[str, Any]:
        """Return the columns."""
        return {
            "cursor_state": self.cursor_state.value,
            "cursor": self.cursor,
            "posts_count": self.posts_count,
            "receipt": self.receipt.dump(),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A guarded update: the statement, the transition it makes, and what its event adds."""

    statement: Statement
    transition: Transition
    parameters: Mapping[str, Any]
    more: Mapping[str, Any]
    validators: Mapping[str, str] | None = None  #: For the next run of the task's schedule.


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round of the sweeper did."""

    due: int  #: Tasks whose `not_before` had come.
    returned: int  #: Tasks taken back from a worker that is gone.
    abandoned: int  #: Tasks failed because that happened too often.
    claimable: bool  #: Whether anything can be claimed now.
    more: bool  #: Whether a further round would find something at once.


class WorkService:
    """What workers and the sweeper do with tasks. Holds no state; safe to call at once."""

    def __init__(self, database: Database, *, waker: Waker, limits: Limits) -> None:
        self._database = database
        self._waker = waker
        self.limits = limits

    async def claim(self, worker_id: str) -> Claim | None:
        """Take the next task: owners in turn, then priority, then age. None if there is none."""
        claimed = await self._database.write(
            queue.claim,
            worker_id=worker_id,
            lease_seconds=self.limits.lease_seconds,
            caps=self.limits.caps,
        )
        if claimed.task is None:
            if claimed.more:
                self._waker.wake()
            return None
        return Claim(claimed.task, worker_id, claimed.task.attempt, claimed.more)

    async def start(self, claim: Claim) -> models.Task:
        """Say that the first page of this run is being asked for."""
        parameters = {**claim.guard, "lease_seconds": self.limits.lease_seconds}
        return await self._write(claim, run.STARTED, START, parameters)

    async def known_posts(self, claim: Claim) -> set[str]:
        """Return the ids of the posts that the task has already."""
        return await self._database.read(post.ids, claim.task.id)

    async def record(
        self, claim: Claim, checkpoint: Checkpoint, posts: Sequence[Collected]
    ) -> models.Task:
        """Store a page, its checkpoint and its event in one transaction; renews the lease.

        `posts` are new to the task, in order; `checkpoint.posts_count` counts them already.
        """
        parameters = {
            **claim.guard,
            **checkpoint.values(),
            "lease_seconds": self.limits.lease_seconds,
        }
        rows = _rows(claim, checkpoint, posts)
        return await self._write(claim, run.RECORDED, RECORD, parameters, posts=rows)

    async def former(self, claim: Claim) -> Former | None:
        """Return what former runs of the task's schedule brought, if only new posts are wanted."""
        if claim.task.schedule_id is None:
            return None
        return await self._database.snapshot(schedule.former, claim.task.schedule_id, claim.task.id)

    async def complete(
        self,
        claim: Claim,
        checkpoint: Checkpoint,
        posts: Sequence[Collected],
        reason: StopReason,
        *,
        validators: Mapping[str, str] | None = None,
    ) -> models.Task:
        """Store the last page and complete the task, in one transaction.

        `validators` are for the next run of the task's schedule, if it has one.
        """
        parameters = {
            **claim.guard,
            **checkpoint.values(),
            "stop_reason": reason.value,
            "error_code": None,
            "error_message": None,
        }
        rows = _rows(claim, checkpoint, posts)
        task = await self._write(
            claim, run.COMPLETED, COMPLETE, parameters, posts=rows, validators=validators
        )
        await self._freed(task)
        return task

    async def fail(
        self,
        claim: Claim,
        checkpoint: Checkpoint,
        *,
        error_code: str,
        error_message: str,
        more: Mapping[str, Any] | None = None,
    ) -> models.Task:
        """End the task as failed; what it collected stays. `more` goes into the event."""
        parameters = {
            **claim.guard,
            **checkpoint.values(),
            "stop_reason": StopReason.ERROR.value,
            "error_code": error_code,
            "error_message": error_message,
        }
        task = await self._write(claim, run.FAILED, FAIL, parameters, more=more)
        await self._freed(task)
        return task

    async def fail_unread(self, claim: Claim, *, code: str, message: str) -> models.Task:
        """End a task of which no page could be asked for, with what it has."""
        task = claim.task
        receipt = Receipt.of(task.receipt, requested=task.max_posts).ended(StopReason.ERROR)
        checkpoint = Checkpoint(
            cursor_state=CursorState(task.cursor_state),
            cursor=task.cursor,
            posts_count=task.posts_count,
            receipt=receipt,
        )
        return await self.fail(claim, checkpoint, error_code=code, error_message=message)

    async def wait(
        self,
        claim: Claim,
        *,
        seconds: float,
        failures: int,
        error_code: str,
        error_message: str,
        receipt: Receipt,
    ) -> models.Task:
        """Give the task back until `seconds` from now; what it waits for is visible."""
        parameters = {
            **claim.guard,
            "wait_seconds": seconds,
            "failures": failures,
            "error_code": error_code,
            "error_message": error_message,
            "receipt": receipt.dump(),
        }
        task = await self._write(claim, run.WAITING, WAIT, parameters)
        await self._freed(task)
        return task

    async def release(self, claim: Claim, receipt: Receipt | None = None) -> models.Task:
        """Give the task back at once: a graceful stop, or the end of its time slice."""
        kept = claim.task.receipt if receipt is None else receipt.dump()
        task = await self._database.write(_release, claim, {**claim.guard, "receipt": kept})
        await self._freed(task)
        self._waker.wake()
        return task

    async def renew(self, worker_id: str, held: Mapping[int, int]) -> set[int]:
        """Renew the leases of a worker's tasks (id to attempt); returns the ids that it lost."""
        kept = await self._database.write(
            run.renew, worker_id, list(held), lease_seconds=self.limits.lease_seconds
        )
        return {task_id for task_id, attempt in held.items() if kept.get(task_id) != attempt}

    async def lost(self, worker_id: str, held: Mapping[int, int]) -> set[int]:
        """Return the ids of those tasks (id to attempt) that the worker holds no longer."""
        kept = await self._database.read(run.held, worker_id, list(held))
        return {task_id for task_id, attempt in held.items() if kept.get(task_id) != attempt}

    async def sweep(self) -> Swept:
        """Make due tasks claimable and take expired leases back, at most a batch of each."""
        due = await self._database.write(_promote)
        taken, abandoned = await self._database.write(_take_back, self.limits.max_failures)
        for task in (*taken, *abandoned):
            await self._freed(task)
        return Swept(
            due=due,
            returned=len(taken),
            abandoned=len(abandoned),
            claimable=await self._database.read(queue.anybody),
            more=SWEEP_BATCH in (due, len(taken) + len(abandoned)),
        )

    async def end_leases(self) -> None:
        """Let every lease run out now; only for who knows that no other worker lives."""
        await self._database.write(run.end_all)

    async def reconcile(self) -> None:
        """Put every owner in the line who has something claimable: the last safety net."""
        await self._database.write(queue.reconcile)

    async def seconds_to_next(self) -> float | None:
        """Return the seconds until the next lease ends or the next task is due, or None."""
        return await self._database.read(run.seconds_to_next)

    async def _write(
        self,
        claim: Claim,
        statement: Statement,
        transition: Transition,
        parameters: Mapping[str, Any],
        *,
        posts: Sequence[Mapping[str, Any]] = (),
        more: Mapping[str, Any] | None = None,
        validators: Mapping[str, str] | None = None,
    ) -> models.Task:
        change = Change(statement, transition, parameters, more or {}, validators)
        return await self._database.write(_guarded, claim, change, posts)

    async def _freed(self, task: models.Task) -> None:
        """Let those in whom this task kept out by a cap."""
        if self.limits.caps:
            await self._database.write(queue.freed, task, self.limits.caps)
            self._waker.wake()


def _guarded(
    claim: Claim, change: Change, posts: Sequence[Mapping[str, Any]]
) -> Steps[models.Task]:
    """Write as the holder of a claim. The guarded update is first: it is also the lock."""
    task = yield from row.apply(
        change.statement, change.transition, change.parameters, **change.more
    )
    if task is None:
        raise LeaseLost(claim.task.id)
    if posts:
        yield from post.insert(posts)
    if change.transition is COMPLETE:
        yield from schedule.remember(task, change.validators)
    return task


def _release(claim: Claim, parameters: Mapping[str, Any]) -> Steps[models.Task]:
    yield from queue.enter(claim.task.user_id)
    task = yield from row.apply(run.RELEASED, RELEASE, parameters)
    if task is None:
        raise LeaseLost(claim.task.id)
    return task


def _promote() -> Steps[int]:
    due = yield from run.due(limit=SWEEP_BATCH)
    if due:
        yield from queue.enter_each(user_id for _, user_id in due)
        yield run.MADE_CLAIMABLE(task_ids=[task_id for task_id, _ in due])
    return len(due)


def _take_back(max_failures: int) -> Steps[tuple[list[models.Task], list[models.Task]]]:
    """Return or fail tasks whose lease has run out; each is looked at again when it is written."""
    returned: list[models.Task] = []
    abandoned: list[models.Task] = []
    expired = yield from run.expired(limit=SWEEP_BATCH)
    yield from queue.enter_each(task.user_id for task in expired)
    for task in expired:
        if task.failures + 1 < max_failures:
            back = yield from row.apply(run.RETURNED, RELEASE, {"task_id": task.id})
            returned += [back] if back else []
        else:
            failed = yield from row.apply(run.ABANDONED, FAIL, _lost(task))
            abandoned += [failed] if failed else []
    return returned, abandoned


def _lost(task: models.Task) -> dict[str, Any]:
    times = task.failures + 1
    receipt = Receipt.of(task.receipt, requested=task.max_posts).ended(StopReason.ERROR)
    return {
        "task_id": task.id,
        "stop_reason": StopReason.ERROR.value,
        "error_code": WORKER_LOST,
        "error_message": (
            f"A worker was lost while it ran this task, {times} times without progress in between;"
            f" the last was {task.worker_id}."
        ),
        "receipt": receipt.dump(),
    }


def _rows(claim: Claim, checkpoint: Checkpoint, posts: Sequence[Collected]) -> list[dict[str, Any]]:
    first = checkpoint.posts_count - len(posts)
    return [
        {
            "task_id": claim.task.id,
            "position": first + index,
            "post_id": each.id,
            "message": each.message,
            "author": each.author,
            "url": each.url,
            "created_time": each.created_time,
            "likes": each.likes,
            "comments": each.comments,
            "shares": each.shares,
        }
        for index, each in enumerate(posts)
    ]
