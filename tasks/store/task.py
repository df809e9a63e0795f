"""The task row: reading it, and changing it by a row of the transition table."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Following, Statement, Steps
from tasks.database.statement import AtOnce
from tasks.models import PUSH, CursorState, EventType, Post, QueueOwner, Task, TaskStatus
from tasks.store import event
from tasks.transition import Transition

TASK = Task.table().c
POST = Post.table().c
OWNER = QueueOwner.table().c

_NEW: Mapping[str, Any] = {
    **{
        name: sa.bindparam(name, type_=TASK[name].type)
        for name in (
            "user_id",
            "group_id",
            "group_name",
            "platform",
            "target",
            "max_posts",
            "priority",
            "correlation_id",
        )
    },
    "schedule_id": sa.bindparam("schedule_id", None, type_=sa.BigInteger),
    "created_at": now(),
    "updated_at": now(),
    "status": sa.literal_column(f"'{TaskStatus.PENDING.value}'"),
    "attempt": sa.literal_column("0"),
    "failures": sa.literal_column("0"),
    "posts_count": sa.literal_column("0"),
    "cursor_state": sa.literal_column(f"'{CursorState.START.value}'"),
    "revision": sa.literal_column("1"),
}
#: Selects from the owner's place in the line, which it locks: no row if there is none.
INSERT = Statement(
    sa.insert(Task)
    .from_select(
        list(_NEW),
        sa.select(*_NEW.values())
        .select_from(QueueOwner)
        .where(OWNER.user_id == sa.bindparam("user_id"))
        .with_for_update(read=True, key_share=True),
    )
    .returning(*TASK),
    following=[event.logged(EventType.CREATED)],
)
#: For a task that no worker takes, whose owner need not be in the line.
INSERT_FED = Statement(
    sa.insert(Task).from_select(list(_NEW), sa.select(*_NEW.values())).returning(*TASK),
    following=[event.logged(EventType.CREATED)],
)

BY_ID = Statement(sa.select(*TASK).where(TASK.id == sa.bindparam("task_id")))
FOR_UPDATE = Statement(sa.select(*TASK).where(TASK.id == sa.bindparam("task_id")).with_for_update())
DELETE = Statement(sa.delete(Task).where(TASK.id == sa.bindparam("task_id")))
DELETE_POSTS = Statement(sa.delete(Post).where(POST.task_id == sa.bindparam("task_id")))

ONE = TASK.id == sa.bindparam("task_id")
#: This worker still holds this claim of the task.
HELD: tuple[sa.ColumnElement[bool], ...] = (
    TASK.worker_id == sa.bindparam("held_by"),
    TASK.attempt == sa.bindparam("held_attempt"),
)


def change(
    transition: Transition,
    *guards: sa.ColumnElement[bool],
    which: sa.ColumnElement[bool] = ONE,
    more: Sequence[str] = (),
    following: Sequence[Following] = (),
    is_locked: bool = False,
    at_once: AtOnce | None = None,
    **values: Any,
) -> Statement:
    """Build the update that makes a transition and appends its event, in one statement.

    It changes no row where the transition is not allowed; `is_locked` says that `which` has
    looked at the status already, and locked the rows. `more` names parameters that the event
    shows besides the columns; `following` comes after the event.
    """
    sources: list[Any] = [sa.literal_column(f"'{status}'") for status in transition.sources]
    return Statement(
        sa.update(Task)
        .where(which, sa.true() if is_locked else TASK.status.in_(sources), *guards)
        .values(
            status=transition.target.value,
            revision=TASK.revision + 1,
            updated_at=now(),
            **values,
        )
        .returning(*TASK),
        following=[event.logged(transition.event, *more), *following],
        keyed="task_id" if which is ONE else "",
        at_once=at_once,
    )


def insert(values: Mapping[str, Any]) -> Steps[Task]:
    """Insert a pending task, with its event. One for workers wants its owner in the line first."""
    statement = INSERT_FED if values["platform"] == PUSH else INSERT
    rows = yield statement(**values)
    return Task.of(rows[0])


def by_id(task_id: int) -> Steps[Task | None]:
    """Return the task, or None."""
    rows = yield BY_ID(task_id=task_id)
    return Task.of(rows[0]) if rows else None


def for_update(task_id: int) -> Steps[Task | None]:
    """Return the task, locked until the transaction ends, or None."""
    rows = yield FOR_UPDATE(task_id=task_id)
    return Task.of(rows[0]) if rows else None


def apply(statement: Statement, parameters: Mapping[str, Any]) -> Steps[Task | None]:
    """Run a `change`; None when the guards let nothing through."""
    rows = yield statement(**parameters)
    return Task.of(rows[0]) if rows else None


def delete(task_id: int) -> Steps[None]:
    """Delete a task and its posts. Its events are the caller's to entomb."""
    yield DELETE_POSTS(task_id=task_id)
    yield DELETE(task_id=task_id)


def delete_posts(task_id: int) -> Steps[None]:
    """Delete what a task collected."""
    yield DELETE_POSTS(task_id=task_id)
