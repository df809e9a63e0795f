"""Many calls of one statement in one statement, on PostgreSQL.

A call of a change costs the server more for getting ready (three parts with a hundred
expressions) than for the row. Given as lists, the parameters of many calls are the rows of a
table that the update joins: the guards stand in it as they do for one, and hold for each row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from tasks.column import Listed
from tasks.database.statement import (
    CHANGED,
    TIMES,
    Compiled,
    Following,
    Row,
    Statement,
    compile_clause,
    compiled,
)

#: The parameters of the calls, as a table.
GIVEN: Final = "given"


@dataclass(frozen=True, slots=True)
class Together:
    """A statement for many calls, and how to say it."""

    compiled: Compiled
    #: What converts a value of a call; None where all calls have the same.
    binders: Mapping[str, Callable[[Any], Any] | None] | None

    @property
    def text(self) -> str:
        """Return what the driver prepares."""
        return self.compiled.text

    def bind(self, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return a list for each parameter, in the order of their placeholders."""
        if self.binders is None:
            return self.compiled.bind({**calls[0], TIMES: len(calls)})
        lists: dict[str, Any] = {}
        for name in self.compiled.names:
            if name in self.compiled.defaults:
                continue
            values = [call[name] for call in calls]
            binder = self.binders[name]
            lists[name] = [binder(value) for value in values] if binder else values
        return self.compiled.bind(lists)

    def read(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Convert what the driver gave."""
        return self.compiled.read(rows)


@lru_cache(maxsize=256)  # Statements are made at import.
def together(statement: Statement) -> Together | None:
    """Compile what runs many calls of a statement at once, or None if there is no such thing."""
    alone: Any = statement.clause
    clause: Any
    following: Sequence[Following]
    if (at_once := statement.at_once) is not None:
        clause, following = at_once.clause, at_once.following
    elif statement.keyed and isinstance(statement.clause, sa.Update):
        clause, following = _joined(statement)
    else:
        return None
    changed: Any = clause.cte(CHANGED)
    joined: Any = sa.select(*(changed.c[column.name] for column in alone.exported_columns))
    for number, follow in enumerate(following):
        insert: Any = follow(changed)
        joined = joined.add_cte(insert.cte(f"{CHANGED}_{number}"))
    if at_once is not None:
        ordered = joined.order_by(changed.c[at_once.order])
        return Together(compile_clause(ordered, "postgresql"), None)
    one = compiled(statement, "postgresql")
    binders = dict(zip(one.names, one.binders, strict=True))
    return Together(compile_clause(joined, "postgresql"), binders)


def few(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Say what is always true of a number, and makes the planner expect one row of many.

    It then walks the index of what it joins. Where it expects ten, as of every list, it reads
    all of a table that was small when the statement was prepared, and goes on so when it is not.
    """
    return column == column + sa.literal_column("0")


def _joined(statement: Statement) -> tuple[Any, list[Following]]:
    """Return an update with a table in place of its parameters, and what follows it."""
    clause: Any = statement.clause
    columns = (sa.column(each.name, each.type) for each in clause.exported_columns)
    stand_in = sa.table(CHANGED, *columns)
    followed = [_parameters(follow(stand_in)) for follow in statement.following]
    fed = {name: bind for each in followed for name, bind in each.items()}
    parameters = {**_parameters(clause), **fed}
    given = (
        sa.func.unnest(
            *(sa.bindparam(name, type_=Listed(bind.type)) for name, bind in parameters.items())
        )
        .table_valued(*(sa.column(name, bind.type) for name, bind in parameters.items()))
        .render_derived(name=GIVEN)
    )
    update = _replaced(clause, given.c).where(few(given.c[statement.keyed]))
    update = update.returning(*(given.c[name].label(f"{GIVEN}_{name}") for name in fed))
    for remembered in ("exported_columns", "_all_selected_columns"):
        # SQLAlchemy's copies go on with the columns that the original returned.
        update.__dict__.pop(remembered, None)

    def follow_given(follow: Following) -> Following:
        def build(changed: Any) -> Any:
            values = {name: changed.c[f"{GIVEN}_{name}"] for name in fed}
            return _replaced(follow(changed), values, within=changed)

        return build

    return update, [follow_given(follow) for follow in statement.following]


def _parameters(clause: Any) -> dict[str, Any]:
    """Return what a call gives, without the constants of the statement's own."""
    found: Iterable[Any] = visitors.iterate(clause)
    return {
        each.key: each
        for each in found
        if isinstance(each, sa.BindParameter) and not each.unique  # pyright: ignore[reportUnknownMemberType] - SQLAlchemy leaves its type open
    }


def _replaced(clause: Any, values: Any, *, within: Any = None) -> Any:
    """Return the clause with columns in place of its parameters, but for those `within` a part."""

    def replace(element: Any, **kw: Any) -> Any:
        del kw
        if isinstance(element, sa.BindParameter) and element.key in values:  # pyright: ignore[reportUnknownMemberType] - likewise
            return values[element.key]
        return None

    traverse: Any = visitors.replacement_traverse
    return traverse(clause, {"stop_on": [within]}, replace)
