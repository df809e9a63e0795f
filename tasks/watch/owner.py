"""Watching all of an owner's tasks: a stream whose position nothing can appear behind."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from tasks import models
from tasks.database import Database
from tasks.errors import StorageError
from tasks.position import Position, after_each
from tasks.store import watch as store
from tasks.watch.signal import Signal
from tasks.watch.task import RETRY_SECONDS
from tasks.watch.update import OwnerUpdate, Update

#: Events that a stream may be behind; one that is further behind begins again.
MOST_BEHIND: Final = 50_000
#: Tasks that a stream shows when it begins.
SHOWN: Final = 100

#: Whether a stream gives the updates that leave a task like this.
Wanted = Callable[[models.Task], bool]


class Reader:
    """Reads an owner's log on from a position, and gives no event twice."""

    __slots__ = ("_database", "_given", "_pending", "_target", "_user_id")

    def __init__(self, user_id: int, database: Database, position: Position) -> None:
        self._user_id = user_id
        self._database = database
        self._given = position
        self._target = position  #: Where it stands once `_pending` is given.
        self._pending: deque[tuple[int, int]] = deque()  # of a window that is read in parts

    @property
    def is_amid(self) -> bool:
        """Whether a window is read in parts and has more."""
        return bool(self._pending)

    def knows(self, event_id: int, xid: int) -> bool:
        """Whether an event was given, or will be without another look into the log."""
        return self._target.covers(event_id, xid)

    async def read(self) -> list[tuple[Update, Position]] | None:
        """Return what is new, perhaps nothing, with the position after each.

        None when the log does not go on from here: it was replaced, or is too far ahead.

        Raises:
            StorageError: The log cannot be read; the reader stands where it stood.
        """
        if self._pending:
            return await self._read_part()
        window = await self._database.snapshot(
            store.window, self._user_id, self._given, most=MOST_BEHIND
        )
        if len(window.ids) == MOST_BEHIND or window.position.ceiling < self._given.ceiling:
            return None
        self._target = window.position
        if window.ids:
            self._pending.extend(window.ids)
            return await self._read_part()
        if not window.events:
            self._given = window.position
            return []
        return self._placed([(event.id, event.xid) for event in window.events], window.events)

    async def _read_part(self) -> list[tuple[Update, Position]]:
        part = [self._pending[index] for index in range(min(store.WINDOW, len(self._pending)))]
        events = await self._database.read(store.by_ids, [event_id for event_id, _ in part])
        for _ in part:
            self._pending.popleft()
        return self._placed(part, events)

    def _placed(
        self, part: list[tuple[int, int]], events: list[models.TaskEvent]
    ) -> list[tuple[Update, Position]]:
        """Put to each event of a part the position after it; some may have left the log since."""
        at = {event.id: event.at for event in events}
        positions = dict(after_each(self._given, self._target, part, later=self._pending, at=at))
        self._given = positions[part[-1][0]]
        return [(Update.of(event), positions[event.id]) for event in events]


class OwnerStream:
    """An owner's endless stream, for one watcher. Iterate it, and `aclose` it in any case.

    It reads when it is asked for more, so that a slow watcher costs nothing but its own delay.
    """

    __slots__ = (
        "_closed",
        "_database",
        "_kind",
        "_reader",
        "_ready",
        "_release",
        "_signal",
        "_user_id",
        "_wanted",
    )

    def __init__(
        self, user_id: int, database: Database, *, wanted: Wanted, release: Callable[[], None]
    ) -> None:
        self._user_id = user_id
        self._database = database
        self._kind = database.dialect[0]
        self._wanted = wanted
        self._release = release
        self._ready: deque[OwnerUpdate] = deque()
        self._signal = Signal()
        self._closed = False
        self._reader: Reader | None = None

    def wake(self) -> None:
        """Hear that there may be something new."""
        self._signal.set()

    def hear_of(self, event_id: int, xid: int) -> None:
        """Hear that the log has an event; of one that was given, nothing is new."""
        if self._reader is None or not self._reader.knows(event_id, xid):
            self._signal.set()

    async def begin(self, since: str | None, *, retention: timedelta | None) -> None:
        """Find where to begin. The stream must hear of news already.

        Raises:
            ValidationFailed: `since` is no position.
        """
        position = None if since is None else Position.parse(since)
        if position is None or position.kind != self._kind or _is_past(position, retention):
            await self._restart()
        else:
            self._reader = Reader(self._user_id, self._database, position)
            self._signal.set()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> OwnerUpdate:
        """Wait for the next item.

        Raises:
            StopAsyncIteration: The stream was closed.
        """
        while not self._closed:
            if self._ready:
                return self._ready.popleft()
            if self._reader is None or not self._reader.is_amid:
                await self._signal.wait()
            if not self._closed:
                await self._read()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave; who waits for an item is told that there will be none."""
        if self._closed:
            return
        self._closed = True
        self._release()
        self._signal.set()

    async def _read(self) -> None:
        """Read on. A database that does not answer is asked again."""
        try:
            if self._reader is None:
                await self._restart()
                return
            read = await self._reader.read()
        except StorageError:
            await asyncio.sleep(RETRY_SECONDS)
            self._signal.set()
            return
        if read is None:
            self._reader = None
            self._signal.set()
            return
        self._ready.extend(
            OwnerUpdate(str(position), update)
            for update, position in read
            if update.task is None or self._wanted(update.task)
        )

    async def _restart(self) -> None:
        """Void what the watcher knows, and show the tasks as they stand."""
        position, tasks = await self._database.snapshot(
            store.begin, self._user_id, self._kind, limit=SHOWN
        )
        self._reader = Reader(self._user_id, self._database, position)
        self._ready.append(OwnerUpdate(str(position), None, reset=True))
        self._ready.extend(
            OwnerUpdate(str(position), Update.standing(task))
            for task in tasks
            if self._wanted(task)
        )


def _is_past(position: Position, retention: timedelta | None) -> bool:
    """Say whether events after the position may have left the log."""
    return retention is not None and position.at < datetime.now(UTC) - retention
