"""The task row: reading it, and changing it by a row of the transition table."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps
from tasks.models import Post, Task, TaskStatus
from tasks.store import event
from tasks.transition import Transition

TASK = Task.table().c
POST = Post.table().c

INSERT = Statement(
    sa.insert(Task)
    .values(
        created_at=now(),
        updated_at=now(),
        status=TaskStatus.PENDING.value,
        attempt=0,
        failures=0,
        posts_count=0,
        cursor_state="start",
        revision=1,
        schedule_id=sa.bindparam("schedule_id", None, type_=sa.BigInteger),
        **{
            name: sa.bindparam(name)
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
    )
    .returning(*TASK)
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
    **values: Any,
) -> Statement:
    """Build the update that makes a transition; it changes no row where that is not allowed."""
    return Statement(
        sa.update(Task)
        .where(
            which,
            TASK.status.in_([sa.literal_column(f"'{status}'") for status in transition.sources]),
            *guards,
        )
        .values(
            status=transition.target.value,
            revision=TASK.revision + 1,
            updated_at=now(),
            **values,
        )
        .returning(*TASK)
    )


def insert(values: Mapping[str, Any]) -> Steps[Task]:
    """Insert a pending task. Its owner must be in the queue already (`queue.enter`)."""
    rows = yield INSERT(**values)
    return Task.of(rows[0])


def by_id(task_id: int) -> Steps[Task | None]:
    """Return the task, or None."""
    rows = yield BY_ID(task_id=task_id)
    return Task.of(rows[0]) if rows else None


def for_update(task_id: int) -> Steps[Task | None]:
    """Return the task, locked until the transaction ends, or None."""
    rows = yield FOR_UPDATE(task_id=task_id)
    return Task.of(rows[0]) if rows else None


def apply(
    statement: Statement, transition: Transition, /, parameters: Mapping[str, Any], **more: Any
) -> Steps[Task | None]:
    """Run a `change` and append its event; None when the guards let nothing through."""
    rows = yield statement(**parameters)
    if not rows:
        return None
    task = Task.of(rows[0])
    yield from event.append(task, transition.event, **more)
    return task


def delete(task_id: int) -> Steps[None]:
    """Delete a task and its posts. Its events are the caller's to entomb."""
    yield DELETE_POSTS(task_id=task_id)
    yield DELETE(task_id=task_id)


def delete_posts(task_id: int) -> Steps[None]:
    """Delete what a task collected."""
    yield DELETE_POSTS(task_id=task_id)
