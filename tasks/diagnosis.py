"""What can be found out about a database that does not do as it should. Changes nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Database, Statement, Steps
from tasks.models import EventHorizon, QueueOwner, Schedule, Task
from tasks.store.queue import CLAIMABLE
from tasks.store.schedule import RUNNABLE

_TASK = Task.table().c
_OWNER = QueueOwner.table().c
_SCHEDULE = Schedule.table().c

#: How long a due lease or wait may lie before somebody should have seen it: the sweeper looks
#: every 5 seconds, and the place of a dead leader is taken within another 5.
GRACE_SECONDS: Final = 30.0
#: Faults of a damaged file that are told; the first few say enough.
FAULTS: Final = 10

CLOCK = Statement(sa.select(now()))
VERSIONS: Final = {
    "postgresql": Statement(
        sa.select(sa.literal_column("current_setting('server_version')", sa.Text()))
    ),
    "sqlite": Statement(sa.select(sa.literal_column("sqlite_version()", sa.Text()))),
}
#: Rolled back; no row has the id 0.
TOUCH = Statement(sa.insert(EventHorizon).values(id=0, xid=0, event_id=0))
QUICK_CHECK = Statement(sa.text(f"PRAGMA quick_check({FAULTS})"))
FOREIGN_KEYS = Statement(sa.text("PRAGMA foreign_key_check"))

_OVERDUE = now(-GRACE_SECONDS)
EXPIRED_LEASES = Statement(
    sa.select(sa.func.count()).select_from(Task.table()).where(_TASK.lease_expires_at < _OVERDUE)
)
OVERDUE_WAITS = Statement(
    sa.select(sa.func.count())
    .select_from(Task.table())
    .where(_TASK.status == sa.literal_column("'pending'"), _TASK.not_before < _OVERDUE)
)
OUT_OF_LINE = Statement(
    sa.select(sa.func.count(), sa.func.count(_TASK.user_id.distinct())).where(
        *CLAIMABLE,
        ~sa.exists().where(_OWNER.user_id == _TASK.user_id),
    )
)
UNTAKEN = Statement(
    sa.select(sa.func.min(_TASK.updated_at), now(), sa.func.count()).where(*CLAIMABLE)
)
RUNNING = Statement(
    sa.select(sa.func.count()).select_from(Task.table()).where(_TASK.lease_expires_at.is_not(None))
)
OVERDUE_SCHEDULES = Statement(
    sa.select(sa.func.count())
    .select_from(Schedule.table())
    .where(*RUNNABLE, _SCHEDULE.next_run_at < _OVERDUE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Tasks that nobody moves although somebody should."""

    expired_leases: int  #: Held by a worker that fell silent, and not taken back.
    overdue_waits: int  #: Their `not_before` has long come.
    out_of_line: int  #: Claimable, while their owner is not in the line.
    owners_out_of_line: int
    overdue_schedules: int  #: Due, and no run of theirs is open.
    claimable: int
    running: int
    oldest_seconds: float  #: How long the oldest claimable one has waited.


class _Undone(Exception):
    """Undoes the transaction that it is raised in."""


class Diagnosis:
    """Examines an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> str:
        """Return the version of the database's server or library."""
        return await self._database.read(_version, self._database.dialect)

    async def skew_seconds(self) -> float:
        """Return by how much the database's clock is ahead of this machine's.

        Exact to half the time of a round trip.
        """
        before = datetime.now(UTC)
        there = await self._database.read(_clock)
        after = datetime.now(UTC)
        return (there - (before + (after - before) / 2)).total_seconds()

    async def try_to_write(self) -> None:
        """Write a row and take it back.

        Raises:
            StorageError: The database lets nobody, or not us, write.
        """
        try:
            await self._database.write(_touch)
        except _Undone:
            return

    async def faults(self) -> list[str]:
        """Return what is wrong inside a SQLite file; nothing is asked of PostgreSQL.

        Reads the whole file: seconds for each gigabyte.
        """
        if self._database.dialect != "sqlite":
            return []
        return await self._database.read(_faults)

    async def stuck(self) -> Stuck:
        """Count the tasks that nobody moves."""
        return await self._database.snapshot(_stuck)


def _version(dialect: str) -> Steps[str]:
    rows = yield VERSIONS[dialect]()
    return rows[0][0]


def _clock() -> Steps[datetime]:
    rows = yield CLOCK()
    return rows[0][0]


def _touch() -> Steps[None]:
    yield TOUCH()
    raise _Undone


def _faults() -> Steps[list[str]]:
    rows = yield QUICK_CHECK()
    faults = [str(row[0]) for row in rows if row[0] != "ok"]
    dangling = yield FOREIGN_KEYS()
    faults += [f"row {row[1]} of {row[0]} refers to no row of {row[2]}" for row in dangling]
    return faults[:FAULTS]


def _stuck() -> Steps[Stuck]:
    expired = yield EXPIRED_LEASES()
    overdue = yield OVERDUE_WAITS()
    outside = yield OUT_OF_LINE()
    running = yield RUNNING()
    waiting = yield UNTAKEN()
    schedules = yield OVERDUE_SCHEDULES()
    oldest, clock, claimable = waiting[0]
    return Stuck(
        expired_leases=expired[0][0],
        overdue_waits=overdue[0][0],
        out_of_line=outside[0][0],
        owners_out_of_line=outside[0][1],
        overdue_schedules=schedules[0][0],
        claimable=claimable,
        running=running[0][0],
        oldest_seconds=(clock - oldest).total_seconds() if oldest is not None else 0.0,
    )
