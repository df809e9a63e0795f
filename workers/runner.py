"""What runs in a worker process: one claimer, and a coroutine for each task that it took.

The claimer takes as many tasks at once as there is room for, whenever somebody says that there
is work or a run has ended. Runs are coroutines on one event loop, so hundreds that wait for their
platforms cost little (docs/decisions/0004).
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from tasks.claim import Claim
from tasks.errors import LeaseLost, StorageError, TaskError
from tasks.metrics import Metrics
from tasks.models import Task
from tasks.ports import Waker
from tasks.work import WorkService
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.lease import LeaseKeeper
from workers.run import Bounds, Run
from workers.source import Source

#: How long a graceful stop lets pages finish before it cuts them off.
GRACE_SECONDS = 5.0
#: Tasks that one claim takes: enough that the commit's wait for the disk is shared, few enough
#: that the claim lock is free again after some 10 ms.
MOST_AT_ONCE = 32
#: How long a wake-up waits for room. Longer than a run's slot is needed by most, and, with one
#: more waiting behind it, well below the 30 minutes after which RabbitMQ gives up on a consumer.
ROOM_SECONDS = 600.0
#: How long an idle process believes that there is no work because nobody says so.
LOOK_SECONDS = 5.0
#: The pause before the next claim after the database failed.
RETRY_SECONDS = 1.0

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
    """Runs at most `concurrency` tasks for one worker process. Belongs to one event loop."""

    def __init__(self, tools: Tools, *, worker_id: str, bounds: Bounds, concurrency: int) -> None:
        self._tools = tools
        self._bounds = bounds
        self._worker_id = worker_id
        self._concurrency = concurrency
        self._stopping = False
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        #: Set when the next claim was made, or none will be.
        self._claimed_next = asyncio.Event()
        self._claimed_last = asyncio.Event()
        #: The database may hold tasks as ours that nobody runs: an answer was lost.
        self._doubtful = False
        self.keeper = LeaseKeeper(tools.work, worker_id)

    async def wake(self) -> None:
        """Ask for a claim; returns when it was made and there is room, or it took too long.

        Waiting is what leaves the broker's further messages to processes that have room, and
        what keeps them from being taken faster than claims are made.
        """
        claimed = self._claimed_next
        self._wanted.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_SECONDS):
                await claimed.wait()
                await self._room.wait()

    async def run(self) -> None:
        """Claim whenever it may be worth it, until the process stops."""
        while not self._stopping:
            await self._room.wait()
            try:
                if await self._worth_a_claim():
                    self._wanted.clear()
                    claimed, self._claimed_next = self._claimed_next, asyncio.Event()
                    try:
                        await self._claim()
                    finally:
                        claimed.set()
            except StorageError as error:
                # The database is the truth; without it there is nothing to do but to ask again.
                _log.warning("no task could be claimed: %s", error)
                self._doubtful = True
                await self._again_later()
            except Exception:
                self._doubtful = True
                self._wanted.set()
                raise
        self._claimed_next.set()
        self._claimed_last.set()

    async def stop(self) -> None:
        """Let running pages finish for a moment, cut the rest off; every task is given back."""
        self._stopping = True
        self._wanted.set()
        self._room.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._claimed_last.wait(), GRACE_SECONDS)
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        self.cut()
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        if self._running:
            _log.warning("%d tasks keep their leases until these run out", len(self._running))

    def cut(self) -> None:
        """Break the running pages off; what was stored stays, and every task is given back."""
        for running in self._running:
            running.cancel()

    async def _worth_a_claim(self) -> bool:
        """Wait for a wake-up, or look into the line: the broker may be away."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wanted.wait()
        except TimeoutError:
            return await self._tools.work.claimable()
        return True

    async def _again_later(self) -> None:
        """Wait for the database, but not longer than the process lives."""
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wanted.set)
        await self._wanted.wait()

    async def _claim(self) -> None:
        work = self._tools.work
        if self._doubtful:
            held = {claim.task.id: claim.attempt for claim in self._running.values()}
            await work.give_back(self._worker_id, kept=held)
            self._doubtful = False
        if self._stopping:
            return
        room = self._concurrency - len(self._running)
        found = await work.claim_many(self._worker_id, most=min(room, MOST_AT_ONCE))
        for claim in found.claims:
            self._begin(claim)
        if found.more:
            self._wanted.set()
            if not self._room.is_set():
                self._tools.waker.wake()

    def _begin(self, claim: Claim) -> None:
        self._tools.metrics.claims.inc()
        running = asyncio.create_task(self._run(claim))
        self._running[running] = claim
        if len(self._running) >= self._concurrency and not self._stopping:
            self._room.clear()
        running.add_done_callback(self._end)

    def _end(self, running: asyncio.Task[None]) -> None:
        del self._running[running]
        if not running.cancelled() and (fault := running.exception()) is not None:
            # Such as a statement that the database refuses: the lease runs out.
            _log.error("a run ended by a fault", exc_info=fault)
            self._doubtful = True
        self._room.set()
        self._wanted.set()

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
                _log.warning("a run lost its database: %s", error)
                self._doubtful = True
                outcome = "lost"
            _log.info("run ended", extra={"outcome": outcome, "platform": task.platform})
        if outcome == "lost":
            self._tools.metrics.leases_lost.inc()
        self._tools.metrics.runs.labels(task.platform, outcome).inc()

    async def _attempt(self, claim: Claim) -> str:
        """Run a claim; returns the status in which the task was left."""
        if self._stopping:
            return (await self._tools.work.release(claim)).status
        try:
            source = self._tools.catalogue.source(claim.task.platform)
        except TaskError as error:
            return (await self._tools.work.refuse(claim, error)).status
        run = self._prepared(claim, source)
        async with self.keeper.hold(claim):
            try:
                left = await run.run()
            except asyncio.CancelledError:
                # Cancelled by the keeper, the task is somebody else's; by `cut`, still ours.
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

    def _count(self, before: Task, after: Task) -> None:
        stored = max(after.posts_count - before.posts_count, 0)
        self._tools.metrics.posts_stored.labels(before.platform).inc(stored)
