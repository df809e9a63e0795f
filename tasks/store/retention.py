"""What retention deletes, a batch at a time.

Each batch walks on in the order of ids from where the one before it ended, which is about the
order of age, so that what is kept is not looked at again by every batch. It skips rows that
somebody has locked: retention waits for nobody, and holds nobody up for longer than a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tasks import models
from tasks.column import among, now
from tasks.database import Row, Statement, Steps
from tasks.models import ENDED, EventHorizon, EventType, IdempotencyKey, Post, Task, TaskEvent
from tasks.store import event
from tasks.store.idempotency import KEPT_SECONDS

EVENT = TaskEvent.table().c
TASK = Task.table().c
POST = Post.table().c
KEY = IdempotencyKey.table().c
HORIZON = EventHorizon.table().c

_AFTER = sa.bindparam("after", type_=sa.BigInteger)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)


def _age(name: str) -> now:
    """Return the moment that lies a parameter's seconds ago."""
    return now(-sa.bindparam(name, type_=sa.Float))


_ENDED = TASK.status.in_([sa.literal_column(f"'{status}'") for status in ENDED])

EVENTS = Statement(
    sa.select(
        EVENT.id,
        EVENT.type,
        EVENT.seq,
        TASK.revision,
        sa.case((EVENT.at < _age("age"), 1), else_=0),
    )
    .select_from(sa.outerjoin(TaskEvent.table(), Task.table(), TASK.id == EVENT.task_id))
    .where(EVENT.id > _AFTER)
    .order_by(EVENT.id)
    .limit(_LIMIT)
)
TOMBSTONES = Statement(
    sa.select(EVENT.id)
    .where(EVENT.type == sa.literal_column(f"'{EventType.DELETED}'"), EVENT.at < _age("age"))
    .order_by(EVENT.id)
    .limit(_LIMIT)
)
TASKS = Statement(
    sa.select(
        TASK.id,
        sa.case((TASK.created_at < _age("age"), 1), else_=0),
        sa.case((sa.and_(_ENDED, TASK.completed_at < _age("age")), 1), else_=0),
        sa.case(
            (sa.and_(TASK.posts_expired_at.is_(None), TASK.posts_count > 0), 1),
            else_=0,
        ),
    )
    .where(TASK.id > _AFTER)
    .order_by(TASK.id)
    .limit(_LIMIT)
)

_CHOSEN_EVENTS = sa.select(EVENT.id).where(among(EVENT.id, "ids")).with_for_update(skip_locked=True)
DELETE_EVENTS = Statement(
    sa.delete(TaskEvent)
    .where(EVENT.id.in_(_CHOSEN_EVENTS.scalar_subquery()))
    .returning(EVENT.id, EVENT.xid)
)
_ADVANCE = postgresql.insert(EventHorizon).values(
    id=1, xid=sa.bindparam("xid"), event_id=sa.bindparam("event_id")
)
#: SQLite has no GREATEST; a CASE reads the same in both.
ADVANCE = Statement(
    _ADVANCE.on_conflict_do_update(
        index_elements=[HORIZON.id],
        set_={
            name: sa.case(
                (_ADVANCE.excluded[name] > HORIZON[name], _ADVANCE.excluded[name]),
                else_=HORIZON[name],
            )
            for name in ("xid", "event_id")
        },
    )
)
AT = Statement(sa.select(HORIZON.xid, HORIZON.event_id))

#: Looked at again when it is locked: a client may have reset the task since.
STILL_ENDED = Statement(
    sa.select(*TASK)
    .where(among(TASK.id, "ids"), _ENDED, TASK.completed_at < _age("age"))
    .with_for_update(skip_locked=True)
)
DELETE_LOGS = Statement(sa.delete(TaskEvent).where(among(EVENT.task_id, "ids")))
DELETE_TASKS = Statement(sa.delete(Task).where(among(TASK.id, "ids")))
DELETE_POSTS = Statement(sa.delete(Post).where(among(POST.task_id, "ids")))
EXPIRED = Statement(sa.update(Task).where(among(TASK.id, "ids")).values(posts_expired_at=now()))
_OLD_KEYS = (
    sa.select(KEY.user_id, KEY.door, KEY.key)
    .where(KEY.created_at <= now(-KEPT_SECONDS))
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
)
DELETE_KEYS = Statement(
    sa.delete(IdempotencyKey)
    .where(sa.tuple_(KEY.user_id, KEY.door, KEY.key).in_(_OLD_KEYS))
    .returning(KEY.user_id)
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did."""

    deleted: int
    #: Where the next batch goes on; None when what follows is too young.
    after: int | None


@dataclass(frozen=True, slots=True)
class TaskBatch(Batch):
    """A batch of tasks; `tasks` are those deleted, as they were."""

    tasks: Sequence[models.Task] = ()


def trim_events(*, age: float, after: int, limit: int) -> Steps[Batch]:
    """Delete events of one window of the log that are older than `age` seconds.

    The last event of a task stays as long as the task does, since it says how the task ended;
    a tombstone, which is all that a deleted task left, has an age of its own.
    """
    rows = yield EVENTS(age=age, after=after, limit=limit)
    deleted = yield from _delete_events([row[0] for row in rows if _is_superfluous(row)])
    at_end = len(rows) < limit or not rows[-1][4]
    return Batch(deleted, None if at_end else rows[-1][0])


def trim_tombstones(*, age: float, limit: int) -> Steps[Batch]:
    """Delete what is left of tasks that were deleted longer ago than `age` seconds."""
    rows = yield TOMBSTONES(age=age, limit=limit)
    deleted = yield from _delete_events([row[0] for row in rows])
    return Batch(deleted, 0 if deleted == limit else None)


def _is_superfluous(row: Row) -> bool:
    _, kind, seq, revision, old = row
    return bool(old) and kind != EventType.DELETED and (revision is None or seq < revision)


def _delete_events(chosen: Sequence[int]) -> Steps[int]:
    if not chosen:
        return 0
    deleted = yield DELETE_EVENTS(ids=list(chosen))
    if deleted:
        yield ADVANCE(xid=max(xid for _, xid in deleted), event_id=max(each for each, _ in deleted))
    return len(deleted)


def delete_tasks(*, age: float, after: int, limit: int) -> Steps[TaskBatch]:
    """Delete tasks that ended longer ago than `age` seconds; each leaves its tombstone."""
    rows = yield TASKS(age=age, after=after, limit=limit)
    chosen = [task_id for task_id, _, ended, _ in rows if ended]
    tasks: list[models.Task] = []
    if chosen:
        locked = yield STILL_ENDED(ids=chosen, age=age)
        tasks = [Task.of(row) for row in locked]
    if tasks:
        ids = [task.id for task in tasks]
        yield DELETE_LOGS(ids=ids)
        for task in tasks:
            yield from event.append_tombstone(task)
        yield DELETE_POSTS(ids=ids)
        yield DELETE_TASKS(ids=ids)
    return TaskBatch(len(tasks), _next(rows, limit), tasks)


def expire_posts(*, age: float, after: int, limit: int) -> Steps[Batch]:
    """Delete the posts of tasks that ended longer ago than `age` seconds; the tasks stay."""
    rows = yield TASKS(age=age, after=after, limit=limit)
    chosen = [task_id for task_id, _, ended, holds in rows if ended and holds]
    ids: list[int] = []
    if chosen:
        locked = yield STILL_ENDED(ids=chosen, age=age)
        ids = [row[0] for row in locked]
    if ids:
        yield DELETE_POSTS(ids=ids)
        yield EXPIRED(ids=ids)
    return Batch(len(ids), _next(rows, limit))


def forget_keys(*, limit: int) -> Steps[Batch]:
    """Delete idempotency keys that are not remembered any more."""
    deleted = yield DELETE_KEYS(limit=limit)
    return Batch(len(deleted), 0 if len(deleted) == limit else None)


def trimmed_to() -> Steps[tuple[int, int] | None]:
    """Return the greatest (transaction, event id) that retention has trimmed, or None.

    A stream of an owner's events that resumes from there, or from before, may miss some.
    """
    rows = yield AT()
    return (rows[0][0], rows[0][1]) if rows else None


def _next(rows: Sequence[Row], limit: int) -> int | None:
    """Return the last id of a window, or None when it ended among tasks that are too young."""
    return None if len(rows) < limit or not rows[-1][1] else rows[-1][0]
