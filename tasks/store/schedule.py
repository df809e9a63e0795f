"""Schedules: the rows, what is due, and what former runs have brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tasks import models
from tasks.column import now
from tasks.database import Statement, Steps
from tasks.models import Post, Schedule, ScheduleKnown, Task, User
from tasks.recurrence import next_run
from tasks.store import queue, task

SCHEDULE = Schedule.table().c
KNOWN = ScheduleKnown.table().c
TASK = Task.table().c
POST = Post.table().c
USER = User.table().c

#: Posts that a schedule remembers: those of its last runs, four of them at the least.
KNOWN_KEPT = 2000

_ONE = SCHEDULE.id == sa.bindparam("schedule_id")
_LIMIT = sa.bindparam("limit", type_=sa.Integer)

INSERT = Statement(
    sa.insert(Schedule)
    .values(
        next_run_at=now(),
        created_at=now(),
        updated_at=now(),
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
                "every_seconds",
                "only_new",
            )
        },
    )
    .returning(*SCHEDULE)
)
BY_ID = Statement(sa.select(*SCHEDULE).where(_ONE))
#: Not FOR UPDATE: a run that completes meanwhile refers to the row, and need not wait.
LOCKED = Statement(sa.select(*SCHEDULE, now()).where(_ONE).with_for_update(key_share=True))
OF_USER = Statement(
    sa.select(*SCHEDULE)
    .where(SCHEDULE.user_id == sa.bindparam("user_id"), SCHEDULE.id > sa.bindparam("after"))
    .order_by(SCHEDULE.id)
    .limit(_LIMIT)
)
_BETWEEN = sa.select(*SCHEDULE).where(
    SCHEDULE.user_id == sa.bindparam("user_id"),
    SCHEDULE.id > sa.bindparam("above"),
    SCHEDULE.id < sa.bindparam("below"),
)
NEWEST_FIRST = Statement(_BETWEEN.order_by(SCHEDULE.id.desc()).limit(_LIMIT))
OLDEST_FIRST = Statement(_BETWEEN.order_by(SCHEDULE.id).limit(_LIMIT))
PAUSED = Statement(
    sa.update(Schedule)
    .where(_ONE)
    .values(paused_at=sa.func.coalesce(SCHEDULE.paused_at, now()), updated_at=now())
    .returning(*SCHEDULE)
)
RESUMED = Statement(
    sa.update(Schedule)
    .where(_ONE)
    .values(paused_at=None, next_run_at=sa.bindparam("at"), updated_at=now())
    .returning(*SCHEDULE)
)
DELETED = Statement(sa.delete(Schedule).where(_ONE))

_LIVES = (
    SCHEDULE.paused_at.is_(None),
    sa.exists().where(USER.id == SCHEDULE.user_id, USER.disabled_at.is_(None)),
)
#: A task has `completed_at` when it has ended, however.
_OPEN = sa.exists().where(TASK.schedule_id == SCHEDULE.id, TASK.completed_at.is_(None))
#: A run is made as soon as it is due.
RUNNABLE = (*_LIVES, ~_OPEN)
DUE = Statement(
    sa.select(*SCHEDULE, now())
    .where(*RUNNABLE, SCHEDULE.next_run_at <= now())
    .order_by(SCHEDULE.next_run_at)
    .limit(_LIMIT)
    .with_for_update(key_share=True, skip_locked=True, of=Schedule.table())
)
RAN = Statement(
    sa.update(Schedule)
    .where(_ONE)
    .values(next_run_at=sa.bindparam("at"), last_run_at=now(), last_task_id=sa.bindparam("task_id"))
)
NEXT = Statement(
    sa.select(sa.func.min(SCHEDULE.next_run_at), now()).where(*_LIVES, SCHEDULE.next_run_at > now())
)
#: No schedule is ever due later than that, unless the clock was set back.
FAR = Statement(
    sa.update(Schedule)
    .where(SCHEDULE.paused_at.is_(None), SCHEDULE.next_run_at > now(SCHEDULE.every_seconds))
    .values(next_run_at=now(SCHEDULE.every_seconds))
)

WANTS = Statement(
    sa.select(SCHEDULE.only_new, SCHEDULE.validators, SCHEDULE.validators_task_id).where(_ONE)
)
KNOWN_IDS = Statement(
    sa.select(KNOWN.post_id).where(
        KNOWN.schedule_id == sa.bindparam("schedule_id"), KNOWN.task_id < sa.bindparam("task_id")
    )
)
HOLD = Statement(
    sa.select(SCHEDULE.only_new).where(_ONE).with_for_update(read=True, key_share=True)
)
#: PostgreSQL's `ON CONFLICT DO NOTHING` reads the same in SQLite.
REMEMBER = Statement(
    postgresql.insert(ScheduleKnown)
    .from_select(
        ["schedule_id", "post_id", "task_id"],
        sa.select(
            sa.bindparam("schedule_id", type_=sa.BigInteger), POST.post_id, POST.task_id
        ).where(POST.task_id == sa.bindparam("task_id")),
    )
    .on_conflict_do_nothing()
)
_OLDEST_KEPT = (
    sa.select(KNOWN.task_id)
    .where(KNOWN.schedule_id == sa.bindparam("schedule_id"))
    .order_by(KNOWN.task_id.desc())
    .offset(KNOWN_KEPT)
    .limit(1)
    .scalar_subquery()
)
FORGET = Statement(
    sa.delete(ScheduleKnown).where(
        KNOWN.schedule_id == sa.bindparam("schedule_id"), KNOWN.task_id <= _OLDEST_KEPT
    )
)
VALIDATED = Statement(
    sa.update(Schedule)
    .where(_ONE)
    .values(validators=sa.bindparam("validators"), validators_task_id=sa.bindparam("task_id"))
)


@dataclass(frozen=True, slots=True)
class Former:
    """What former runs of a schedule that wants only what is new have left to this one."""

    known: frozenset[str]  #: Ids of posts that completed runs have brought.
    validators: Mapping[str, str] | None  #: By which a source can say that nothing changed.


def insert(values: Mapping[str, Any]) -> Steps[Schedule]:
    """Insert a schedule that is due at once."""
    rows = yield INSERT(**values)
    return Schedule.of(rows[0])


def by_id(schedule_id: int) -> Steps[Schedule | None]:
    """Return the schedule, or None."""
    rows = yield BY_ID(schedule_id=schedule_id)
    return Schedule.of(rows[0]) if rows else None


def locked(schedule_id: int) -> Steps[tuple[Schedule, datetime] | None]:
    """Return the schedule, locked until the transaction ends, and the database's time."""
    rows = yield LOCKED(schedule_id=schedule_id)
    return _with_time(rows[0]) if rows else None


def of_user(user_id: int, *, after: int, limit: int) -> Steps[list[Schedule]]:
    """Return a user's schedules with ids above `after`, oldest first."""
    rows = yield OF_USER(user_id=user_id, after=after, limit=limit)
    return [Schedule.of(row) for row in rows]


def between(
    user_id: int, *, above: int, below: int, limit: int, newest_first: bool
) -> Steps[list[Schedule]]:
    """Return a user's schedules with ids between two, the bounds excluded."""
    statement = NEWEST_FIRST if newest_first else OLDEST_FIRST
    rows = yield statement(user_id=user_id, above=above, below=below, limit=limit)
    return [Schedule.of(row) for row in rows]


def pause(schedule_id: int) -> Steps[Schedule]:
    """Make no more runs; the first time counts."""
    rows = yield PAUSED(schedule_id=schedule_id)
    return Schedule.of(rows[0])


def resume(schedule_id: int, *, at: datetime) -> Steps[Schedule]:
    """Make runs again, the next one at a time."""
    rows = yield RESUMED(schedule_id=schedule_id, at=at)
    return Schedule.of(rows[0])


def delete(schedule_id: int) -> Steps[None]:
    """Delete a schedule and what it knows; its tasks stay."""
    yield DELETED(schedule_id=schedule_id)


def run_due(*, limit: int) -> Steps[list[models.Task]]:
    """Make a task of each schedule that is due and whose last run has ended.

    However many runs were missed, it is one; the next is the first of the grid to come. Safe
    to be done by two at once: each takes schedules that the other has not.
    """
    rows = yield DUE(limit=limit)
    due = [_with_time(row) for row in rows]
    yield from queue.enter_each(schedule.user_id for schedule, _ in due)
    made: list[models.Task] = []
    for schedule, clock in due:
        run = yield from task.insert(_wish(schedule))
        every = timedelta(seconds=schedule.every_seconds)
        at = next_run(schedule.next_run_at, every=every, now=clock)
        yield RAN(schedule_id=schedule.id, task_id=run.id, at=at)
        made.append(run)
    return made


def seconds_to_next() -> Steps[float | None]:
    """Return the seconds until a schedule comes due, or None.

    One whose last run has not ended is not waited for: it is looked at again in every round.
    """
    rows = yield NEXT()
    at, clock = rows[0]
    return None if at is None else (at - clock).total_seconds()


def bring_near() -> Steps[None]:
    """Let no schedule wait for a time that the clock, set back, will not see for long."""
    yield FAR()


def former(schedule_id: int, task_id: int) -> Steps[Former | None]:
    """Return what the runs before `task_id` have left; None if all posts are wanted."""
    rows = yield WANTS(schedule_id=schedule_id)
    if not rows or not rows[0][0]:
        return None
    _, validators, validators_task_id = rows[0]
    known = yield KNOWN_IDS(schedule_id=schedule_id, task_id=task_id)
    # A run that is repeated must not be told that nothing changed since itself.
    usable = validators_task_id is not None and validators_task_id < task_id
    return Former(frozenset(row[0] for row in known), validators if usable else None)


def remember(run: Task, validators: Mapping[str, str] | None) -> Steps[None]:
    """Note what a completed run has brought, in the transaction that completes it.

    Only completed runs count: what came before the end of a failed one is read again, because
    what lies behind it was not.
    """
    if run.schedule_id is None:
        return
    rows = yield HOLD(schedule_id=run.schedule_id)
    if not rows or not rows[0][0]:
        return
    yield REMEMBER(schedule_id=run.schedule_id, task_id=run.id)
    yield FORGET(schedule_id=run.schedule_id)
    yield VALIDATED(schedule_id=run.schedule_id, task_id=run.id, validators=validators)


def _with_time(row: Sequence[Any]) -> tuple[Schedule, datetime]:
    return Schedule.of(row[:-1]), row[-1]


def _wish(schedule: Schedule) -> dict[str, Any]:
    names = ("user_id", "group_id", "group_name", "platform", "target", "max_posts", "priority")
    values = {name: getattr(schedule, name) for name in names}
    return {**values, "correlation_id": None, "schedule_id": schedule.id}
