"""Counts over one task's posts, made by the database: a row a slot, a band or an author."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tasks.database import Statement, Steps
from tasks.function import epoch_seconds
from tasks.models import Post, Task

POST = Post.table().c
TASK = Task.table().c

#: What a sum may say at most; and half of its bits, since SQLite refuses to add up beyond it.
_MOST = 2**63 - 1
_HALF: tuple[sa.ColumnElement[Any], ...] = (
    sa.literal_column("32"),
    sa.literal_column(str(2**32 - 1)),
)
#: Where the bands of likes begin: 0, then 1, 2, 5 and their tenfolds. Below 0 is a band as well.
EDGES: Sequence[int] = (0, *(step * 10**power for power in range(9) for step in (1, 2, 5)))
#: Authors that are named, those with the most posts first.
AUTHORS = 10

_OF_TASK = (
    POST.task_id == sa.bindparam("task_id"),
    sa.exists().where(TASK.id == POST.task_id, TASK.user_id == sa.bindparam("user_id")),
)
_AT = epoch_seconds(POST.created_time)
_SLOT: Any = (_AT - sa.bindparam("start", type_=sa.BigInteger)) // sa.bindparam(
    "width", type_=sa.BigInteger
)
_BAND: Any = sa.case(
    *((POST.likes < sa.literal_column(str(edge)), index) for index, edge in enumerate(EDGES)),
    else_=len(EDGES),
)

SUMMARY = Statement(
    sa.select(
        sa.func.count(),
        sa.func.count(POST.created_time),
        sa.func.min(_AT),
        sa.func.max(_AT),
        sa.func.count(POST.likes),
        sa.func.count(POST.author),
        sa.func.count(POST.author.distinct()),
    ).where(*_OF_TASK)
)
SLOTS = Statement(
    sa.select(_SLOT.label("slot"), sa.func.count())
    .where(*_OF_TASK, POST.created_time.is_not(None))
    .group_by(sa.literal_column("slot"))
)
BANDS = Statement(
    sa.select(_BAND.label("band"), sa.func.count())
    .where(*_OF_TASK, POST.likes.is_not(None))
    .group_by(sa.literal_column("band"))
)
_SUM = (
    sa.func.sum(POST.likes.bitwise_rshift(_HALF[0])),
    sa.func.sum(POST.likes.bitwise_and(_HALF[1])),
)
MOST_ACTIVE = Statement(
    sa.select(POST.author, sa.func.count().label("posts"), *_SUM)
    .where(*_OF_TASK, POST.author.is_not(None))
    .group_by(POST.author)
    .order_by(sa.text("posts DESC"), POST.author)
    .limit(AUTHORS)
)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many posts there are, and how many of them say what. Times are seconds since 1970."""

    posts: int
    dated: int
    first: int | None
    last: int | None
    liked: int
    named: int
    authors: int


def summary(user_id: int, task_id: int) -> Steps[Summary]:
    """Summarise a task's posts; nothing of a task that is not the user's."""
    rows = yield SUMMARY(user_id=user_id, task_id=task_id)
    return Summary(*rows[0])


def slots(user_id: int, task_id: int, *, start: int, width: int) -> Steps[dict[int, int]]:
    """Count posts by how many whole `width`s of seconds after `start` they were made."""
    rows = yield SLOTS(user_id=user_id, task_id=task_id, start=start, width=width)
    return {row[0]: row[1] for row in rows}


def bands(user_id: int, task_id: int) -> Steps[dict[int, int]]:
    """Count posts by the number of `EDGES` that their likes reach."""
    rows = yield BANDS(user_id=user_id, task_id=task_id)
    return {row[0]: row[1] for row in rows}


def most_active(user_id: int, task_id: int) -> Steps[list[tuple[str, int, int | None]]]:
    """Return the authors with the most posts, at most `AUTHORS`: name, posts, sum of likes.

    A sum beyond 64 bits, which JSON's encoder does not write, ends there.
    """
    rows = yield MOST_ACTIVE(user_id=user_id, task_id=task_id)
    return [(name, posts, _sum(upper, lower)) for name, posts, upper, lower in rows]


def _sum(upper: int | None, lower: int | None) -> int | None:
    if upper is None or lower is None:
        return None
    return max(-_MOST, min((int(upper) << 32) + int(lower), _MOST))
