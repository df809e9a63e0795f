"""The sweeper: what has come due becomes claimable, what a dead worker held is taken back.

Every worker process has one; one in the whole installation leads at a time. Start-up, tasks made
by the command line, and wake-ups that were lost rely on it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

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
#: When a chore that failed is tried again.
RECHECK_SECONDS = 60.0

#: What the leader does besides: each call is short and says in how many seconds it wants the next.
Chore: TypeAlias = Callable[[], Awaitable[float]]

_log = logging.getLogger(__name__)


class Sweeper:
    """Runs until cancelled."""

    def __init__(
        self, database: Database, work: WorkService, waker: Waker, chores: Sequence[Chore] = ()
    ) -> None:
        self._database = database
        self._work = work
        self._waker = waker
        self._chores = chores
        #: No lease is taken for lost before: nobody could renew one while the database was away.
        self._spare_until = 0.0

    async def run(self) -> None:
        """Lead when nobody else does, for ever."""
        while True:
            try:
                async with self._database.lead("sweeper") as leading:
                    if leading:
                        await self._lead()
            except StorageError as error:
                _log.warning("the sweeper lost its database: %s", error)
                lease_seconds = self._work.limits.lease_seconds
                self._spare_until = asyncio.get_running_loop().time() + lease_seconds
            await asyncio.sleep(ROUND_SECONDS)

    async def _lead(self) -> None:
        loop = asyncio.get_running_loop()
        reconcile_at = loop.time()
        wanted_at = dict.fromkeys(range(len(self._chores)), loop.time())
        while True:
            if loop.time() >= reconcile_at:
                await self._work.reconcile()
                reconcile_at = loop.time() + RECONCILE_SECONDS
            swept = await self._work.sweep(take_back=loop.time() >= self._spare_until)
            if swept.returned or swept.abandoned:
                _log.warning(
                    "took tasks back from lost workers",
                    extra={"returned": swept.returned, "abandoned": swept.abandoned},
                )
            if swept.claimable:
                self._waker.wake()
            for number, chore in enumerate(self._chores):
                if loop.time() >= wanted_at[number]:
                    wanted_at[number] = await _do(chore) + loop.time()
            if not swept.more:
                wanted = min(wanted_at.values(), default=loop.time() + ROUND_SECONDS)
                await asyncio.sleep(min(await self._pause(), max(wanted - loop.time(), 0.0)))

    async def _pause(self) -> float:
        """Return how long nothing will be due, within bounds."""
        left = await self._work.seconds_to_next()
        return ROUND_SECONDS if left is None else min(max(left, LEAST_SECONDS), ROUND_SECONDS)


async def _do(chore: Chore) -> float:
    """Call a chore; a fault of ours in one must not keep the sweeper from its own work."""
    try:
        return await chore()
    except StorageError:
        raise
    except Exception:  # noqa: BLE001 - logged, and tried again later
        _log.exception("a chore of the sweeper failed by a fault")
        return RECHECK_SECONDS
