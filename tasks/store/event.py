"""The event log: one row for each visible change of a task, written in its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tasks import models
from tasks.column import Json, json_object, now, transaction_id
from tasks.database import Row, Statement, Steps
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

BEGAN_ANEW = Statement(
    sa.select(EVENT.seq)
    .where(
        EVENT.task_id == sa.bindparam("task_id"),
        EVENT.seq > sa.bindparam("since", type_=sa.BigInteger),
        EVENT.type.in_(
            [sa.literal_column(f"'{kind.value}'") for kind in (EventType.RESET, EventType.DELETED)]
        ),
    )
    .limit(1)
)

OF_DELETED = Statement(sa.delete(TaskEvent).where(EVENT.task_id == sa.bindparam("task_id")))


@dataclass(frozen=True, slots=True)
class Logged:
    """Appends the event of the change that left a task as it was returned; `seq` is its revision.

    Follows a statement that returns all columns of the task. `more` names parameters of that
    statement which the event's data shows besides the columns.
    """

    event: EventType
    more: tuple[str, ...] = ()

    def __call__(self, changed: sa.FromClause) -> sa.Executable:
        """Build the insert."""
        data = json_object(
            {
                "v": sa.literal_column(str(DATA_VERSION)),
                **{name: changed.c[name] for name in models.PUBLIC_COLUMNS},
                **{name: sa.bindparam(name, type_=Json()) for name in self.more},
            }
        )
        values: dict[str, Any] = {
            "task_id": changed.c.id,
            "user_id": changed.c.user_id,
            "seq": changed.c.revision,
            "type": sa.literal_column(f"'{self.event.value}'"),
            "at": changed.c.updated_at,
            "data": data,
            "xid": transaction_id(),
        }
        return sa.insert(TaskEvent).from_select(list(values), sa.select(*values.values()))

    def of(self, row: Row, parameters: Mapping[str, Any]) -> TaskEvent:
        """Return the event that was appended for a returned row, as far as it is known here.

        Its `id` and `xid` are 0: only the log has them. Its time is the change's.
        """
        task = dict(zip(models.Task.columns(), row, strict=True))
        data = {"v": DATA_VERSION, **models.public_of(task)}
        for name in self.more:
            data[name] = parameters[name]
        return TaskEvent.of(
            (
                0,
                task["id"],
                task["user_id"],
                task["revision"],
                self.event.value,
                task["updated_at"],
                data,
                0,
            )
        )


def logged(event: EventType, *more: str) -> Logged:
    """Append the event of a change, in the change's own statement."""
    return Logged(event, more)


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


def began_anew(task_id: int, *, since: int) -> Steps[bool]:
    """Say whether a task was reset or deleted after it had the revision `since`."""
    return bool((yield BEGAN_ANEW(task_id=task_id, since=since)))
