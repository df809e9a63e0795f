"""The posts of a task."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tasks.database import Statement, Steps
from tasks.models import Post

POST = Post.table().c

INSERT = Statement(sa.insert(Post).values({name: sa.bindparam(name) for name in Post.columns()}))
OF_TASK = Statement(
    sa.select(*POST).where(POST.task_id == sa.bindparam("task_id")).order_by(POST.position)
)
IDS = Statement(sa.select(POST.post_id).where(POST.task_id == sa.bindparam("task_id")))


def insert(posts: Sequence[Mapping[str, Any]]) -> Steps[None]:
    """Store posts. The unique key on task and post stands against a worker that forgot one."""
    yield INSERT.each(posts)


def of_task(task_id: int) -> Steps[list[Post]]:
    """Return a task's posts in the order in which they were stored, at most 500."""
    rows = yield OF_TASK(task_id=task_id)
    return [Post.of(row) for row in rows]


def ids(task_id: int) -> Steps[set[str]]:
    """Return the ids of the posts that a task has."""
    rows = yield IDS(task_id=task_id)
    return {row[0] for row in rows}
