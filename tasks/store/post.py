"""The posts of a task."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tasks.column import Json, json_elements, json_item, utc_text
from tasks.database import Statement, Steps
from tasks.models import Post
from tasks.ports import Collected

POST = Post.table().c

#: What a row of the parameter `posts` holds, in this order.
LISTED = tuple(name for name in Post.columns() if name != "task_id")


def stored(changed: sa.FromClause) -> sa.Executable:
    """Store the parameter `posts` (from `listed`) as posts of the task that was changed.

    One JSON array, because a statement has one text and few parameters, however many posts.
    The unique key on task and post stands against a worker that forgot one.
    """
    posts = json_elements(sa.bindparam("posts", type_=Json())).table_valued("value", name="listed")
    values = [json_item(posts.c.value, at, POST[name].type) for at, name in enumerate(LISTED)]
    rows = sa.select(changed.c.id, *values).select_from(changed.join(posts, sa.true()))
    return sa.insert(Post).from_select(["task_id", *LISTED], rows)


OF_TASK = Statement(
    sa.select(*POST).where(POST.task_id == sa.bindparam("task_id")).order_by(POST.position)
)
BETWEEN = Statement(
    sa.select(*POST)
    .where(
        POST.task_id == sa.bindparam("task_id"),
        POST.position >= sa.bindparam("first", type_=sa.Integer),
        POST.position < sa.bindparam("end", type_=sa.Integer),
    )
    .order_by(POST.position)
)
IDS = Statement(sa.select(POST.post_id).where(POST.task_id == sa.bindparam("task_id")))


def listed(posts: Sequence[Collected], *, first: int) -> list[list[Any]]:
    """Return posts as the parameter of `stored`; the first of them stands at position `first`."""
    return [
        [
            first + index,
            each.id,
            each.message,
            each.author,
            each.url,
            None if each.created_time is None else utc_text(each.created_time),
            each.likes,
            each.comments,
            each.shares,
        ]
        for index, each in enumerate(posts)
    ]


def of_task(task_id: int) -> Steps[list[Post]]:
    """Return a task's posts in the order in which they were stored, at most 500."""
    rows = yield OF_TASK(task_id=task_id)
    return [Post.of(row) for row in rows]


def between(task_id: int, first: int, end: int) -> Steps[list[Post]]:
    """Return a task's posts at positions from `first` up to, but without, `end`."""
    rows = yield BETWEEN(task_id=task_id, first=first, end=end)
    return [Post.of(row) for row in rows]


def ids(task_id: int) -> Steps[set[str]]:
    """Return the ids of the posts that a task has."""
    rows = yield IDS(task_id=task_id)
    return {row[0] for row in rows}
