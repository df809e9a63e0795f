"""The worker's side of the task service: claim, page by page, end, and the sweeper's rounds.

Whatever a worker writes is guarded by its claim (worker and attempt). Where the guard lets
nothing through, the task is somebody else's by now: `LeaseLost` is raised and nothing is written.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tasks import lapse, models
from tasks.claim import Checkpoint, Claim, Claims, Limits, Swept
from tasks.database import Database, Statement, Steps
from tasks.errors import DatabaseUnavailable, LeaseLost, TaskError
from tasks.models import CursorState, StopReason
from tasks.ports import Collected, Waker
from tasks.receipt import Receipt
from tasks.store import post, queue, run, schedule
from tasks.store import task as row
from tasks.store.schedule import Former
from tasks.transition import COMPLETE, FAIL, RECORD, RELEASE, START, WAIT, Transition

#: Waits between tries while the database is away.
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class WorkService:
    """What workers and the sweeper do with tasks. Holds no state; safe to call at once."""

    def __init__(self, database: Database, *, waker: Waker, limits: Limits) -> None:
        self._database = database
        self._waker = waker
        self.limits = limits

    async def claim(self, worker_id: str) -> Claim | None:
        """Take the next task: owners in turn, then priority, then age. None if there is none."""
        found = await self.claim_many(worker_id, most=1)
        return found.claims[0] if found.claims else None

    async def claim_many(self, worker_id: str, *, most: int) -> Claims:
        """Take up to `most` tasks in one transaction, in the order in which `claim` would.

        A commit waits for the disk while it holds up everybody's claims, so a process that has
        room for several tasks takes them together.
        """
        claimed = await self._database.write(
            queue.claim,
            worker_id=worker_id,
            lease_seconds=self.limits.lease_seconds,
            caps=self.limits.caps,
            most=most,
        )
        claims = [Claim(task, worker_id, task.attempt) for task in claimed.tasks]
        return Claims(claims, claimed.more)

    async def claimable(self) -> bool:
        """Say whether a claim may find something."""
        return await self._database.read(queue.anybody)

    async def start(self, claim: Claim) -> models.Task:
        """Say that the first page of this run is being asked for."""
        parameters = {**claim.guard, "lease_seconds": self.limits.lease_seconds}
        return await self._write(claim, START, run.STARTED, parameters)

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
            "posts": _listed(checkpoint, posts),
        }
        return await self._write(claim, RECORD, run.RECORDED, parameters)

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
            "posts": _listed(checkpoint, posts),
        }
        if claim.task.schedule_id is None:
            task = await self._write(claim, COMPLETE, run.COMPLETED, parameters)
        else:
            task = await self._surely(
                claim,
                COMPLETE,
                lambda: self._database.write(_complete_scheduled, parameters, validators),
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
        excerpt: str | None = None,
    ) -> models.Task:
        """End the task as failed; what it collected stays. `excerpt` goes into the event."""
        parameters = {
            **claim.guard,
            **checkpoint.values(),
            "stop_reason": StopReason.ERROR.value,
            "error_code": error_code,
            "error_message": error_message,
            "excerpt": excerpt,
        }
        task = await self._write(claim, FAIL, run.FAILED, parameters)
        await self._freed(task)
        return task

    async def blame(
        self, claim: Claim, receipt: Receipt, *, error_code: str, error_message: str
    ) -> models.Task:
        """Fail the task where it stands: what a run believes after a fault may not be stored."""
        parameters = {
            **claim.guard,
            "receipt": receipt.dump(),
            "stop_reason": StopReason.ERROR.value,
            "error_code": error_code,
            "error_message": error_message,
        }
        task = await self._write(claim, FAIL, run.BLAMED, parameters)
        await self._freed(task)
        return task

    async def refuse(self, claim: Claim, error: TaskError) -> models.Task:
        """Leave a task that this worker cannot read to others for a while; in the end, fail it.

        While an upgrade rolls, a newer worker may know the platform.
        """
        task = claim.task
        receipt = Receipt.of(task.receipt, requested=task.max_posts)
        failures = task.failures + 1
        code, message = error.code, str(error)
        if failures < self.limits.max_failures:
            return await self.wait(
                claim,
                seconds=lapse.backoff_seconds(failures),
                failures=failures,
                error_code=code,
                error_message=message,
                receipt=receipt,
            )
        checkpoint = Checkpoint(
            cursor_state=CursorState(task.cursor_state),
            cursor=task.cursor,
            posts_count=task.posts_count,
            receipt=receipt.ended(StopReason.ERROR),
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
        task = await self._write(claim, WAIT, run.WAITING, parameters)
        await self._freed(task)
        return task

    async def release(self, claim: Claim, receipt: Receipt | None = None) -> models.Task:
        """Give the task back at once: a graceful stop, or the end of its time slice."""
        kept = claim.task.receipt if receipt is None else receipt.dump()

        async def write() -> models.Task | None:
            return await self._database.write(_release, claim, {**claim.guard, "receipt": kept})

        task = await self._surely(claim, RELEASE, write)
        await self._freed(task)
        self._waker.wake()
        return task

    async def give_back(self, worker_id: str, *, kept: Mapping[int, int]) -> None:
        """Release what a worker holds besides `kept` (id to attempt).

        Such as a claim whose answer was lost: its lease would run out and count as a failure.
        """
        for task in await self._database.read(run.of_worker, worker_id):
            if kept.get(task.id) != task.attempt:
                with suppress(LeaseLost):
                    await self.release(Claim(task, worker_id, task.attempt))

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

    async def sweep(self, *, take_back: bool = True) -> Swept:
        """Make due tasks claimable and take expired leases back, at most a batch of each."""
        due = await self._database.write(lapse.promote)
        taken: list[models.Task] = []
        abandoned: list[models.Task] = []
        if take_back:
            taken, abandoned = await self._database.write(lapse.take_back, self.limits.max_failures)
        for task in (*taken, *abandoned):
            await self._freed(task)
        return Swept(
            due=due,
            returned=len(taken),
            abandoned=len(abandoned),
            claimable=await self.claimable(),
            more=lapse.BATCH in (due, len(taken) + len(abandoned)),
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
        transition: Transition,
        statement: Statement,
        parameters: Mapping[str, Any],
    ) -> models.Task:
        """Write as the holder of a claim: the guarded update, its event and its posts at once."""

        async def write() -> models.Task | None:
            rows = await self._database.execute(statement(**parameters))
            return models.Task.of(rows[0]) if rows else None

        return await self._surely(claim, transition, write)

    async def _surely(
        self,
        claim: Claim,
        transition: Transition,
        write: Callable[[], Awaitable[models.Task | None]],
    ) -> models.Task:
        """Write, and while the database is away try again: until it is back or the run is over.

        A lost answer leaves open whether the write was committed, so each further try begins
        with a look at the task.
        """
        pause = FIRST_PAUSE_SECONDS
        task = None
        doubt = False
        while True:
            try:
                if doubt:
                    task = await self._database.read(_landed, claim, transition)
                task = task or await write()
                break
            except DatabaseUnavailable as error:
                _log.warning("task %d is written again later: %s", claim.task.id, error)
                doubt = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if task is None:
            raise LeaseLost(claim.task.id)
        claim.revision = task.revision
        return task

    async def _freed(self, task: models.Task) -> None:
        """Let those in whom this task kept out by a cap."""
        if self.limits.caps:
            await self._database.write(queue.freed, task, self.limits.caps)
            self._waker.wake()


def _landed(claim: Claim, transition: Transition) -> Steps[models.Task | None]:
    """Return the task if the write whose answer was lost has changed it, else None."""
    task = yield from row.by_id(claim.task.id)
    if task is None or (task.attempt, task.revision) != (claim.attempt, claim.revision + 1):
        return None
    cancelled = task.stop_reason == StopReason.CANCELLED
    return task if task.status == transition.target and not cancelled else None


def _complete_scheduled(
    parameters: Mapping[str, Any], validators: Mapping[str, str] | None
) -> Steps[models.Task | None]:
    task = yield from row.apply(run.COMPLETED, parameters)
    if task is not None:
        yield from schedule.remember(task, validators)
    return task


def _release(claim: Claim, parameters: Mapping[str, Any]) -> Steps[models.Task | None]:
    yield from queue.enter(claim.task.user_id)
    return (yield from row.apply(run.RELEASED, parameters))


def _listed(checkpoint: Checkpoint, posts: Sequence[Collected]) -> list[list[Any]]:
    return post.listed(posts, first=checkpoint.posts_count - len(posts))
