"""The ledger of calls to hosts: one row for each budget, locked while it is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tasks.column import among, now
from tasks.database import Statement, Steps
from tasks.models import SourceBudget, Task
from tasks.ports import Target
from tasks.rate import Balance, Rate, Reservation

BUDGET = SourceBudget.table().c
TASK = Task.table().c
KEY = BUDGET.key == sa.bindparam("which")

#: A budget that was not used for so long says nothing any more. Hosts' holds are at most two days.
FORGET_SECONDS = 3 * 86_400

#: PostgreSQL's clock is read before the lock is waited for, which only makes a wait longer.
LOCK = Statement(sa.select(*BUDGET, now().label("now")).where(KEY).with_for_update())
OPEN = Statement(
    postgresql.insert(SourceBudget)
    .values(
        key=sa.bindparam("key"),
        host=sa.bindparam("host"),
        calls=sa.bindparam("calls"),
        milliseconds=sa.bindparam("milliseconds"),
        burst=sa.bindparam("burst"),
        taken=0,
        granted=0,
        used_at=now(),
    )
    .on_conflict_do_nothing()
)
FORGET = Statement(sa.delete(SourceBudget).where(BUDGET.used_at < now(-FORGET_SECONDS)))
_BALANCE: dict[str, Any] = {
    name: sa.bindparam(name, type_=BUDGET[name].type)
    for name in ("taken", "due_at", "held_until", "granted", "granted_until", "line_until")
}
TAKE = Statement(
    sa.update(SourceBudget)
    .where(KEY)
    .values(
        **_BALANCE,
        calls=sa.bindparam("calls"),
        milliseconds=sa.bindparam("milliseconds"),
        burst=sa.bindparam("burst"),
        used_at=now(),
    )
)
NOTE = Statement(sa.update(SourceBudget).where(KEY).values(**_BALANCE))
ALL = Statement(
    sa.select(*BUDGET, now().label("now")).order_by(BUDGET.host, BUDGET.key).limit(1000)
)
SOME = Statement(
    sa.select(*BUDGET, now().label("now")).where(among(BUDGET.key, "keys")).order_by(BUDGET.host)
)
#: What an owner's tasks that a host has put off are to read.
PUT_OFF = Statement(
    sa.select(TASK.platform, TASK.target)
    .distinct()
    .where(
        TASK.user_id == sa.bindparam("user_id"),
        TASK.status == sa.literal_column("'pending'"),
        TASK.not_before.is_not(None),
        TASK.error_code == sa.bindparam("code"),
    )
    .limit(1000)
)


@dataclass(frozen=True, slots=True)
class Account:
    """A budget's row as it was read, and the database's time at which it was."""

    row: SourceBudget
    balance: Balance
    now: float

    @property
    def rate(self) -> Rate:
        """Return the rate that the last call kept to."""
        return Rate(
            calls=self.row.calls, seconds=self.row.milliseconds / 1000, burst=self.row.burst
        )


def reserve(key: str, *, host: str, rate: Rate, max_wait_seconds: float) -> Steps[Reservation]:
    """Take one call and return the wait before it, or when to come back if that is too long."""
    account = yield from _open(key, host, rate)
    reservation, left = account.balance.reserve(
        rate, now=account.now, max_wait_seconds=max_wait_seconds
    )
    yield TAKE(which=key, **_columns(left), **_rate_columns(rate))
    return reservation


def limit(
    key: str, *, host: str, rate: Rate, calls: int, seconds: float, number: int
) -> Steps[None]:
    """Note that the host, answering a call, grants `calls` more within `seconds` from now."""
    account = yield from _open(key, host, rate)
    told = account.balance.told(calls, until=account.now + seconds, number=number, now=account.now)
    yield NOTE(which=key, **_columns(told))


def everything() -> Steps[list[Account]]:
    """Return every budget by host, at most 1000."""
    return [_account(row) for row in (yield ALL())]


def some(keys: Sequence[str]) -> Steps[list[Account]]:
    """Return those of the budgets that there are, by host."""
    return [_account(row) for row in (yield SOME(keys=list(keys)))]


def put_off(user_id: int, code: str) -> Steps[list[Target]]:
    """Return the targets of an owner's tasks that wait with this error's code, at most 1000."""
    rows = yield PUT_OFF(user_id=user_id, code=code)
    return [Target(platform, target) for platform, target in rows]


def _open(key: str, host: str, rate: Rate) -> Steps[Account]:
    """Return the budget, locked; a new one is made, and idle ones then go."""
    rows = yield LOCK(which=key)
    if not rows:
        yield OPEN(key=key, host=host, **_rate_columns(rate))
        yield FORGET()
        rows = yield LOCK(which=key)
    return _account(rows[0])


def _account(row: Any) -> Account:
    found = SourceBudget.of(row[:-1])
    balance = Balance(
        taken=found.taken,
        due=_seconds(found.due_at),
        held_until=_seconds(found.held_until),
        granted=found.granted,
        granted_until=_seconds(found.granted_until),
        line_until=_seconds(found.line_until),
    )
    return Account(found, balance, _seconds(row[-1]))


def _columns(balance: Balance) -> dict[str, Any]:
    return {
        "taken": balance.taken,
        "due_at": _instant(balance.due),
        "held_until": _instant(balance.held_until),
        "granted": balance.granted,
        "granted_until": _instant(balance.granted_until),
        "line_until": _instant(balance.line_until),
    }


def _rate_columns(rate: Rate) -> dict[str, Any]:
    return {"calls": rate.calls, "milliseconds": round(rate.seconds * 1000), "burst": rate.burst}


def _seconds(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()


def _instant(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
