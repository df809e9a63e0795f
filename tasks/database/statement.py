"""Statements: built once with SQLAlchemy, compiled to text once a dialect, run on the driver.

Going through SQLAlchemy's session or connection for each call costs three to five times what
the driver needs (measured on the list query); compiling once keeps its SQL and drops the cost.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

T = TypeVar("T")

#: A row's values in the order of the statement's columns.
Row: TypeAlias = Sequence[Any]


class _Constants:
    """Writes a statement's constants into its text; only what a call gives is a parameter.

    SQLAlchemy makes a parameter of each literal. PostgreSQL's plan for any value then has to
    guess what `LIMIT 1` is (a tenth of the rows), looks dear beside the plan for this value, and
    the statement is planned anew at each call: 0.45 of a claim's 0.75 ms, measured.
    """

    def visit_bindparam(self, bindparam: sa.BindParameter[Any], *args: Any, **kw: Any) -> str:
        if bindparam.unique and type(bindparam.value) in (int, str):
            kw["literal_binds"] = True
        compiler: Any = super()
        return compiler.visit_bindparam(bindparam, *args, **kw)


class _PostgresCompiler(_Constants, PGCompiler_asyncpg):
    pass


class _SqliteCompiler(_Constants, SQLiteCompiler):
    pass


def _dialects() -> dict[str, sa.Dialect]:
    postgres, lite = asyncpg.dialect(), sqlite.dialect(paramstyle="named")
    postgres.statement_compiler, lite.statement_compiler = _PostgresCompiler, _SqliteCompiler
    return {"postgresql": postgres, "sqlite": lite}


DIALECTS: Mapping[str, sa.Dialect] = _dialects()


#: Builds an insert or an update from the rows that a statement returned.
Following: TypeAlias = Callable[[sa.FromClause], sa.Executable]
#: The returned rows, as what follows knows them.
CHANGED = "changed"
#: The number of a call among those that are run together; 0 unless it is given.
NUMBER = "number_of_call"
#: Selects of few rows that go together: a few milliseconds' worth.
SHORT = 32
#: The same of long ones, whose rows take longer than all the rest: of pages of posts, more than
#: these only made the first wait for the last (the 99th percentile doubled at 32).
LONG = 4
#: How often a statement is to be run, for what does so at once.
TIMES = "times"


@dataclass(frozen=True, slots=True)
class AtOnce:
    """One statement that does what another does `TIMES` times, or until it gives no row.

    The other's parameters are the same each time. It returns the same columns, and one besides
    them, `order`, which tells when the other would have returned the row.
    """

    clause: sa.Executable
    following: Sequence[Following]
    order: str


class Statement:
    """One SQL statement. Immutable; make it once, at import, and call it with its parameters.

    `following` are inserts and updates fed by the rows that the statement returns, in the same
    transaction: one round trip on PostgreSQL (data-modifying CTEs, which all see the moment
    before the statement); on SQLite, which has no such thing but no round trips either, each
    is run for each row. They may use the call's parameters too.

    `keyed` names the parameter that every returned row has as its first value. Calls that differ
    in it touch different rows, and may be run together (`tasks/database/gathering.py`).

    A select that is `shared` may be run together with others of its kind, at most so many at once
    (`tasks/database/reading.py`). On PostgreSQL its rows have one value more, at their end: the
    parameter `NUMBER`, by which the rows of several calls are told apart.

    `at_once` says on PostgreSQL in one statement what `each` says in several
    (`tasks/database/together.py`).
    """

    __slots__ = ("at_once", "clause", "following", "keyed", "shared")

    def __init__(
        self,
        clause: sa.Executable,
        *,
        following: Sequence[Following] = (),
        keyed: str = "",
        shared: int = 0,
        at_once: "AtOnce | None" = None,
    ) -> None:
        self.at_once = at_once
        self.clause = clause
        self.following = tuple(following)
        self.keyed = keyed
        self.shared = shared

    def __call__(self, **parameters: Any) -> "Call":
        """Say: run this statement with these parameters."""
        return Call(self, parameters)

    def each(self, rows: Sequence[Mapping[str, Any]]) -> "Call":
        """Say: run this statement once for each row of parameters; gives all their rows.

        One that knows how to do so `at_once` ends with the first that gives none.
        """
        return Call(self, rows)


@dataclass(slots=True)
class Call:
    """A statement and its parameters: what a transaction yields."""

    statement: Statement
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]

    @property
    def only(self) -> Mapping[str, Any]:
        """Return the parameters of a call that is run once.

        Raises:
            ValueError: It is run for each of several rows.
        """
        if isinstance(self.parameters, Mapping):
            return self.parameters
        raise ValueError("The statement is run once for each row.")


#: A transaction, or a part of one: yields calls, receives rows, returns its answer.
Steps: TypeAlias = Generator[Call, Sequence[Row], T]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement's text in one dialect, and how to convert what goes in and comes out."""

    text: str
    names: tuple[str, ...]
    binders: tuple[Callable[[Any], Any] | None, ...]
    defaults: Mapping[str, Any]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]
    #: To be run for each row as the driver gave it; `prefixed` names its values.
    following: tuple["Compiled", ...] = ()
    prefixed: tuple[str, ...] = ()
    returns: bool = False  #: Whether it gives rows at all.

    def bind(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the parameters in the order of their placeholders."""
        defaults = self.defaults
        return [
            binder(value) if binder else value
            for name, binder in zip(self.names, self.binders, strict=True)
            for value in (parameters[name] if name in parameters else defaults[name],)
        ]

    def read(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Convert what the driver gave, where a column's type asks for it."""
        readers = self.readers
        if not readers or not rows:
            return rows
        converted = [list(row) for row in rows]
        for index, reader in readers:
            for row in converted:
                row[index] = reader(row[index])
        return converted


@lru_cache(
    maxsize=4096
)  # Statements are made at import; the planner's are bounded by its own cache.
def compiled(statement: Statement, dialect_name: str) -> Compiled:
    """Compile a statement for a dialect; the second time it comes from the cache."""
    clause: Any = statement.clause
    if statement.shared and dialect_name == "postgresql":
        return compile_clause(clause.add_columns(_NUMBER), dialect_name)
    if not statement.following:
        return compile_clause(clause, dialect_name)
    if dialect_name == "postgresql":
        changed = clause.cte(CHANGED)
        joined = sa.select(*changed.c)
        for number, follow in enumerate(statement.following):
            following: Any = follow(changed)
            joined = joined.add_cte(following.cte(f"{CHANGED}_{number}"))
        return compile_clause(joined, dialect_name)
    columns: Any = clause.exported_columns
    names = tuple(f"{CHANGED}_{column.name}" for column in columns)
    row = sa.select(
        *(
            sa.bindparam(name, type_=column.type).label(column.name)
            for name, column in zip(names, columns, strict=True)
        )
    ).subquery(CHANGED)
    followed = (follow(row) for follow in statement.following)
    return replace(
        compile_clause(clause, dialect_name),
        following=tuple(compile_clause(each, dialect_name) for each in followed),
        prefixed=names,
    )


_NUMBER: Any = sa.bindparam(NUMBER, 0, type_=sa.Integer).label(NUMBER)


def compile_clause(clause: Any, dialect_name: str) -> Compiled:
    """Compile what the dialect runs as it stands."""
    dialect = DIALECTS[dialect_name]
    result: Any = clause.compile(dialect=dialect)
    positional = dialect_name == "postgresql"
    names: tuple[str, ...] = tuple(result.positiontup if positional else result.bind_names.values())
    binds: dict[str, Any] = {name: bind for bind, name in result.bind_names.items()}
    columns: Any = list(getattr(clause, "exported_columns", ()) or ())
    readers = [
        (index, reader)
        for index, column in enumerate(columns)
        if (reader := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]
    return Compiled(
        text=str(result),
        names=names,
        # What follows on SQLite is fed with what the driver gave, which needs no conversion.
        binders=tuple(
            None if name.startswith(f"{CHANGED}_") else binds[name].type.bind_processor(dialect)
            for name in names
        ),
        defaults={name: bind.value for name, bind in binds.items() if not bind.required},
        readers=tuple(readers),
        returns=bool(columns),
    )
