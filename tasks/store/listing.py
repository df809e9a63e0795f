"""Lists of an owner's tasks, a page at a time by offset, and how long they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from tasks.database import Call, Statement, Steps
from tasks.models import Task, TaskStatus, TaskSummary
from tasks.store.task import TASK
from tasks.validation import Listing

SUMMARY = tuple(TASK[name] for name in TaskSummary._fields)

#: A tie in any order is broken by the newest, so that pages of an unchanged list never overlap.
_ORDERS: Mapping[tuple[str, bool], tuple[sa.ColumnElement[Any], ...]] = {
    ("created_at", True): (TASK.created_at.desc(), TASK.id.desc()),
    ("created_at", False): (TASK.created_at.asc(), TASK.id.asc()),
    ("status", True): (TASK.status.desc(), TASK.created_at.desc(), TASK.id.desc()),
    ("status", False): (TASK.status.asc(), TASK.created_at.desc(), TASK.id.desc()),
    ("priority", True): (TASK.priority.desc(), TASK.created_at.desc(), TASK.id.desc()),
    ("priority", False): (TASK.priority.asc(), TASK.created_at.desc(), TASK.id.desc()),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a list statement's text depends on."""

    sort_by: str
    descending: bool
    filtered: bool
    skipping: bool
    summary: bool


@lru_cache(maxsize=128)
def _page(shape: Shape) -> Statement:
    """Build a list statement. One that skips does so on the index alone, then reads the page."""
    order = _ORDERS[shape.sort_by, shape.descending]
    columns = SUMMARY if shape.summary else tuple(TASK)
    mine = [TASK.user_id == sa.bindparam("user_id")]
    if shape.filtered:
        mine.append(TASK.status == sa.bindparam("status"))
    limit = sa.bindparam("limit", type_=sa.Integer)
    if not shape.skipping:
        return Statement(sa.select(*columns).where(*mine).order_by(*order).limit(limit))
    ids = sa.select(TASK.id).where(*mine).order_by(*order).limit(limit)
    ids = ids.offset(sa.bindparam("offset", type_=sa.BigInteger))
    on_page = TASK.id.in_(ids.scalar_subquery())
    return Statement(sa.select(*columns).where(on_page).order_by(*order))


_MINE = sa.select(sa.func.count()).where(TASK.user_id == sa.bindparam("user_id"))
COUNT = Statement(_MINE)
COUNT_STATUS = Statement(_MINE.where(TASK.status == sa.bindparam("status")))


def page(user_id: int, listing: Listing) -> Steps[list[Task]]:
    """Return one page of an owner's tasks."""
    rows = yield _call(user_id, listing, summary=False)
    return [Task.of(row) for row in rows]


def summaries(
    user_id: int, listing: Listing, *, counted: bool
) -> Steps[tuple[list[TaskSummary], int | None]]:
    """Return one page of an owner's tasks in brief, and, if `counted`, how many there are."""
    rows = yield _call(user_id, listing, summary=True)
    tasks = [TaskSummary._make(row) for row in rows]
    if listing.page == 1 and len(tasks) < listing.per_page:
        return tasks, len(tasks)
    if not counted:
        return tasks, None
    return tasks, (yield from count(user_id, status=listing.status))


def count(user_id: int, *, status: TaskStatus | None) -> Steps[int]:
    """Count an owner's tasks, all or those of one status."""
    if status is None:
        rows = yield COUNT(user_id=user_id)
    else:
        rows = yield COUNT_STATUS(user_id=user_id, status=status.value)
    return rows[0][0]


def _call(user_id: int, listing: Listing, *, summary: bool) -> Call:
    shape = Shape(
        sort_by=listing.sort_by.value,
        descending=listing.descending,
        filtered=listing.status is not None,
        skipping=listing.offset > 0,
        summary=summary,
    )
    parameters: dict[str, Any] = {"user_id": user_id, "limit": listing.per_page}
    if listing.status is not None:
        parameters["status"] = listing.status.value
    if shape.skipping:
        parameters["offset"] = listing.offset
    return _page(shape)(**parameters)
