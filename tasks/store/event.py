"""The event log: one row for each visible change of a task, written in its transaction."""

from typing import Any

import sqlalchemy as sa

from tasks import models
from tasks.column import now, transaction_id
from tasks.database import Statement, Steps
from tasks.models import EventType, TaskEvent

#: The version of what `data` holds; a reader that meets another one must not guess.
DATA_VERSION = 1

EVENT = TaskEvent.table().c

APPEND = Statement(
    sa.insert(TaskEvent)
    .values(
        task_id=sa.bindparam("task_id"),
        user_id=sa.bindparam("user_id"),
        seq=sa.bindparam("seq"),
        type=sa.bindparam("type"),
        at=now(),
        data=sa.bindparam("data"),
        xid=transaction_id(),
    )
    # What the database decides of an event; `tasks/publication.py` adds it to the rest.
    .returning(EVENT.id, EVENT.at, EVENT.xid)
)

OF_TASK = Statement(
    sa.select(*EVENT)
    .where(EVENT.task_id == sa.bindparam("task_id"))
    .where(EVENT.seq > sa.bindparam("after"))
    .order_by(EVENT.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)

OF_DELETED = Statement(sa.delete(TaskEvent).where(EVENT.task_id == sa.bindparam("task_id")))


def append(task: models.Task, event: EventType, **more: Any) -> Steps[None]:
    """Append the event of the change that left `task` as it is; `seq` is its revision."""
    yield APPEND(
        task_id=task.id,
        user_id=task.user_id,
        seq=task.revision,
        type=event.value,
        data={"v": DATA_VERSION, **models.public(task), **more},
    )


def entomb(task: models.Task) -> Steps[None]:
    """Replace a deleted task's events by its tombstone: that it is gone, and nothing it held."""
    yield OF_DELETED(task_id=task.id)
    yield from append_tombstone(task)


def append_tombstone(task: models.Task) -> Steps[None]:
    """Append the last event of a deleted task, whose others are gone."""
    yield APPEND(
        task_id=task.id,
        user_id=task.user_id,
        seq=task.revision + 1,
        type=EventType.DELETED.value,
        data={"v": DATA_VERSION, "id": task.id, "revision": task.revision + 1},
    )


def of_task(task_id: int, *, after: int, limit: int) -> Steps[list[TaskEvent]]:
    """Return a task's events with `seq` above `after`, in order."""
    rows = yield OF_TASK(task_id=task_id, after=after, limit=limit)
    return [TaskEvent.of(row) for row in rows]
