"""What watchers ask: where tasks stand, and what was appended to an owner's log since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tasks.column import among, beyond, now, snapshot
from tasks.database import Statement, Steps
from tasks.models import EventType, Post, Task, TaskEvent
from tasks.position import Position
from tasks.store import event
from tasks.store import task as row
from tasks.store.event import EVENT
from tasks.store.post import POST
from tasks.store.task import TASK

#: Events that a read of an owner's log brings whole; of more, only the ids.
WINDOW = 100

REVISIONS = Statement(sa.select(TASK.id, TASK.revision).where(among(TASK.id, "task_ids")))
STANDINGS = Statement(sa.select(*TASK).where(among(TASK.id, "task_ids")))
SNAPSHOT = Statement(sa.select(snapshot().label("snapshot"), now().label("now")))
_SINCE = beyond(EVENT.xid, EVENT.id)
_OWNED = EVENT.user_id == sa.bindparam("user_id")
OF_OWNER = Statement(
    sa.select(*EVENT)
    .where(_OWNED, _SINCE)
    .order_by(EVENT.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
IDS_OF_OWNER = Statement(
    sa.select(EVENT.id, EVENT.xid)
    .where(_OWNED, _SINCE)
    .order_by(EVENT.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
BY_IDS = Statement(sa.select(*EVENT).where(among(EVENT.id, "ids")).order_by(EVENT.id))
OF_OWNERS = Statement(
    sa.select(EVENT.id, EVENT.xid, EVENT.user_id).where(among(EVENT.user_id, "user_ids"), _SINCE)
)
NEWEST = Statement(
    sa.select(*TASK)
    .where(TASK.user_id == sa.bindparam("user_id"))
    .order_by(TASK.created_at.desc(), TASK.id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
POSTS = Statement(
    sa.select(*POST)
    .where(
        POST.task_id == sa.bindparam("task_id"),
        POST.position >= sa.bindparam("first"),
        POST.position < sa.bindparam("end"),
    )
    .order_by(POST.position)
)
LAST_RESET = Statement(
    sa.select(sa.func.max(EVENT.seq)).where(
        EVENT.task_id == sa.bindparam("task_id"),
        EVENT.type == sa.literal_column(f"'{EventType.RESET}'"),
    )
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A task and its events after some `seq`, as of one moment."""

    task: Task | None  #: None when there is no such task, or no more.
    events: list[TaskEvent]


@dataclass(frozen=True, slots=True)
class Window:
    """What an owner's log holds beyond a position, oldest first, as of one moment.

    Within a task the order is that of `seq`: an id is drawn while the task's row is locked.
    """

    position: Position  #: Of who has read all of it.
    events: list[TaskEvent]
    ids: list[tuple[int, int]]  #: In their place (id, xid), when there are more than `WINDOW`.


def standing(task_id: int, *, after: int | None, limit: int) -> Steps[Standing]:
    """Return where a task stands, with its events after `after`; without it, none.

    Of a task that is gone, the tombstone is returned in any case.
    """
    task = yield from row.by_id(task_id)
    if task is None:
        return Standing(None, (yield from event.of_task(task_id, after=0, limit=1)))
    if after is None or after >= task.revision:
        return Standing(task, [])
    return Standing(task, (yield from event.of_task(task_id, after=after, limit=limit)))


def standings(task_ids: Sequence[int]) -> Steps[dict[int, Task]]:
    """Return those of the tasks that exist."""
    rows = yield STANDINGS(task_ids=task_ids)
    return {task.id: task for task in map(Task.of, rows)}


def revisions(task_ids: Sequence[int]) -> Steps[dict[int, int]]:
    """Return the revision of each task that exists."""
    rows = yield REVISIONS(task_ids=task_ids)
    return {task_id: revision for task_id, revision in rows}  # noqa: C416 - rows are no pairs to type checkers


def window(user_id: int, since: Position, *, most: int) -> Steps[Window]:
    """Return an owner's events beyond a position, or the ids of the first `most` of them.

    To be run in a snapshot.
    """
    position = yield from position_now(since.kind)
    bounds = _bounds(since)
    rows = yield OF_OWNER(user_id=user_id, limit=WINDOW + 1, **bounds)
    if len(rows) <= WINDOW:
        return Window(position, [TaskEvent.of(each) for each in rows], [])
    ids = yield IDS_OF_OWNER(user_id=user_id, limit=most, **bounds)
    return Window(position, [], [(each[0], each[1]) for each in ids])


def _bounds(position: Position) -> dict[str, Any]:
    """Return the parameters of `beyond`."""
    return {
        "ceiling": position.ceiling,
        "running": list(position.running),
        "partial": list(position.partial),
        "last": position.last,
    }


def by_ids(ids: Sequence[int]) -> Steps[list[TaskEvent]]:
    """Return those of the events that still exist, oldest first."""
    rows = yield BY_IDS(ids=ids)
    return [TaskEvent.of(each) for each in rows]


def begin(user_id: int, kind: str, *, limit: int) -> Steps[tuple[Position, list[Task]]]:
    """Return where an owner's stream begins: its position, and the owner's newest tasks.

    To be run in a snapshot.
    """
    position = yield from position_now(kind)
    rows = yield NEWEST(user_id=user_id, limit=limit)
    return position, [Task.of(each) for each in rows]


def position_now(kind: str) -> Steps[Position]:
    """Return the position of who has read all that the statement sees."""
    ((seen, at),) = yield SNAPSHOT()
    return Position.of_snapshot(kind, seen, at)


def news(user_ids: Sequence[int], since: Position) -> Steps[list[tuple[int, int, int]]]:
    """Return (event, transaction, owner) of what these owners' logs hold beyond a position."""
    rows: Sequence[Any] = yield OF_OWNERS(user_ids=user_ids, **_bounds(since))
    return [(each[0], each[1], each[2]) for each in rows]


def posts(task_id: int, *, first: int, end: int) -> Steps[list[Post]]:
    """Return a task's posts with `first <= position < end`, in order."""
    rows = yield POSTS(task_id=task_id, first=first, end=end)
    return [Post.of(each) for each in rows]


def last_reset(task_id: int) -> Steps[int]:
    """Return the `seq` of a task's last reset, or 0."""
    rows = yield LAST_RESET(task_id=task_id)
    return rows[0][0] or 0
