"""Column types that mean the same on PostgreSQL and SQLite, and the database's clock.

SQLite has no time type: an instant is kept there as the text
`YYYY-MM-DD HH:MM:SS.ffffff` in UTC, which sorts as time does.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

Text = sa.Text

#: A 64-bit key that the database hands out. SQLite does that only for `INTEGER`.
BigId: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"


class Instant(TypeDecorator[datetime]):
    """An aware UTC time with microseconds."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Turn an aware time into what the driver takes; a naive one is a programming error."""
        as_text = dialect.name == "sqlite"

        def process(value: datetime | None) -> datetime | str | None:
            if value is None:
                return None
            if value.tzinfo is None:
                raise ValueError(f"{value!r} has no time zone")
            return value.astimezone(UTC).strftime(_SQLITE_TIME) if as_text else value

        return process

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Read SQLite's text as an aware time; asyncpg gives aware times by itself."""
        del coltype
        if dialect.name != "sqlite":
            return None

        def process(value: str | None) -> datetime | None:
            return None if value is None else datetime.fromisoformat(f"{value}+00:00")

        return process


class Json(TypeDecorator[Any]):
    """A JSON value: `jsonb` on PostgreSQL, text on SQLite, encoded by orjson on both."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the database's own type."""
        chosen: Any = JSONB() if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(chosen)

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Encode. Both drivers take JSON as text."""
        del dialect
        return _encode

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Decode. Both drivers give JSON as text."""
        del dialect, coltype
        return _decode


def _encode(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _decode(value: str | None) -> Any:
    return None if value is None else orjson.loads(value)


class Boolean(TypeDecorator[bool]):
    """A truth value; SQLite keeps it as 0 or 1."""

    impl = sa.Boolean
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Pass the value on; both drivers take a bool."""
        del dialect
        return None

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Make SQLite's number a bool again."""
        del coltype
        return bool if dialect.name == "sqlite" else None


class now(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """The database's clock, now or `seconds` from now.

    On PostgreSQL the start of the statement: later than a lock that an earlier statement of the
    transaction waited for, and still usable in an index condition. SQLite's has milliseconds.
    """

    type = Instant()
    inherit_cache = True
    name = "sluice_now"

    def __init__(self, seconds: Any = None) -> None:
        arguments = () if seconds is None else (sa.cast(seconds, sa.Float),)
        super().__init__(*arguments)


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    if not len(element.clauses):
        return "statement_timestamp()"
    seconds = compiler.process(element.clauses, **kw)
    return f"(statement_timestamp() + make_interval(secs => {seconds}))"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    if not len(element.clauses):
        return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', format('%+.3f seconds', {seconds}))"


class transaction_id(FunctionElement[int]):  # noqa: N801 - it reads as the SQL function that it is
    """The writing transaction's number on PostgreSQL, 0 on SQLite, whose writes are serial."""

    type = sa.BigInteger()
    inherit_cache = True
    name = "sluice_transaction_id"


@compiles(transaction_id, "postgresql")
def _transaction_id_postgresql(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    return "pg_current_xact_id()::text::bigint"


@compiles(transaction_id, "sqlite")
def _transaction_id_sqlite(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    return "0"


class snapshot(FunctionElement[str]):  # noqa: N801 - it reads as the SQL function that it is
    """Which transactions this statement sees, as `xmin:xmax:xip,xip` (`tasks/position.py`).

    On SQLite, whose writes are serial, the id that the next event gets at the earliest stands for
    the transactions.
    """

    type = sa.Text()
    inherit_cache = True
    name = "sluice_snapshot"


@compiles(snapshot, "postgresql")
def _snapshot_postgresql(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    return "pg_current_snapshot()::text"


@compiles(snapshot, "sqlite")
def _snapshot_sqlite(element: object, compiler: object, **kw: Any) -> str:
    del element, compiler, kw
    # Not `max(id)`: deleting a task may remove its latest events.
    next_id = "coalesce(max(seq), 0) + 1"
    return (
        f"(SELECT ({next_id}) || ':' || ({next_id}) || ':'"  # noqa: S608 - it is our own text
        " FROM sqlite_sequence WHERE name = 'task_event')"
    )


class beyond(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL operator that it is
    """Whether a position (parameters `ceiling`, `running`, `partial`, `last`) leaves out an event.

    Transactions of the future are those of another cluster, from which the data was restored.
    """

    type = sa.Integer()
    inherit_cache = True
    name = "sluice_beyond"

    def __init__(self, xid: Any, row_id: Any) -> None:
        numbers = Listed(sa.BigInteger())
        super().__init__(
            xid,
            row_id,
            sa.bindparam("ceiling", type_=sa.BigInteger),
            sa.bindparam("running", type_=numbers),
            sa.bindparam("partial", type_=numbers),
            sa.bindparam("last", type_=sa.BigInteger),
        )


@compiles(beyond, "postgresql")
def _beyond_postgresql(element: beyond, compiler: SQLCompiler, **kw: Any) -> str:
    xid, row_id, ceiling, running, partial, last = (
        compiler.process(clause, **kw) for clause in element.clauses
    )
    now_max = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    # Each of the three is a range of the index; the bound belongs to the first, or the planner
    # takes it for the whole range.
    return (
        f"(({xid} >= {ceiling} AND {xid} < {now_max}) OR {xid} = ANY ({running})"
        f" OR ({xid} = ANY ({partial}) AND {row_id} > {last}))"
    )


@compiles(beyond, "sqlite")
def _beyond_sqlite(element: beyond, compiler: SQLCompiler, **kw: Any) -> str:
    xid, row_id, ceiling, *_ = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({xid} = 0 AND {row_id} >= {ceiling})"


class among(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL operator that it is
    """`column IN (a list given as one parameter)`, so that the statement's text never changes."""

    # Not Boolean: for that SQLAlchemy appends `= 1` on SQLite, which keeps it off the index.
    type = sa.Integer()
    inherit_cache = True
    name = "sluice_among"

    def __init__(self, column: Any, parameter: str) -> None:
        element = column.type
        super().__init__(column, sa.bindparam(parameter, type_=Listed(element)))


class unindexed(FunctionElement[Any]):  # noqa: N801 - it reads as a word about its column
    """A column that SQLite is not to look up by: another condition finds the few rows there are.

    Without statistics SQLite takes a list of ids for longer than an owner's rows, and reads all
    of those.
    """

    inherit_cache = True
    name = "sluice_unindexed"

    def __init__(self, column: Any) -> None:
        self.type = column.type
        super().__init__(column)


@compiles(unindexed, "postgresql")
def _unindexed_postgresql(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(unindexed, "sqlite")
def _unindexed_sqlite(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


class Listed(TypeDecorator[list[Any]]):
    """A list as one parameter: an array on PostgreSQL, a JSON text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, element: Any) -> None:
        super().__init__()
        self.element = element

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.ARRAY(self.element))
        return dialect.type_descriptor(sa.Text())

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Encode the list for SQLite; asyncpg takes it as it is."""
        if dialect.name == "postgresql":
            return None
        return _encode


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, parameter = element.clauses
    return f"({compiler.process(column, **kw)} = ANY ({compiler.process(parameter, **kw)}))"


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, parameter = element.clauses
    listed = compiler.process(parameter, **kw)
    members = f"SELECT value FROM json_each({listed})"  # noqa: S608 - a placeholder stands in it
    return f"({compiler.process(column, **kw)} IN ({members}))"


class json_object(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """A JSON object of named expressions; times in it are ISO 8601 texts with microseconds."""

    type = Json()
    inherit_cache = False
    name = "sluice_json_object"

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.names = tuple(members)
        super().__init__(*members.values())


@compiles(json_object, "postgresql")
def _json_object_postgresql(element: json_object, compiler: SQLCompiler, **kw: Any) -> str:
    members: list[str] = []
    for name, value in zip(element.names, element.clauses, strict=True):
        text = compiler.process(value, **kw)
        if isinstance(value.type, Instant):
            text = f"""to_char({text} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
        members.append(f"'{name}', {text}")
    return f"jsonb_build_object({', '.join(members)})"


@compiles(json_object, "sqlite")
def _json_object_sqlite(element: json_object, compiler: SQLCompiler, **kw: Any) -> str:
    members: list[str] = []
    for name, value in zip(element.names, element.clauses, strict=True):
        text = compiler.process(value, **kw)
        if isinstance(value.type, Instant):
            text = f"replace({text}, ' ', 'T') || '+00:00'"
        elif isinstance(value.type, Json):
            text = f"json({text})"
        members.append(f"'{name}', {text}")
    return f"json_object({', '.join(members)})"


class json_elements(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """The elements of a JSON array, as a table with the column `value`."""

    inherit_cache = True
    name = "sluice_json_elements"


@compiles(json_elements, "postgresql")
def _json_elements_postgresql(element: json_elements, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements({compiler.process(element.clauses, **kw)})"


@compiles(json_elements, "sqlite")
def _json_elements_sqlite(element: json_elements, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


class json_item(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL operator that it is
    """The value at an index of a JSON array, as a column's type. Times are `utc_text`s."""

    inherit_cache = False
    name = "sluice_json_item"

    def __init__(self, array: Any, index: int, column_type: Any) -> None:
        self.index = index
        self.type = column_type
        super().__init__(array)


@compiles(json_item, "postgresql")
def _json_item_postgresql(element: json_item, compiler: SQLCompiler, **kw: Any) -> str:
    text = f"{compiler.process(element.clauses, **kw)} ->> {element.index}"
    if isinstance(element.type, Instant):
        text = f"({text}) || '+00'"
    target = compiler.dialect.type_compiler_instance.process(element.type)
    return f"CAST({text} AS {target})"


@compiles(json_item, "sqlite")
def _json_item_sqlite(element: json_item, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **kw)}, '$[{element.index}]')"


def utc_text(value: datetime) -> str:
    """Write an aware time as `json_item` reads it."""
    return value.astimezone(UTC).strftime(_SQLITE_TIME)
