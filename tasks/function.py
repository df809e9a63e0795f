"""SQL functions for searching and counting that mean the same on PostgreSQL and SQLite."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: SQLite's own functions know the case of ASCII alone, so each connection is given this one.
SQLITE_CONTAINS = "sluice_contains"


class contains(FunctionElement[Any]):  # noqa: N801 - it reads as the SQL function that it is
    """Whether a text holds another, in whatever case. Of a missing text: no."""

    # Not Boolean: see `tasks.column.among`.
    type = sa.Integer()
    inherit_cache = True
    name = "sluice_contains"


@compiles(contains, "postgresql")
def _contains_postgresql(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    text, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(coalesce(strpos(lower({text}), lower({wanted})), 0) > 0)"


@compiles(contains, "sqlite")
def _contains_sqlite(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    text, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{SQLITE_CONTAINS}({text}, {wanted})"


def is_in(text: str | None, wanted: str) -> bool:
    """Say what `contains` says."""
    return text is not None and wanted.lower() in text.lower()


class epoch_seconds(FunctionElement[int]):  # noqa: N801 - it reads as the SQL function that it is
    """An instant as whole seconds since 1970."""

    type = sa.BigInteger()
    inherit_cache = True
    name = "sluice_epoch_seconds"


@compiles(epoch_seconds, "postgresql")
def _epoch_postgresql(element: epoch_seconds, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **kw)})) AS bigint)"


@compiles(epoch_seconds, "sqlite")
def _epoch_sqlite(element: epoch_seconds, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **kw)}) AS INTEGER)"


class json_text(FunctionElement[str]):  # noqa: N801 - it reads as the SQL operator that it is
    """The text at a key of a JSON object; NULL without it."""

    type = sa.Text()
    inherit_cache = False
    name = "sluice_json_text"

    def __init__(self, value: Any, key: str) -> None:
        self.key = key
        super().__init__(value)


@compiles(json_text, "postgresql")
def _json_text_postgresql(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} ->> '{element.key}')"


@compiles(json_text, "sqlite")
def _json_text_sqlite(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **kw)}, '$.{element.key}')"
