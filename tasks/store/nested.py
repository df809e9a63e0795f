"""Windows of the posts and events of many tasks at once: one statement, however many tasks.

Each task's rows are numbered within the task and cut at the window's size. A task holds at most
500 posts, so the sort is small; the default orders walk the primary or the unique key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tasks.column import among, unindexed
from tasks.cursor import Form, Window
from tasks.database import LONG, Call, Row, Statement, Steps
from tasks.filter import PostOrder
from tasks.function import contains
from tasks.models import Post, Task, TaskEvent

TASK = Task.table().c
POST = Post.table().c
EVENT = TaskEvent.table().c


@dataclass(frozen=True, slots=True)
class _Order:
    """A total order of a task's rows: by `value`, missing ones last, then by `tie`."""

    tie: Any
    value: Any
    form: Form

    def cursor(self, record: Post | TaskEvent) -> str:
        """Return a row's cursor."""
        return self.form.encode([getattr(record, name) for name in self.key])

    @property
    def key(self) -> tuple[str, ...]:
        """Name the columns that a cursor holds."""
        return tuple(c.name for c in (self.value, self.tie) if c is not None)


def _by(value: Any, mark: str, *, time: bool = False) -> _Order:
    kinds = ("time" if time else "big", "small")
    return _Order(POST.position, value, Form(mark, kinds, nullable=frozenset({0})))


_POSTS: Mapping[PostOrder, _Order] = {
    PostOrder.POSITION: _Order(POST.position, None, Form("n", ("small",))),
    PostOrder.TIME: _by(POST.created_time, "t", time=True),
    PostOrder.LIKES: _by(POST.likes, "l"),
    PostOrder.COMMENTS: _by(POST.comments, "m"),
    PostOrder.SHARES: _by(POST.shares, "h"),
}
EVENT_FORM = Form("v", ("big",))
_EVENTS = _Order(EVENT.seq, None, EVENT_FORM)


class _Shape(NamedTuple):
    """What decides a statement's text. A tuple, as each read makes and hashes one.

    Of a cursor: absent, with a value, or without one.
    """

    order: PostOrder | None  #: None for events.
    descending: bool
    backward: bool
    after: bool | None
    before: bool | None
    columns: tuple[str, ...]
    search: bool = False
    single: bool = False  #: Of one task, whose rows need not be numbered: 230 µs instead of 390.


def post_cursor(order: PostOrder, record: Post) -> str:
    """Return a post's cursor in an order."""
    return _POSTS[order].cursor(record)


def post_key(order: PostOrder) -> tuple[str, ...]:
    """Name the columns that an order's cursors hold."""
    return _POSTS[order].key


def post_form(order: PostOrder) -> Form:
    """Return the form of an order's cursors."""
    return _POSTS[order].form


def event_cursor(record: TaskEvent) -> str:
    """Return an event's cursor."""
    return _EVENTS.cursor(record)


def posts(
    user_id: int,
    task_ids: Sequence[int],
    wanted: Window,
    order: PostOrder,
    *,
    descending: bool,
    search: str | None = None,
) -> Steps[dict[int, list[Post]]]:
    """Read the same window of each task's posts, and one more, in the direction of the walk.

    Tasks that are not the user's give nothing. With `search`, the list is of the posts whose
    message or author contains it.

    Raises:
        ValidationFailed: A cursor is none of this order.
    """
    rows = yield from post_rows(
        user_id, task_ids, wanted, order, Post.columns(), descending=descending, search=search
    )
    found: dict[int, list[Post]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Post.of(row))
    return found


def post_rows(
    user_id: int,
    task_ids: Sequence[int],
    wanted: Window,
    order: PostOrder,
    columns: tuple[str, ...],
    *,
    descending: bool,
    search: str | None = None,
) -> Steps[Sequence[Row]]:
    """Read the same of these columns alone, a task's rows together.

    Raises:
        ValidationFailed: A cursor is none of this order.
    """
    bounds = _bounds(_POSTS[order].form, wanted)
    shape = _shape(order, wanted, bounds, columns, descending=descending)
    if search:
        shape, bounds["search"] = shape._replace(search=True), search
    return (yield _call(shape, user_id, task_ids, wanted, bounds))


def events(
    user_id: int, task_ids: Sequence[int], wanted: Window, *, descending: bool
) -> Steps[dict[int, list[TaskEvent]]]:
    """Read the same window of each task's events, and one more, in the direction of the walk.

    Raises:
        ValidationFailed: A cursor is none of an event.
    """
    rows = yield from event_rows(
        user_id, task_ids, wanted, TaskEvent.columns(), descending=descending
    )
    found: dict[int, list[TaskEvent]] = {}
    for row in rows:
        record = TaskEvent.of(row)
        found.setdefault(record.task_id, []).append(record)
    return found


def event_rows(
    user_id: int,
    task_ids: Sequence[int],
    wanted: Window,
    columns: tuple[str, ...],
    *,
    descending: bool,
) -> Steps[Sequence[Row]]:
    """Read the same of these columns alone, a task's rows together.

    Raises:
        ValidationFailed: A cursor is none of an event.
    """
    bounds = _bounds(_EVENTS.form, wanted)
    shape = _shape(None, wanted, bounds, columns, descending=descending)
    return (yield _call(shape, user_id, task_ids, wanted, bounds))


def _bounds(form: Form, wanted: Window) -> dict[str, Any]:
    """Decode the cursors into parameters; a key's missing value gives none."""
    bounds: dict[str, Any] = {}
    for name, text in (("after", wanted.after), ("before", wanted.before)):
        if text:
            key = form.decode(text, argument=name)
            bounds[f"{name}_tie"] = key[-1]
            if len(key) > 1 and key[0] is not None:
                bounds[f"{name}_value"] = key[0]
    return bounds


def _shape(
    order: PostOrder | None,
    wanted: Window,
    bounds: Mapping[str, Any],
    columns: tuple[str, ...],
    *,
    descending: bool,
) -> _Shape:
    given = {
        name: f"{name}_value" in bounds if f"{name}_tie" in bounds else None
        for name in ("after", "before")
    }
    return _Shape(order, descending, wanted.backward, given["after"], given["before"], columns)


def _call(
    shape: _Shape,
    user_id: int,
    task_ids: Sequence[int],
    wanted: Window,
    bounds: Mapping[str, Any],
) -> Call:
    parameters = {"user_id": user_id, "size": wanted.size + 1, **bounds}
    if len(task_ids) == 1:
        return _statement(shape._replace(single=True))(task_id=task_ids[0], **parameters)
    return _statement(shape)(task_ids=list(task_ids), **parameters)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Statement:
    order = _EVENTS if shape.order is None else _POSTS[shape.order]
    owner: Any = EVENT if shape.order is None else POST
    inner = {name: owner[name] for name in ("task_id", *shape.columns)}
    which = TASK.id == sa.bindparam("task_id") if shape.single else among(TASK.id, "task_ids")
    owned = unindexed(TASK.user_id) == sa.bindparam("user_id")
    mine = sa.select(TASK.id).where(owned, which)
    mine = mine.scalar_subquery()
    conditions: list[Any] = [owner.task_id == mine if shape.single else owner.task_id.in_(mine)]
    if shape.after is not None:
        conditions.append(_after(order, descending=shape.descending, has_value=shape.after))
    if shape.before is not None:
        conditions.append(_before(order, descending=shape.descending, has_value=shape.before))
    if shape.search:
        wanted = sa.bindparam("search", type_=sa.Text)
        conditions.append(sa.or_(contains(POST.message, wanted), contains(POST.author, wanted)))
    sort = _sort(order, descending=shape.descending, backward=shape.backward)
    size = sa.bindparam("size", type_=sa.Integer)
    if shape.single:
        columns = [inner[name] for name in shape.columns]
        select = sa.select(*columns).where(*conditions).order_by(*sort).limit(size)
        return Statement(select, shared=0 if shape.search else LONG)
    number = sa.func.row_number().over(partition_by=owner.task_id, order_by=sort)
    numbered = sa.select(*inner.values(), number.label("place")).where(*conditions)
    ranked: Any = numbered.subquery("ranked")
    return Statement(
        sa.select(*(ranked.c[name] for name in shape.columns))
        .where(ranked.c.place <= size)
        .order_by(ranked.c.task_id, ranked.c.place),
        shared=0 if shape.search else LONG,  # It may take long, and nobody else is to wait for it.
    )


def _sort(order: _Order, *, descending: bool, backward: bool) -> list[Any]:
    if order.value is None:
        return [order.tie.desc() if descending != backward else order.tie.asc()]
    value = order.value.desc() if descending != backward else order.value.asc()
    value = value.nulls_first() if backward else value.nulls_last()
    return [value, order.tie.desc() if backward else order.tie.asc()]


def _after(order: _Order, *, descending: bool, has_value: bool) -> Any:
    tie = sa.bindparam("after_tie", type_=order.tie.type)
    if order.value is None:
        return order.tie < tie if descending else order.tie > tie
    if not has_value:
        return sa.and_(order.value.is_(None), order.tie > tie)
    value = sa.bindparam("after_value", type_=order.value.type)
    farther = order.value < value if descending else order.value > value
    return sa.or_(farther, sa.and_(order.value == value, order.tie > tie), order.value.is_(None))


def _before(order: _Order, *, descending: bool, has_value: bool) -> Any:
    tie = sa.bindparam("before_tie", type_=order.tie.type)
    if order.value is None:
        return order.tie > tie if descending else order.tie < tie
    if not has_value:
        return sa.or_(order.value.is_not(None), order.tie < tie)
    value = sa.bindparam("before_value", type_=order.value.type)
    nearer = order.value > value if descending else order.value < value
    return sa.or_(nearer, sa.and_(order.value == value, order.tie < tie))
