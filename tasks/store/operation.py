"""What is going on in the whole installation: who works, what waits, what ended lately."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps
from tasks.function import epoch_seconds, json_text
from tasks.models import PUSH, EventType, Task, TaskEvent, TaskStatus
from tasks.store.queue import CLAIMABLE, RUNNING

TASK = Task.table().c
EVENT = TaskEvent.table().c

#: How far back what ended is counted, and the length of one count.
HOUR_SECONDS = 3_600
MINUTE_SECONDS = 60
#: Workers that are shown, those with the most tasks first.
WORKERS = 200

# A task keeps the time of its first assignment; the log has that of this one.
_HELD = (
    sa.select(
        TASK.worker_id,
        TASK.lease_expires_at,
        sa.select(sa.func.max(EVENT.at))
        .where(
            EVENT.task_id == TASK.id,
            EVENT.type == sa.literal_column(f"'{EventType.ASSIGNED.value}'"),
        )
        .scalar_subquery()
        .label("since"),
    )
    .where(RUNNING, TASK.worker_id.is_not(None))
    .subquery("held")
)
HOLDERS = Statement(
    sa.select(
        _HELD.c.worker_id,
        sa.func.count().label("tasks"),
        sa.func.min(_HELD.c.since),
        sa.func.max(_HELD.c.lease_expires_at),
    )
    .group_by(_HELD.c.worker_id)
    .order_by(sa.text("tasks DESC"), _HELD.c.worker_id)
    .limit(WORKERS)
)
READY = Statement(
    sa.select(sa.func.count(), sa.func.min(TASK.updated_at)).select_from(Task).where(*CLAIMABLE)
)
WAITING = Statement(
    sa.select(sa.func.count(), sa.func.min(TASK.not_before)).where(
        TASK.status == sa.literal_column(f"'{TaskStatus.PENDING.value}'"),
        TASK.not_before.is_not(None),
    )
)
RUNNING_NOW = Statement(sa.select(sa.func.count()).select_from(Task).where(RUNNING))
FED = Statement(
    sa.select(sa.func.count())
    .select_from(Task)
    .where(
        TASK.status == sa.literal_column(f"'{TaskStatus.PROCESSING.value}'"),
        TASK.platform == sa.literal_column(f"'{PUSH}'"),
    )
)
CLOCK = Statement(sa.select(now()))
#: Walks the log's index on `at` over one hour; what it counts is not indexed by itself.
ENDED = Statement(
    sa.select(
        (epoch_seconds(EVENT.at) // sa.literal_column(str(MINUTE_SECONDS))).label("minute"),
        EVENT.type,
        sa.func.coalesce(
            json_text(EVENT.data, "error_code"), json_text(EVENT.data, "stop_reason")
        ).label("reason"),
        sa.func.count(),
    )
    .where(
        EVENT.at >= now(-HOUR_SECONDS),
        EVENT.type.in_(
            [
                sa.literal_column(f"'{kind.value}'")
                for kind in (EventType.COMPLETED, EventType.FAILED)
            ]
        ),
    )
    .group_by(sa.literal_column("minute"), EVENT.type, sa.literal_column("reason"))
)


class Holder(NamedTuple):
    """A worker that holds tasks: how many, since when it has one of them, until when."""

    worker_id: str
    tasks: int
    since: datetime | None
    lease_expires_at: datetime | None


class Depth(NamedTuple):
    """How many unfinished tasks there are, by why."""

    ready: int
    oldest_ready_at: datetime | None
    waiting: int
    next_due_at: datetime | None
    running: int
    fed: int


class Ended(NamedTuple):
    """How many tasks ended in a minute (of those since 1970), how, and why."""

    minute: int
    type: str
    reason: str | None
    tasks: int


def clock() -> Steps[datetime]:
    """Return the database's time."""
    return (yield CLOCK())[0][0]


def holders() -> Steps[list[Holder]]:
    """Return the workers that hold tasks, at most `WORKERS`."""
    return [Holder(*row) for row in (yield HOLDERS())]


def depth() -> Steps[Depth]:
    """Count the unfinished tasks."""
    ready = yield READY()
    waiting = yield WAITING()
    running = yield RUNNING_NOW()
    fed = yield FED()
    (count, oldest), (put_off, next_due) = ready[0], waiting[0]
    return Depth(count, oldest, put_off, next_due, running[0][0], fed[0][0])


def ended() -> Steps[list[Ended]]:
    """Count what ended in the last hour."""
    return [Ended(*row) for row in (yield ENDED())]
