"""Copying whole tables from one database to another, of the same kind or the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from tasks import models
from tasks.column import transaction_id
from tasks.database import Row, Statement, Steps
from tasks.models import EventHorizon, SignInLink, TaskEvent, WebSession
from tasks.store import queue, task
from tasks.store.run import LET_GO
from tasks.store.task import TASK, change
from tasks.transition import RELEASE

#: Not carried: what migrations keep, positions that mean nothing in another database, and what
#: only the installation's own key opens; a used link must not come back with a backup either.
STAYING: Final = frozenset(
    {
        "schema_contract",
        "alembic_version",
        EventHorizon.table().name,
        WebSession.table().name,
        SignInLink.table().name,
    }
)

#: Those who would make the first user wait for the copy, and then find one.
LOCK_USERS = Statement(sa.text("LOCK TABLE user_account IN EXCLUSIVE MODE"))
HELD = Statement(sa.select(TASK.id).where(TASK.lease_expires_at.is_not(None)).order_by(TASK.id))
GIVEN_BACK = change(RELEASE, TASK.lease_expires_at.is_not(None), **LET_GO)

_NAME = sa.bindparam("name", type_=sa.Text)
_VALUE = sa.bindparam("value", type_=sa.BigInteger)
_SEQUENCES = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq", sa.BigInteger))


class serial_sequence(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """The sequence behind a table's `id`, on PostgreSQL alone."""

    type = sa.Text()
    inherit_cache = True
    name = "sluice_serial_sequence"


@compiles(serial_sequence)
def _serial_sequence(element: serial_sequence, compiler: SQLCompiler, **kw: Any) -> str:
    return f"pg_get_serial_sequence({compiler.process(element.clauses, **kw)}, 'id')::regclass"


#: The greatest id that was ever handed out: a deleted row's id must not come again.
LAST_ID: Final = {
    "sqlite": Statement(sa.select(_SEQUENCES.c.seq).where(_SEQUENCES.c.name == _NAME)),
    "postgresql": Statement(sa.select(sa.func.pg_sequence_last_value(serial_sequence(_NAME)))),
}
FORGET_LAST_ID = Statement(sa.delete(_SEQUENCES).where(_SEQUENCES.c.name == _NAME))
SET_LAST_ID: Final = {
    "sqlite": Statement(sa.insert(_SEQUENCES).values(name=_NAME, seq=_VALUE)),
    "postgresql": Statement(sa.select(sa.func.setval(serial_sequence(_NAME), _VALUE))),
}


@dataclass(frozen=True)
class Table:
    """A table that is carried: how to read it in pages, and how to write it."""

    table: sa.Table

    @property
    def name(self) -> str:
        """Return its name: a plain text, which SQLAlchemy's is not."""
        return str(self.table.name)

    @property
    def has_sequence(self) -> bool:
        """Whether the database hands out its ids."""
        return bool(self.table.kwargs.get("sqlite_autoincrement"))

    @cached_property
    def key(self) -> Sequence[sa.Column[Any]]:
        """The columns of the primary key, in their order."""
        return list(self.table.primary_key.columns)

    @cached_property
    def first(self) -> Statement:
        """Select the first page."""
        page = sa.select(*self.table.c).order_by(*self.key)
        return Statement(page.limit(sa.bindparam("limit", type_=sa.Integer)))

    @cached_property
    def following(self) -> Statement:
        """Select the page after a key."""
        after = [sa.bindparam(f"after_{c.name}", type_=c.type) for c in self.key]
        page = sa.select(*self.table.c).where(sa.tuple_(*self.key) > sa.tuple_(*after))
        page = page.order_by(*self.key).limit(sa.bindparam("limit", type_=sa.Integer))
        return Statement(page)

    @cached_property
    def insertion(self) -> Statement:
        """Insert a row as it is.

        But a position in the log is the writing database's own: whoever resumes from an older
        one is given everything again, which repeats and skips nothing.
        """
        values: dict[str, Any] = {c.name: sa.bindparam(c.name) for c in self.table.c}
        if self.name == TaskEvent.table().name:
            values["xid"] = transaction_id()
        return Statement(sa.insert(self.table).values(values))

    @cached_property
    def counting(self) -> Statement:
        """Count the rows."""
        return Statement(sa.select(sa.func.count()).select_from(self.table))

    def rows(self, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
        """Return rows as the parameters of the insertion."""
        names = [column.name for column in self.table.c]
        return [dict(zip(names, row, strict=True)) for row in rows]


#: In the order in which rows may refer to each other.
TABLES: Final = tuple(
    Table(table) for table in models.Record.metadata.sorted_tables if table.name not in STAYING
)


def counts() -> Steps[dict[str, int]]:
    """Count the rows of every table that is carried."""
    found: dict[str, int] = {}
    for table in TABLES:
        rows = yield table.counting()
        found[table.name] = rows[0][0]
    return found


def page(table: Table, last: Row | None, *, limit: int) -> Steps[Sequence[Row]]:
    """Return the rows after `last` in the order of the key, at most `limit`."""
    if last is None:
        return (yield table.first(limit=limit))
    values = dict(zip((column.name for column in table.table.c), last, strict=True))
    after = {f"after_{column.name}": values[column.name] for column in table.key}
    return (yield table.following(**after, limit=limit))


def insert(table: Table, rows: Sequence[Row]) -> Steps[None]:
    """Insert rows."""
    yield table.insertion.each(table.rows(rows))


def lock(dialect: str) -> Steps[None]:
    """Keep others from setting the database up meanwhile; SQLite's writes are serial."""
    if dialect == "postgresql":
        yield LOCK_USERS()


def last_ids(dialect: str) -> Steps[dict[str, int]]:
    """Return the greatest id that each table has ever handed out."""
    found: dict[str, int] = {}
    for table in TABLES:
        if table.has_sequence:
            rows = yield LAST_ID[dialect](name=table.name)
            found[table.name] = (rows[0][0] if rows else None) or 0
    return found


def set_last_ids(dialect: str, last: Mapping[str, int]) -> Steps[None]:
    """Make each table go on after the greatest id that was ever handed out."""
    for name, value in last.items():
        if not value:
            continue
        if dialect == "sqlite":
            yield FORGET_LAST_ID(name=name)
        yield SET_LAST_ID[dialect](name=name, value=value)


def settle() -> Steps[int]:
    """Give back what workers held that are not here, and put owners in the line.

    Returns how many tasks that were.
    """
    held = yield HELD()
    for (task_id,) in held:
        yield from task.apply(GIVEN_BACK, {"task_id": task_id})
    yield from queue.reconcile()
    return len(held)
