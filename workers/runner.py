"""What a wake-up does in a worker process: claim, run, claim again, until nothing is left."""

import asyncio
import logging
from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from tasks.errors import LeaseLost, StorageError, TaskError
from tasks.metrics import Metrics
from tasks.models import Task
from tasks.ports import Waker
from tasks.work import Claim, WorkService
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.lease import LeaseKeeper
from workers.run import Bounds, Run
from workers.source import Source

#: How long a graceful stop lets pages finish before it cuts them off.
GRACE_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What runs need; one set a worker process, opened on its event loop."""

    work: WorkService
    catalogue: SourceCatalogue
    http: HttpClient
    waker: Waker
    metrics: Metrics


class Runner:
    """Runs tasks for one worker process. `work` may run many times at once."""

    def __init__(self, tools: Tools, *, worker_id: str, bounds: Bounds) -> None:
        self._tools = tools
        self._bounds = bounds
        self._worker_id = worker_id
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self.keeper = LeaseKeeper(tools.work, worker_id)

    async def work(self) -> None:
        """Claim and run tasks until none is left or the process stops. Never raises."""
        try:
            while not self._stopping:
                claim = await self._tools.work.claim(self._worker_id)
                if claim is None:
                    return
                self._tools.metrics.claims.inc()
                if claim.more:
                    self._tools.waker.wake()
                await self._in_task(claim)
        except StorageError as error:
            # The database is the truth; without it there is nothing to do but be woken again.
            _log.warning("no task could be claimed: %s", error)
        except Exception:  # noqa: BLE001 - Dramatiq would keep the message as a dead letter
            _log.exception("a wake-up failed by a fault")

    async def stop(self) -> None:
        """Let running pages finish for a moment, cut the rest off; every task is given back."""
        self._stopping = True
        for cut in (False, True):
            if cut:
                for running in self._running:
                    running.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=GRACE_SECONDS)

    async def _in_task(self, claim: Claim) -> None:
        """Run in a task of its own, which may be cancelled without cancelling who waits for it."""
        running = asyncio.create_task(self._run(claim))
        self._running.add(running)
        try:
            await asyncio.wait([running])
        finally:
            self._running.discard(running)

    async def _run(self, claim: Claim) -> None:
        """Run a claim to whatever end, and say in the log and the metrics which."""
        task = claim.task
        with bound_contextvars(
            task_id=task.id, correlation_id=task.correlation_id, attempt=claim.attempt
        ):
            try:
                outcome = await self._attempt(claim)
            except LeaseLost:
                outcome = "lost"
            except StorageError as error:
                # The lease will run out, and the sweeper gives the task to somebody else.
                _log.warning("a run lost its database: %s", error)
                outcome = "lost"
            _log.info("run ended", extra={"outcome": outcome, "platform": task.platform})
        if outcome == "lost":
            self._tools.metrics.leases_lost.inc()
        self._tools.metrics.runs.labels(task.platform, outcome).inc()

    async def _attempt(self, claim: Claim) -> str:
        """Run a claim; returns the status in which the task was left."""
        try:
            source = self._tools.catalogue.source(claim.task.platform)
        except TaskError as error:
            return await self._refuse(claim, error)
        run = self._prepared(claim, source)
        async with self.keeper.hold(claim):
            try:
                left = await run.run()
            except asyncio.CancelledError:
                # Cancelled by the keeper, the task is somebody else's; by `stop`, still ours.
                if not self.keeper.holds(claim):
                    return "lost"
                left = await asyncio.shield(run.release())
            except TaskError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours must not run for ever
                left = await run.blame(error)
        self._count(claim.task, left)
        return left.status

    def _prepared(self, claim: Claim, source: Source) -> Run:
        key = source.budget_key(claim.task.target)
        return Run(
            claim,
            work=self._tools.work,
            source=source,
            http=self._tools.http.run(budget_key=key, rate=source.info.rate),
            bounds=self._bounds,
            stopping=lambda: self._stopping,
        )

    async def _refuse(self, claim: Claim, error: TaskError) -> str:
        """Fail a task whose platform this process does not know: its source file is gone."""
        left = await self._tools.work.fail_unread(claim, code=error.code, message=str(error))
        return left.status

    def _count(self, before: Task, after: Task) -> None:
        stored = max(after.posts_count - before.posts_count, 0)
        self._tools.metrics.posts_stored.labels(before.platform).inc(stored)
