"""Watching all of an owner's tasks: a stream whose position nothing can appear behind.

The ids of events are no such position: of two transactions the later may commit first. The
horizon (`tasks/column.py`) is one: every read takes what stands at or after the last one, knows
what of it was given already, and moves on to the new horizon.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from tasks import models
from tasks.database import Database
from tasks.errors import StorageError, ValidationFailed
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

_POSITION: Final = re.compile(r"([ps])([0-9]{1,18})-([0-9]{1,11})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream stands: everything before the horizon was given."""

    kind: str  #: The database's, since their horizons do not compare.
    horizon: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.kind}{self.horizon}-{int(self.at.timestamp())}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position.

        Raises:
            ValidationFailed: It is none.
        """
        found = _POSITION.fullmatch(text)
        if found is None:
            sentence = f"{text!r:.60} is no position; use one that the stream gave."
            raise ValidationFailed({"since": [sentence]})
        return cls(found[1], int(found[2]), datetime.fromtimestamp(int(found[3]), UTC))


class Reader:
    """Reads an owner's log on from a position, and gives no event twice."""

    __slots__ = ("_database", "_given", "_horizon", "_kind", "_pending", "_target", "_user_id")

    def __init__(
        self, user_id: int, database: Database, position: Position, *, given: set[int] | None = None
    ) -> None:
        self._user_id = user_id
        self._database = database
        self._kind = position.kind
        self._horizon = position.horizon
        self._given = given or set()  # the ids that the next read may bring again
        self._pending: deque[tuple[int, int]] = deque()  # of a window that is read in parts
        self._target = position

    @property
    def is_amid(self) -> bool:
        """Whether a window is read in parts and has more."""
        return bool(self._pending)

    def knows(self, event_id: int) -> bool:
        """Whether an event was given, as far as that is remembered."""
        return event_id in self._given

    async def read(self) -> list[tuple[Update, Position]] | None:
        """Return what is new, perhaps nothing, with the position after each.

        None when the log does not go on from here: it was replaced, or is too far ahead.

        Raises:
            StorageError: The log cannot be read; the reader stands where it stood.
        """
        if self._pending:
            return await self._read_part()
        window = await self._database.snapshot(
            store.window, self._user_id, self._horizon, most=MOST_BEHIND
        )
        if len(window.ids) == MOST_BEHIND or window.horizon < self._horizon:
            return None
        given = self._given
        self._horizon = window.horizon
        self._target = Position(self._kind, window.horizon, window.at)
        if window.ids:
            self._given = {event_id for event_id, _ in window.ids}
            self._pending.extend(each for each in window.ids if each[0] not in given)
            return await self._read_part()
        self._given = {event.id for event in window.events}
        return self._placed([event for event in window.events if event.id not in given])

    async def _read_part(self) -> list[tuple[Update, Position]]:
        part = [self._pending[index] for index in range(min(store.WINDOW, len(self._pending)))]
        events = await self._database.read(store.by_ids, [event_id for event_id, _ in part])
        for _ in part:
            self._pending.popleft()
        return self._placed(events)

    def _placed(self, events: list[models.TaskEvent]) -> list[tuple[Update, Position]]:
        """Put to each event the position after it: nothing before it is still to be given."""
        bound = min((self._place(*each) for each in self._pending), default=self._target.horizon)
        bound = min(bound, self._target.horizon)
        placed: list[tuple[Update, Position]] = []
        for event in reversed(events):
            at = event.at if placed or self._pending else self._target.at
            placed.append((Update.of(event), Position(self._kind, bound, at)))
            bound = min(bound, self._place(event.id, event.xid))
        return placed[::-1]

    def _place(self, event_id: int, xid: int) -> int:
        """Return where an event stands on the scale of the horizon."""
        return xid if self._kind == "p" else event_id


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

    def wake(self, event_id: int | None = None) -> None:
        """Hear that there may be something new; of an event that was given, nothing is."""
        if event_id is None or self._reader is None or not self._reader.knows(event_id):
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
        found = await self._database.snapshot(store.begin, self._user_id, limit=SHOWN)
        position = Position(self._kind, found.horizon, found.at)
        self._reader = Reader(self._user_id, self._database, position, given=found.ids)
        self._ready.append(OwnerUpdate(str(position), None, reset=True))
        self._ready.extend(
            OwnerUpdate(str(position), Update.standing(task))
            for task in found.tasks
            if self._wanted(task)
        )


def _is_past(position: Position, retention: timedelta | None) -> bool:
    """Say whether events after the position may have left the log."""
    return retention is not None and position.at < datetime.now(UTC) - retention
