"""The sweeper: what has come due becomes claimable, what a dead worker held is taken back.

Every worker process has one; one in the whole installation leads at a time. Start-up, tasks made
by the command line, and wake-ups that were lost rely on it.
"""

import asyncio
import logging

from tasks.database import Database
from tasks.errors import StorageError
from tasks.ports import Waker
from tasks.work import WorkService

#: The longest sleep between two rounds, and how long the place of a dead leader stays empty.
ROUND_SECONDS = 5.0
#: Rounds after an error are not sooner than this.
LEAST_SECONDS = 0.05
#: How often the line of owners is checked against the tasks.
RECONCILE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Sweeper:
    """Runs until cancelled."""

    def __init__(self, database: Database, work: WorkService, waker: Waker) -> None:
        self._database = database
        self._work = work
        self._waker = waker

    async def run(self) -> None:
        """Lead when nobody else does, for ever."""
        while True:
            try:
                async with self._database.lead("sweeper") as leading:
                    if leading:
                        await self._lead()
            except StorageError as error:
                _log.warning("the sweeper lost its database: %s", error)
            await asyncio.sleep(ROUND_SECONDS)

    async def _lead(self) -> None:
        loop = asyncio.get_running_loop()
        reconcile_at = loop.time()
        while True:
            if loop.time() >= reconcile_at:
                await self._work.reconcile()
                reconcile_at = loop.time() + RECONCILE_SECONDS
            swept = await self._work.sweep()
            if swept.returned or swept.abandoned:
                _log.warning(
                    "took tasks back from lost workers",
                    extra={"returned": swept.returned, "abandoned": swept.abandoned},
                )
            if swept.claimable:
                self._waker.wake()
            if not swept.more:
                await asyncio.sleep(await self._pause())

    async def _pause(self) -> float:
        """Return how long nothing will be due, within bounds."""
        left = await self._work.seconds_to_next()
        return ROUND_SECONDS if left is None else min(max(left, LEAST_SECONDS), ROUND_SECONDS)
