"""What clients do to a task: edit, cancel, reset, resume, delete. The task is locked already."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps
from tasks.models import PUSH, CursorState, StopReason, Task
from tasks.store import event, ingest
from tasks.store.task import TASK, apply, change, delete_posts
from tasks.store.task import delete as delete_row
from tasks.transition import CANCEL, EDIT, RESET, RESUME

_AFRESH: Mapping[str, Any] = {
    "worker_id": None,
    "not_before": None,
    "failures": 0,
    "assigned_at": None,
    "started_at": None,
    "completed_at": None,
    "stop_reason": None,
    "error_code": None,
    "error_message": None,
    "posts_expired_at": None,
}
_START = CursorState.START.value

CANCELLED = change(
    CANCEL,
    stop_reason=StopReason.CANCELLED.value,
    completed_at=now(),
    not_before=None,
    lease_expires_at=None,
    error_code=None,
    error_message=None,
    receipt=sa.bindparam("receipt"),
)
WAS_RESET = change(
    RESET,
    more=["previous_receipt"],
    **_AFRESH,
    cursor_state=_START,
    cursor=None,
    posts_count=0,
    receipt=None,
)
#: A source that was exhausted is read from its start again: there may be something new.
RESUMED = change(
    RESUME,
    **_AFRESH,
    cursor_state=sa.case(
        (TASK.cursor_state == CursorState.EXHAUSTED.value, _START), else_=TASK.cursor_state
    ),
)


@lru_cache(maxsize=16)
def _edited(names: frozenset[str]) -> Statement:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in sorted(names)}
    return change(EDIT, **values)


def edit(task: Task, changes: Mapping[str, Any]) -> Steps[Task | None]:
    """Change what a client may change of a pending task."""
    statement = _edited(frozenset(changes))
    return (yield from apply(statement, {"task_id": task.id, **changes}))


def cancel(task: Task, *, receipt: Mapping[str, Any]) -> Steps[Task | None]:
    """End an unfinished task; what it collected stays."""
    return (yield from apply(CANCELLED, {"task_id": task.id, "receipt": receipt}))


def reset(task: Task) -> Steps[Task | None]:
    """Make an ended task pending again, from scratch; its receipt stays in the log."""
    yield from delete_posts(task.id)
    if task.platform == PUSH:
        yield from ingest.forget(task)
    parameters = {"task_id": task.id, "previous_receipt": task.receipt}
    return (yield from apply(WAS_RESET, parameters))


def resume(task: Task) -> Steps[Task | None]:
    """Make an ended task pending again; it keeps its posts and goes on from its cursor."""
    return (yield from apply(RESUMED, {"task_id": task.id}))


def delete(task: Task) -> Steps[None]:
    """Delete a task, its posts and its events; a tombstone remains in the log."""
    yield from event.entomb(task)
    yield from delete_row(task.id)
