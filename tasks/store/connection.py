"""Windows of an owner's tasks by keyset: the same cost on the first page and the thousandth.

A statement is built once for each shape (which filters, which order, which direction, which
cursors) and kept. Every order ends in the id, so that it is total, and walks one index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tasks.column import among
from tasks.cursor import Form, Window
from tasks.database import SHORT, Row, Statement, Steps
from tasks.filter import TaskFilter, TaskOrder
from tasks.function import contains
from tasks.models import Task

TASK = Task.table().c


@dataclass(frozen=True, slots=True)
class _Order:
    """An order's columns, and the form of its cursors."""

    columns: tuple[Any, ...]
    form: Form


_ORDERS: Mapping[TaskOrder, _Order] = {
    TaskOrder.CREATED: _Order((TASK.created_at, TASK.id), Form("c", ("time", "big"))),
    TaskOrder.STATUS: _Order(
        (TASK.status, TASK.created_at, TASK.id), Form("s", ("text", "time", "big"))
    ),
    TaskOrder.PRIORITY: _Order(
        (TASK.priority, TASK.created_at, TASK.id), Form("p", ("small", "time", "big"))
    ),
    TaskOrder.COMPLETED: _Order(
        (TASK.completed_at, TASK.id), Form("e", ("time", "big"), nullable=frozenset({0}))
    ),
}

_CONDITIONS: Mapping[str, Any] = {
    "status": TASK.status == sa.bindparam("status"),
    "statuses": among(TASK.status, "statuses"),
    "platform": TASK.platform == sa.bindparam("platform"),
    "platforms": among(TASK.platform, "platforms"),
    "group_ids": among(TASK.group_id, "group_ids"),
    "created_since": TASK.created_at >= sa.bindparam("created_since"),
    "created_before": TASK.created_at < sa.bindparam("created_before"),
    "completed_since": TASK.completed_at >= sa.bindparam("completed_since"),
    "completed_before": TASK.completed_at < sa.bindparam("completed_before"),
    "search": sa.or_(
        *(
            contains(column, sa.bindparam("search", type_=sa.Text))
            for column in (TASK.group_id, TASK.group_name, TASK.target)
        )
    ),
}


class _Shape(NamedTuple):
    """What decides a statement's text. A tuple, as each read makes and hashes one."""

    order: TaskOrder
    filters: frozenset[str]
    descending: bool  #: The list's direction.
    backward: bool  #: Whether it is walked from its end.
    after: bool
    before: bool
    ended: bool | None = None  #: Of an order with missing values: which part of the list.
    columns: tuple[str, ...] = Task.columns()


def cursor(order: TaskOrder, task: Task) -> str:
    """Return a task's cursor in an order."""
    return form(order).encode([getattr(task, name) for name in key(order)])


def key(order: TaskOrder) -> tuple[str, ...]:
    """Name the columns that an order's cursors hold."""
    return tuple(column.name for column in _ORDERS[order].columns)


def form(order: TaskOrder) -> Form:
    """Return the form of an order's cursors."""
    return _ORDERS[order].form


def window(
    user_id: int, wanted: Window, where: TaskFilter, order: TaskOrder, *, descending: bool
) -> Steps[list[Task]]:
    """Read a window's tasks in the direction of the walk, and one more if there is one.

    Raises:
        ValidationFailed: A cursor is none of this order.
    """
    found = yield from rows(user_id, wanted, where, order, Task.columns(), descending=descending)
    return [Task.of(row) for row in found]


def rows(
    user_id: int,
    wanted: Window,
    where: TaskFilter,
    order: TaskOrder,
    columns: tuple[str, ...],
    *,
    descending: bool,
) -> Steps[list[Row]]:
    """Read the same of these columns alone.

    Raises:
        ValidationFailed: A cursor is none of this order.
    """
    decode = form(order).decode
    after = wanted.after and decode(wanted.after, argument="after")
    before = wanted.before and decode(wanted.before, argument="before")
    filters = where.given()
    found: list[Row] = []
    for ended in _parts(order, backward=wanted.backward):
        bounds = _bounds(after or None, before or None, ended=ended)
        if bounds is None:
            continue
        shape = _Shape(
            order,
            frozenset(filters),
            descending,
            wanted.backward,
            after="after_0" in bounds,
            before="before_0" in bounds,
            ended=ended,
            columns=columns,
        )
        limit = wanted.size + 1 - len(found)
        found += yield _statement(shape)(user_id=user_id, limit=limit, **filters, **bounds)
        if len(found) > wanted.size:
            break
    return found


def count(user_id: int, where: TaskFilter) -> Steps[int]:
    """Count an owner's tasks that a filter lets through."""
    filters = where.given()
    rows = yield _count(frozenset(filters))(user_id=user_id, **filters)
    return rows[0][0]


def _parts(order: TaskOrder, *, backward: bool) -> Sequence[bool | None]:
    """Name the parts of a list in the order of the walk: those with a value, then the rest."""
    if order is not TaskOrder.COMPLETED:
        return (None,)
    return (False, True) if backward else (True, False)


def _bounds(
    after: tuple[Any, ...] | None, before: tuple[Any, ...] | None, *, ended: bool | None
) -> dict[str, Any] | None:
    """Return the cursors' parameters for one part of the list; None if it lies outside them."""
    if ended is True:
        if after is not None and after[0] is None:
            return None
        if before is not None and before[0] is None:
            before = None
    elif ended is False:
        if before is not None and before[0] is not None:
            return None
        after = after[1:] if after is not None and after[0] is None else None
        before = before[1:] if before is not None else None
    return {
        f"{name}_{index}": value
        for name, key in (("after", after), ("before", before))
        for index, value in enumerate(key or ())
    }


@lru_cache(maxsize=1024)
def _statement(shape: _Shape) -> Statement:
    columns = _ORDERS[shape.order].columns
    conditions: list[Any] = [TASK.user_id == sa.bindparam("user_id")]
    conditions += [_CONDITIONS[name] for name in sorted(shape.filters)]
    if shape.ended is not None:
        first = columns[0]
        conditions.append(first.is_not(None) if shape.ended else first.is_(None))
        columns = columns if shape.ended else columns[1:]
    if shape.after:
        conditions.append(_beyond(columns, "after", greater=not shape.descending))
    if shape.before:
        conditions.append(_beyond(columns, "before", greater=shape.descending))
    falling = shape.descending != shape.backward
    order = [column.desc() if falling else column.asc() for column in columns]
    return Statement(
        sa.select(*(TASK[name] for name in shape.columns))
        .where(*conditions)
        .order_by(*order)
        .limit(sa.bindparam("limit", type_=sa.Integer)),
        # A search may take long, and nobody else is to wait for it.
        shared=0 if "search" in shape.filters else SHORT,
    )


def _beyond(columns: Sequence[Any], name: str, *, greater: bool) -> Any:
    """Compare whole keys as rows, which both databases answer by a range of the index."""
    key = sa.tuple_(*columns)
    place = sa.tuple_(
        *(
            sa.bindparam(f"{name}_{index}", type_=column.type)
            for index, column in enumerate(columns)
        )
    )
    return key > place if greater else key < place


@lru_cache(maxsize=256)
def _count(filters: frozenset[str]) -> Statement:
    conditions = [_CONDITIONS[name] for name in sorted(filters)]
    return Statement(
        sa.select(sa.func.count()).where(TASK.user_id == sa.bindparam("user_id"), *conditions)
    )
