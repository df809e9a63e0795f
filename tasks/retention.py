"""Retention: what an installation does not want to keep goes, in small batches.

The leader of the sweepers calls `Retention` again and again; each call is one short
transaction, so that claims, pages and clients get in between, and nothing is lost when the
leader dies.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from tasks.database import Database
from tasks.store import retention
from tasks.store.retention import Batch

#: Rows that a batch looks at: some milliseconds on either database.
EVENTS_A_BATCH: Final = 1000
KEYS_A_BATCH: Final = 1000
#: A task has up to 500 posts and some hundred events, so fewer of them.
TASKS_A_BATCH: Final = 50
#: Between two batches, for everybody else.
PAUSE_SECONDS: Final = 0.1
#: Between two passes: how much longer something may stay than was asked for.
PASS_SECONDS: Final = 3600.0
#: Passes go on from where the one before ended; every so many start from the beginning, for
#: what could not be deleted when they went by (an unfinished task, a locked row).
PASSES_A_ROUND: Final = 24

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long what is kept. None: for ever. Idempotency keys are kept for 24 hours, always."""

    events: timedelta | None = None  #: Since they happened; a task's last one stays.
    posts: timedelta | None = None  #: Since their task ended; the task stays.
    tasks: timedelta | None = None  #: Since they ended, with their posts and events.
    tombstones: timedelta | None = timedelta(days=30)  #: Since the task was deleted.


class Retention:
    """A chore of the sweeper: each call does a batch and says when it wants the next.

    It remembers where it stands in memory alone; a new leader starts from the beginning.
    """

    def __init__(self, database: Database, keep: Keep) -> None:
        self._database = database
        self._keep = keep
        self._passes = 0
        self._after: dict[str, int] = {}
        self._left: list[str] = []
        self._deleted: dict[str, int] = {}

    async def __call__(self) -> float:
        """Do one batch; returns the seconds until the next is wanted."""
        kinds = self._kinds()
        if not self._left:
            self._left = list(kinds)
            if self._passes % PASSES_A_ROUND == 0:
                self._after.clear()
        kind = self._left[0]
        batch = await kinds[kind](self._after.get(kind, 0))
        self._deleted[kind] = self._deleted.get(kind, 0) + batch.deleted
        if batch.after is not None:
            self._after[kind] = batch.after
            return PAUSE_SECONDS
        self._left.pop(0)
        return PAUSE_SECONDS if self._left else self._end_pass()

    async def run_pass(self) -> Mapping[str, int]:
        """Do a whole pass from the beginning, without pauses; returns what it deleted by kind."""
        deleted: dict[str, int] = {}
        for kind, batch in self._kinds().items():
            after: int | None = 0
            while after is not None:
                done = await batch(after)
                deleted[kind] = deleted.get(kind, 0) + done.deleted
                after = done.after
        return deleted

    def _kinds(self) -> Mapping[str, Callable[[int], Awaitable[Batch]]]:
        """Return what there is to do, as functions of where to go on."""
        keep = self._keep
        kinds: dict[str, Callable[[int], Awaitable[Batch]]] = {"keys": self._keys}
        if keep.tasks is not None:
            kinds["tasks"] = partial(self._tasks, keep.tasks.total_seconds())
        if keep.posts is not None:
            kinds["posts"] = partial(self._posts, keep.posts.total_seconds())
        if keep.events is not None:
            kinds["events"] = partial(self._events, keep.events.total_seconds())
        if keep.tombstones is not None:
            kinds["tombstones"] = partial(self._tombstones, keep.tombstones.total_seconds())
        return kinds

    async def _keys(self, _: int) -> Batch:
        return await self._database.write(retention.forget_keys, limit=KEYS_A_BATCH)

    async def _tasks(self, age: float, after: int) -> Batch:
        return await self._database.write(
            retention.delete_tasks, age=age, after=after, limit=TASKS_A_BATCH
        )

    async def _posts(self, age: float, after: int) -> Batch:
        return await self._database.write(
            retention.expire_posts, age=age, after=after, limit=TASKS_A_BATCH
        )

    async def _events(self, age: float, after: int) -> Batch:
        return await self._database.write(
            retention.trim_events, age=age, after=after, limit=EVENTS_A_BATCH
        )

    async def _tombstones(self, age: float, _: int) -> Batch:
        return await self._database.write(retention.trim_tombstones, age=age, limit=EVENTS_A_BATCH)

    def _end_pass(self) -> float:
        self._passes += 1
        if any(self._deleted.values()):
            _log.info("deleted what is not to be kept", extra={"deleted": dict(self._deleted)})
        self._deleted.clear()
        return PASS_SECONDS
