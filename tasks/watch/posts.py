"""Watching a task's posts as they are stored."""

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from typing import Final, Self

from tasks.database import Database
from tasks.errors import StorageError, ValidationFailed
from tasks.models import EventType
from tasks.store import watch as store
from tasks.watch.task import RETRY_SECONDS, TaskWatch
from tasks.watch.update import PostBatch, Update

#: Posts that a batch holds at most.
BATCH_SIZE: Final = 100

_PLACE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """How many posts of which run from scratch were given; a reset clears them all."""

    reset_seq: int = 0  #: Of the last reset; 0 for the first run.
    count: int = 0

    def __str__(self) -> str:
        return f"{self.reset_seq}-{self.count}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read a place.

        Raises:
            ValidationFailed: It is none.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            sentence = f"{text!r:.60} is no position; use one that the batches gave."
            raise ValidationFailed({"after": [sentence]})
        return cls(int(found[1]), int(found[2]))


class PostWatch:
    """The posts of one task, for one watcher, until the task ends.

    Iterate it, and `aclose` it in any case.
    """

    def __init__(self, task_id: int, database: Database, updates: TaskWatch) -> None:
        self._task_id = task_id
        self._database = database
        self._updates = updates
        self._ready: deque[PostBatch] = deque()
        self._place = Place()
        self._stored = 0

    async def begin(self, after: Place | None) -> None:
        """Find where to begin: after `after`, unless a reset has cleared what it counts."""
        reset_seq = await self._database.read(store.last_reset, self._task_id)
        if after is not None and after.reset_seq == reset_seq:
            self._place = after
            return
        self._place = Place(reset_seq)
        if after is not None:
            self._ready.append(PostBatch(str(self._place), (), reset=True))

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> PostBatch:
        """Wait for the next batch.

        Raises:
            StopAsyncIteration: The task has ended and all its posts were given.
        """
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._place.count < self._stored:
                await self._read()
            else:
                self._hear(await anext(self._updates))

    async def aclose(self) -> None:
        """Stop watching."""
        await self._updates.aclose()

    def _hear(self, update: Update) -> None:
        # The reset that `begin` has heard of may be on its way, and count what was before it.
        if update.type == EventType.RESET and update.seq >= self._place.reset_seq:
            if self._place.count:
                self._ready.append(PostBatch(str(Place(update.seq)), (), reset=True))
            self._place = Place(update.seq)
        self._stored = 0 if update.task is None else update.task.posts_count

    async def _read(self) -> None:
        """Read what is stored.

        Where a reset was faster, or retention, nothing is, and no further read would find more.
        """
        first = self._place.count
        end = min(self._stored, first + BATCH_SIZE)
        try:
            posts = await self._database.read(store.posts, self._task_id, first=first, end=end)
        except StorageError:
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._place = Place(self._place.reset_seq, end if posts else self._stored)
        if posts:
            self._ready.append(PostBatch(str(self._place), posts))
