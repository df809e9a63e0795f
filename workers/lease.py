"""Keeping the leases of the tasks that a process runs, and noticing those that it lost.

One coroutine for all runs of the process: two small statements, however many tasks it runs.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tasks.claim import Claim
from tasks.errors import StorageError
from tasks.work import WorkService

#: How soon a run learns that its task was cancelled, deleted or given to another worker.
LOOK_SECONDS = 1.0
#: Leases are renewed when this part of them is gone: two renewals may fail before one ends.
RENEW_PART = 1 / 3

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the leases of all tasks that are held; cancels the run of one that was lost."""

    def __init__(self, work: WorkService, worker_id: str) -> None:
        self._work = work
        self._worker_id = worker_id
        self._runs: dict[int, tuple[int, asyncio.Task[Any]]] = {}

    @asynccontextmanager
    async def hold(self, claim: Claim) -> AsyncGenerator[None]:
        """Keep the claim's lease inside the block, which runs in the task that is cancelled.

        Raises:
            asyncio.CancelledError: The task is no longer ours.
        """
        running = asyncio.current_task()
        assert running is not None  # noqa: S101 - a coroutine runs in a task
        self._runs[claim.task.id] = (claim.attempt, running)
        try:
            yield
        finally:
            # A later claim of the same task by this process may stand there by now.
            if self._runs.get(claim.task.id, (None, None))[1] is running:
                del self._runs[claim.task.id]

    def holds(self, claim: Claim) -> bool:
        """Say whether the claim is still being kept."""
        return self._runs.get(claim.task.id, (None, None))[0] == claim.attempt

    async def run(self) -> None:
        """Keep on keeping, until cancelled."""
        loop = asyncio.get_running_loop()
        renew_at = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            held = {task_id: attempt for task_id, (attempt, _) in self._runs.items()}
            if not held:
                continue
            try:
                if loop.time() >= renew_at:
                    lost = await self._work.renew(self._worker_id, held)
                    renew_at = loop.time() + self._work.limits.lease_seconds * RENEW_PART
                else:
                    lost = await self._work.lost(self._worker_id, held)
            except StorageError as error:
                _log.warning("leases were not renewed: %s", error)
                continue
            for task_id in lost:
                self._drop(task_id, held[task_id])

    def _drop(self, task_id: int, attempt: int) -> None:
        """Cancel the run of a task that is ours no longer, also in the middle of a wait."""
        kept, running = self._runs.get(task_id, (None, None))
        if kept == attempt and running is not None:
            del self._runs[task_id]
            with contextlib.suppress(RuntimeError):
                running.cancel()
