"""The queue of owners, and the claim.

`queue_owner` holds the owners who have a claimable task (pending, `not_before` unset, its posts
not sent by a client) and are below their caps; the smallest `turn` is next. Only a claim moves
or removes an owner, under the claim lock. Whoever makes a task claimable calls `enter` first, in
the same transaction: it makes sure of the row and holds it against removal until the commit,
without holding up the claim of the owner's other tasks (a key-share lock, which an update of
`turn` does not conflict with).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from tasks.column import among, now
from tasks.database import Statement, Steps
from tasks.database.statement import TIMES, AtOnce
from tasks.database.together import few
from tasks.models import PUSH, QueueOwner, Task
from tasks.store import event
from tasks.store.task import change
from tasks.transition import CLAIM

OWNER = QueueOwner.table().c
TASK = Task.table().c

#: How many owners one claim looks at before it leaves the rest to the next.
OWNERS_A_CLAIM = 100
#: Any number that no other advisory lock of the installation uses.
_LOCK_KEY = 7_402_061


class claim_lock(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """Claims are serialised: a transaction's lock on PostgreSQL; SQLite's writes are serial."""

    type = sa.Integer()
    inherit_cache = True
    name = "sluice_claim_lock"


@compiles(claim_lock, "postgresql")
def _claim_lock_postgresql(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    return f"pg_advisory_xact_lock({_LOCK_KEY})"


@compiles(claim_lock, "sqlite")
def _claim_lock_sqlite(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    return "0"


def _entering(users: sa.Select[Any]) -> Statement:
    """Build the insert that puts owners at the back of the line, where they are not in it.

    PostgreSQL's `ON CONFLICT DO NOTHING` reads the same in SQLite. SQLite's parser takes it for
    a join condition unless a WHERE stands before it.
    """
    back = sa.select(sa.func.coalesce(sa.func.max(OWNER.turn), 0) + 1).scalar_subquery()
    chosen = users.subquery("entering")
    line = sa.select(chosen.c.user_id, back).where(sa.true())
    return Statement(
        postgresql.insert(QueueOwner)
        .from_select(["user_id", "turn"], line)
        .on_conflict_do_nothing()
    )


LOCK = Statement(sa.select(claim_lock()))
#: In the words of the index on it, which no parameter may stand in.
CLAIMABLE = (
    TASK.status == sa.literal_column("'pending'"),
    TASK.not_before.is_(None),
    TASK.platform != sa.literal_column(f"'{PUSH}'"),
)
RUNNING = TASK.lease_expires_at.is_not(None)

ENTER = _entering(sa.select(sa.bindparam("user_id", type_=sa.BigInteger).label("user_id")))
ENTER_ALL = _entering(sa.select(TASK.user_id).where(*CLAIMABLE).distinct())
ENTER_PLATFORM = _entering(
    sa.select(TASK.user_id).where(*CLAIMABLE, TASK.platform == sa.bindparam("platform")).distinct()
)
HOLD = Statement(
    sa.select(OWNER.user_id)
    .where(OWNER.user_id == sa.bindparam("user_id"))
    .with_for_update(read=True, key_share=True)
)
NEXT = Statement(sa.select(OWNER.user_id).order_by(OWNER.turn, OWNER.user_id).limit(1))
SEIZE = Statement(
    sa.select(OWNER.user_id).where(OWNER.user_id == sa.bindparam("user_id")).with_for_update()
)
REMOVE = Statement(sa.delete(QueueOwner).where(OWNER.user_id == sa.bindparam("user_id")))
ANYBODY = Statement(sa.select(OWNER.user_id).limit(1))
RUNNING_OF = Statement(
    sa.select(sa.func.count()).where(TASK.user_id == sa.bindparam("user_id"), RUNNING)
)
RUNNING_BY_PLATFORM = Statement(
    sa.select(TASK.platform, sa.func.count()).where(RUNNING).group_by(TASK.platform)
)


def _to_back(changed: sa.FromClause) -> sa.Executable:
    """Move the owner of the task that was taken to the back of the line."""
    back = sa.select(sa.func.max(OWNER.turn) + 1).correlate(None).scalar_subquery()
    taken = sa.select(changed.c.user_id)
    return sa.update(QueueOwner).where(OWNER.user_id.in_(taken)).values(turn=back)


_HOLDING: Mapping[str, Any] = {
    "worker_id": sa.bindparam("worker_id"),
    "attempt": TASK.attempt + 1,
    "assigned_at": sa.func.coalesce(TASK.assigned_at, now()),
    "lease_expires_at": now(sa.bindparam("lease_seconds", type_=sa.Float)),
}


def _best(owner: Any, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select an owner's claimable tasks in the order in which they are taken."""
    return (
        sa.select(TASK.id)
        .where(TASK.user_id == owner, *CLAIMABLE, *more)
        .order_by(TASK.priority.desc(), TASK.id)
        .with_for_update()
    )


def _taking_in_turn() -> AtOnce:
    """Build what takes as often as it is told, each time of who is first then.

    The line goes round: whoever stands at `place` among `owners` is first at `place`, and again
    each time when all have had their turn. It ends before the first who has nothing left.
    """
    most = sa.bindparam(TIMES, type_=sa.Integer)
    line = sa.select(*OWNER).order_by(OWNER.turn, OWNER.user_id).limit(most).subquery("line")
    in_turn = sa.func.row_number().over(order_by=(line.c.turn, line.c.user_id))
    owners = sa.select(
        line.c.user_id, (in_turn - 1).label("place"), sa.func.count().over().label("owners")
    ).subquery("owners")
    rounds = (most + owners.c.owners - 1) // owners.c.owners
    best = _best(owners.c.user_id).add_columns(TASK.priority).limit(rounds).lateral("best")
    by_owner: Any = {"partition_by": owners.c.user_id}
    ranked = (
        sa.select(
            owners,
            best.c.id,
            sa.func.row_number()
            .over(**by_owner, order_by=(best.c.priority.desc(), best.c.id))
            .label("rank"),
            sa.func.count(best.c.id).over(**by_owner).label("found"),
        )
        .select_from(owners.outerjoin(best, sa.true()))
        .subquery("ranked")
    )
    chosen = sa.select(
        ranked.c.id,
        ((ranked.c.rank - 1) * ranked.c.owners + ranked.c.place).label("taken"),
        sa.func.min(ranked.c.found * ranked.c.owners + ranked.c.place).over().label("end"),
    ).subquery("chosen")
    taken = sa.and_(
        TASK.id == chosen.c.id,
        chosen.c.taken < sa.func.least(chosen.c.end, most),
        few(chosen.c.id),
    )
    # Looking at the status again, the planner would begin with all who are pending.
    update: Any = change(CLAIM, which=taken, is_locked=True, **_HOLDING).clause
    return AtOnce(
        update.returning(chosen.c.taken),
        following=[event.logged(CLAIM.event), _each_to_back],
        order="taken",
    )


def _each_to_back(changed: sa.FromClause) -> sa.Executable:
    """Move owners to the back of the line, in the order in which it was last their turn."""
    last = (
        sa.select(changed.c.user_id, sa.func.max(changed.c.taken).label("taken"))
        .group_by(changed.c.user_id)
        .subquery("last")
    )
    back: Any = sa.select(sa.func.max(OWNER.turn) + 1).correlate(None).scalar_subquery()
    return (
        sa.update(QueueOwner)
        .where(OWNER.user_id == last.c.user_id, few(last.c.user_id))
        .values(turn=back + last.c.taken)
    )


def _claiming(owner: Any, *more: sa.ColumnElement[Any], at_once: AtOnce | None = None) -> Statement:
    """Build the update that takes an owner's best claimable task: highest priority, oldest."""
    best = _best(owner, *more).limit(1).correlate(None).scalar_subquery()
    return change(CLAIM, which=TASK.id == best, following=[_to_back], at_once=at_once, **_HOLDING)


_FIRST = sa.select(OWNER.user_id).order_by(OWNER.turn, OWNER.user_id).limit(1).scalar_subquery()
TAKE = _claiming(_FIRST, at_once=_taking_in_turn())
TAKE_OF = _claiming(sa.bindparam("user_id"))
TAKE_UNCAPPED = _claiming(sa.bindparam("user_id"), sa.not_(among(TASK.platform, "capped")))
HAS_CLAIMABLE = Statement(
    sa.select(TASK.id).where(TASK.user_id == sa.bindparam("user_id"), *CLAIMABLE).limit(1)
)
HAS_CLAIMABLE_UNCAPPED = Statement(
    sa.select(TASK.id)
    .where(
        TASK.user_id == sa.bindparam("user_id"),
        *CLAIMABLE,
        sa.not_(among(TASK.platform, "capped")),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many tasks may run at once; None for no limit."""

    per_user: int | None = None
    per_platform: int | None = None

    def __bool__(self) -> bool:
        """Say whether there is any limit."""
        return self.per_user is not None or self.per_platform is not None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim took, in order, and whether another would find something or look further."""

    tasks: list[Task]
    more: bool


def enter(user_id: int) -> Steps[None]:
    """Put an owner in the line, and keep the row until the transaction ends.

    A claim that removes the row at this moment makes the second look come back empty; the
    insert then waits for that claim's commit and succeeds, so two rounds are enough.
    """
    while not (yield HOLD(user_id=user_id)):
        yield ENTER(user_id=user_id)


def enter_each(user_ids: Iterable[int]) -> Steps[None]:
    """Put several owners in the line, in the order in which locks are taken."""
    for user_id in sorted(set(user_ids)):
        yield from enter(user_id)


def reconcile() -> Steps[None]:
    """Put every owner in the line who should be: the safety net against a lost entry."""
    yield LOCK()
    yield ENTER_ALL()


def claim(*, worker_id: str, lease_seconds: float, caps: Caps, most: int) -> Steps[Claimed]:
    """Take up to `most` tasks one after the other, each from the owner whose turn it is then.

    Serialised by the claim lock, a statement of its own: the statements after it see what the
    claim before it committed. A claim that has taken something takes nobody out of the line: it
    would wait for the owner's row while it holds a task, which others lock the other way round.
    """
    yield LOCK()
    tasks: list[Task] = []
    holder = {"worker_id": worker_id, "lease_seconds": lease_seconds}
    left = 0
    while (missing := most - len(tasks)) > 0:
        if caps:
            found = yield from _take_within(caps, holder)
        else:
            found = yield from _take(TAKE, [holder] * missing)
            missing -= len(found)
        tasks += found
        if found and (caps or not missing):
            continue
        owners = yield NEXT()
        if not owners:
            return Claimed(tasks, more=False)
        if tasks or left == OWNERS_A_CLAIM:
            break
        yield from _leave(owners[0][0], caps)
        left += 1
    return Claimed(tasks, more=True)


def anybody() -> Steps[bool]:
    """Say whether somebody is in the line."""
    return bool((yield ANYBODY()))


def freed(task: Task, caps: Caps) -> Steps[None]:
    """Let owners back in whom this task kept out by a cap while it ran.

    Its own transaction after the end's commit, under the claim lock: a claim that removes an
    owner because of the cap is then either before it (and is undone) or after it (and sees
    that the cap is free).
    """
    yield LOCK()
    if caps.per_user is not None:
        yield ENTER(user_id=task.user_id)
    if caps.per_platform is not None:
        yield ENTER_PLATFORM(platform=task.platform)


def _capped_platforms(caps: Caps) -> Steps[list[str]]:
    if caps.per_platform is None:
        return []
    rows = yield RUNNING_BY_PLATFORM()
    return [platform for platform, running in rows if running >= caps.per_platform]


def _at_cap(user_id: int, caps: Caps) -> Steps[bool]:
    if caps.per_user is None:
        return False
    rows = yield RUNNING_OF(user_id=user_id)
    return rows[0][0] >= caps.per_user


def _take(statement: Statement, holders: Sequence[Mapping[str, Any]]) -> Steps[list[Task]]:
    """Take a task for each of the holders, one after the other."""
    rows = yield statement.each(holders) if len(holders) > 1 else statement(**holders[0])
    return [Task.of(row) for row in rows]


def _take_within(caps: Caps, holder: Mapping[str, Any]) -> Steps[list[Task]]:
    """Take a task of the owner whose turn it is, if no cap stands against it."""
    owners = yield NEXT()
    if not owners or (yield from _at_cap(owners[0][0], caps)):
        return []
    parameters = {**holder, "user_id": owners[0][0]}
    capped = yield from _capped_platforms(caps)
    if not capped:
        return (yield from _take(TAKE_OF, [parameters]))
    return (yield from _take(TAKE_UNCAPPED, [{**parameters, "capped": capped}]))


def _leave(user_id: int, caps: Caps) -> Steps[None]:
    """Take an owner out of the line, unless something came up for them meanwhile.

    Seizing the row waits for whoever holds it (`enter`); only what is looked up after that
    tells whether their transaction made a task claimable.
    """
    yield SEIZE(user_id=user_id)
    if not (yield from _at_cap(user_id, caps)):
        capped = yield from _capped_platforms(caps)
        if capped:
            found = yield HAS_CLAIMABLE_UNCAPPED(user_id=user_id, capped=capped)
        else:
            found = yield HAS_CLAIMABLE(user_id=user_id)
        if found:
            return
    yield REMOVE(user_id=user_id)
