"""What a worker writes: each statement is guarded by the claim that it holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tasks.column import among, now
from tasks.database import Statement, Steps
from tasks.models import Task
from tasks.store import post
from tasks.store.task import HELD, TASK, change
from tasks.transition import COMPLETE, FAIL, RECORD, RELEASE, START, WAIT

LEASE = now(sa.bindparam("lease_seconds", type_=sa.Float))
NO_LEASE: Mapping[str, Any] = {"lease_expires_at": None}
LET_GO: Mapping[str, Any] = {"worker_id": None, "lease_expires_at": None}


def _given(*names: str) -> Mapping[str, Any]:
    """Return the parameters for columns; of many calls, they are lists of the columns' types."""
    return {name: sa.bindparam(name, type_=TASK[name].type) for name in names}


CHECKPOINT = _given("cursor_state", "cursor", "posts_count", "receipt")
ENDING: Mapping[str, Any] = {
    **_given("stop_reason", "error_code", "error_message"),
    "completed_at": now(),
}

#: Asked for the first page: what an earlier try complained of is over.
STARTED = change(
    START,
    *HELD,
    started_at=sa.func.coalesce(TASK.started_at, now()),
    error_code=None,
    error_message=None,
    lease_expires_at=LEASE,
)
RECORDED = change(
    RECORD, *HELD, following=[post.stored], **CHECKPOINT, failures=0, lease_expires_at=LEASE
)
COMPLETED = change(
    COMPLETE, *HELD, following=[post.stored], **CHECKPOINT, **ENDING, failures=0, **NO_LEASE
)
#: `excerpt` is what was read instead of an answer, for the event alone.
FAILED = change(FAIL, *HELD, more=["excerpt"], **CHECKPOINT, **ENDING, **NO_LEASE)
#: For a fault of ours, after which only the row knows what was stored.
BLAMED = change(FAIL, *HELD, **_given("receipt"), **ENDING, **NO_LEASE)
WAITING = change(
    WAIT,
    *HELD,
    not_before=now(sa.bindparam("wait_seconds", type_=sa.Float)),
    **_given("failures", "error_code", "error_message", "receipt"),
    **LET_GO,
)
RELEASED = change(RELEASE, *HELD, **_given("receipt"), **LET_GO)

_LAPSED = TASK.lease_expires_at <= now()
#: The sweeper's: the lease has run out, whoever holds it.
RETURNED = change(RELEASE, _LAPSED, failures=TASK.failures + 1, **LET_GO)
PUT_OFF = change(
    WAIT,
    _LAPSED,
    not_before=now(sa.bindparam("wait_seconds", type_=sa.Float)),
    failures=TASK.failures + 1,
    **_given("error_code", "error_message"),
    **LET_GO,
)
ABANDONED = change(
    FAIL,
    _LAPSED,
    **ENDING,
    **_given("receipt"),
    failures=TASK.failures + 1,
    **NO_LEASE,
)

RENEW = Statement(
    sa.update(Task)
    .where(
        TASK.worker_id == sa.bindparam("held_by"),
        TASK.lease_expires_at.is_not(None),
        among(TASK.id, "task_ids"),
    )
    .values(lease_expires_at=LEASE)
    .returning(TASK.id, TASK.attempt)
)
HELD_NOW = Statement(
    sa.select(TASK.id, TASK.attempt).where(
        TASK.worker_id == sa.bindparam("held_by"),
        TASK.lease_expires_at.is_not(None),
        among(TASK.id, "task_ids"),
    )
)
OF_WORKER = Statement(
    sa.select(*TASK).where(
        TASK.worker_id == sa.bindparam("held_by"), TASK.lease_expires_at.is_not(None)
    )
)
EXPIRED = Statement(
    sa.select(*TASK)
    .where(_LAPSED)
    .order_by(TASK.lease_expires_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
DUE = Statement(
    sa.select(TASK.id, TASK.user_id)
    .where(TASK.status == sa.literal_column("'pending'"), TASK.not_before <= now())
    .order_by(TASK.not_before)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
#: No event and no revision: a client that was told "waits until then" knows that then has come.
MADE_CLAIMABLE = Statement(
    sa.update(Task)
    .where(
        among(TASK.id, "task_ids"),
        TASK.status == sa.literal_column("'pending'"),
        TASK.not_before <= now(),
    )
    .values(not_before=None)
)
END_ALL = Statement(
    sa.update(Task).where(TASK.lease_expires_at.is_not(None)).values(lease_expires_at=now())
)
NEXT_LEASE_END = Statement(sa.select(sa.func.min(TASK.lease_expires_at), now()))
NEXT_DUE = Statement(
    sa.select(sa.func.min(TASK.not_before), now()).where(
        TASK.status == sa.literal_column("'pending'"), TASK.not_before.is_not(None)
    )
)


def renew(
    worker_id: str, task_ids: Sequence[int], *, lease_seconds: float
) -> Steps[dict[int, int]]:
    """Renew the leases of a worker's tasks; gives the attempts of those that it still holds."""
    rows = yield RENEW(held_by=worker_id, task_ids=list(task_ids), lease_seconds=lease_seconds)
    return {row[0]: row[1] for row in rows}


def held(worker_id: str, task_ids: Sequence[int]) -> Steps[dict[int, int]]:
    """Return the attempts of those of a worker's tasks that it still holds."""
    rows = yield HELD_NOW(held_by=worker_id, task_ids=list(task_ids))
    return {row[0]: row[1] for row in rows}


def end_all() -> Steps[None]:
    """Let every lease run out now."""
    yield END_ALL()


def of_worker(worker_id: str) -> Steps[list[Task]]:
    """Return the tasks that a worker holds."""
    rows = yield OF_WORKER(held_by=worker_id)
    return [Task.of(row) for row in rows]


def expired(*, limit: int) -> Steps[list[Task]]:
    """Return tasks whose lease has run out, longest ago first."""
    rows = yield EXPIRED(limit=limit)
    return [Task.of(row) for row in rows]


def due(*, limit: int) -> Steps[list[tuple[int, int]]]:
    """Return (task, owner) of tasks whose `not_before` has come, longest ago first."""
    rows = yield DUE(limit=limit)
    return [(task_id, user_id) for task_id, user_id in rows]


def seconds_to_next() -> Steps[float | None]:
    """Return the seconds until the next lease ends or the next task is due; None if none is."""
    leases = yield NEXT_LEASE_END()
    waits = yield NEXT_DUE()
    left = [(moment - clock).total_seconds() for moment, clock in (*leases, *waits) if moment]
    return max(0.0, min(left)) if left else None
