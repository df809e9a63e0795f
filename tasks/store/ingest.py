"""What clients write into a task whose posts they send themselves. The task is locked already."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps
from tasks.models import PUSH, IdempotencyKey, StopReason, Task
from tasks.ports import Collected
from tasks.store import post
from tasks.store.task import TASK, apply, change
from tasks.transition import BEGIN, COMPLETE, RECORD

KEY = IdempotencyKey.table().c

_PUSHED = TASK.platform == sa.literal_column(f"'{PUSH}'")
_COLLECTED: Mapping[str, Any] = {name: sa.bindparam(name) for name in ("posts_count", "receipt")}

BEGUN = change(BEGIN, _PUSHED, started_at=now())
ADDED = change(RECORD, _PUSHED, following=[post.stored], **_COLLECTED)
ENDED = change(
    COMPLETE,
    _PUSHED,
    following=[post.stored],
    **_COLLECTED,
    stop_reason=sa.bindparam("stop_reason"),
    completed_at=now(),
)

#: In the words of the index on it, which no parameter may stand in.
_FED = (TASK.status == sa.literal_column("'processing'"), _PUSHED)
_SILENT = TASK.updated_at <= now(sa.bindparam("since_seconds"))
SILENT = Statement(
    sa.select(*TASK)
    .where(*_FED, _SILENT)
    .order_by(TASK.updated_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
#: Looks again: whatever changed the task since it was read has changed the time as well.
ENDED_SILENT = change(
    COMPLETE,
    _PUSHED,
    _SILENT,
    stop_reason=StopReason.IDLE.value,
    completed_at=now(),
    receipt=sa.bindparam("receipt"),
)
LONGEST_SILENT = Statement(sa.select(sa.func.min(TASK.updated_at), now()).where(*_FED))
FORGET = Statement(
    sa.delete(IdempotencyKey).where(
        KEY.user_id == sa.bindparam("user_id"), KEY.door == sa.bindparam("door")
    )
)


def door(task_id: int) -> str:
    """Name what the keys of a task's batches are unique in."""
    return f"posts:{task_id}"


def begin(task: Task) -> Steps[Task | None]:
    """Take a pending task to where posts can be added."""
    return (yield from apply(BEGUN, {"task_id": task.id}))


def add(
    task: Task, fresh: Sequence[Collected], *, receipt: Mapping[str, Any]
) -> Steps[Task | None]:
    """Store posts that are new to the task, after those that it has."""
    return (yield from apply(ADDED, _added(task, fresh, receipt)))


def end(
    task: Task,
    fresh: Sequence[Collected],
    *,
    receipt: Mapping[str, Any],
    stop_reason: StopReason,
) -> Steps[Task | None]:
    """Store the last posts that are new to the task, and complete it."""
    parameters = {**_added(task, fresh, receipt), "stop_reason": stop_reason.value}
    return (yield from apply(ENDED, parameters))


def _added(task: Task, fresh: Sequence[Collected], receipt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "posts_count": task.posts_count + len(fresh),
        "posts": post.listed(fresh, first=task.posts_count),
        "receipt": receipt,
    }


def silent(*, idle_seconds: float, limit: int) -> Steps[Sequence[Task]]:
    """Return begun tasks that were sent nothing for so long, longest ago first."""
    rows = yield SILENT(since_seconds=-idle_seconds, limit=limit)
    return [Task.of(row) for row in rows]


def end_silent(
    task: Task, *, idle_seconds: float, receipt: Mapping[str, Any]
) -> Steps[Task | None]:
    """Complete a task as it was read; None if it has changed since."""
    parameters = {"task_id": task.id, "since_seconds": -idle_seconds, "receipt": receipt}
    return (yield from apply(ENDED_SILENT, parameters))


def longest_silence_seconds() -> Steps[float | None]:
    """Return for how long the longest silent task has been sent nothing; None without any."""
    ((since, clock),) = yield LONGEST_SILENT()
    return None if since is None else (clock - since).total_seconds()


def forget(task: Task) -> Steps[None]:
    """Forget the batches of a task that starts from scratch."""
    yield FORGET(user_id=task.user_id, door=door(task.id))
