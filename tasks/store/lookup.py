"""Many rows by their ids at once, always within one owner's."""

from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa

from tasks.column import among, unindexed
from tasks.database import SHORT, Row, Statement, Steps
from tasks.models import ApiToken, Post, Task
from tasks.store.queue import CLAIMABLE, RUNNING_BY_PLATFORM, RUNNING_OF

TASK = Task.table().c
POST = Post.table().c
TOKEN = ApiToken.table().c

POSTS = Statement(
    sa.select(*POST)
    .join(Task, TASK.id == POST.task_id)
    .where(
        unindexed(TASK.user_id) == sa.bindparam("user_id"),
        among(POST.task_id, "task_ids"),
        among(POST.post_id, "post_ids"),
    )
)
TOKENS = Statement(
    sa.select(*TOKEN).where(TOKEN.user_id == sa.bindparam("user_id"), among(TOKEN.id, "ids"))
)
#: In the order in which an owner's tasks are claimed.
LINE = Statement(
    sa.select(TASK.id)
    .where(TASK.user_id == sa.bindparam("user_id"), *CLAIMABLE)
    .order_by(TASK.priority.desc(), TASK.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def tasks(user_id: int, ids: Sequence[int]) -> Steps[dict[int, Task]]:
    """Return those of the tasks that are the user's, by id."""
    rows = yield from task_rows(user_id, ids, Task.columns())
    return {task.id: task for task in (Task.of(row) for row in rows)}


def task_rows(user_id: int, ids: Sequence[int], columns: tuple[str, ...]) -> Steps[Sequence[Row]]:
    """Return these columns of those of the tasks that are the user's, in no order."""
    return (yield _some(columns)(user_id=user_id, ids=list(ids)))


@lru_cache(maxsize=256)
def _some(columns: tuple[str, ...]) -> Statement:
    mine = (unindexed(TASK.user_id) == sa.bindparam("user_id"), among(TASK.id, "ids"))
    return Statement(sa.select(*(TASK[name] for name in columns)).where(*mine), shared=SHORT)


def posts(user_id: int, keys: Sequence[tuple[int, str]]) -> Steps[dict[tuple[int, str], Post]]:
    """Return those of the posts, named by task and platform's id, whose task is the user's."""
    task_ids = sorted({task_id for task_id, _ in keys})
    rows = yield POSTS(
        user_id=user_id, task_ids=task_ids, post_ids=sorted({post_id for _, post_id in keys})
    )
    found = {(post.task_id, post.post_id): post for post in (Post.of(row) for row in rows)}
    return {key: found[key] for key in keys if key in found}


def tokens(user_id: int, ids: Sequence[int]) -> Steps[dict[int, ApiToken]]:
    """Return those of the tokens that are the user's, by id."""
    rows = yield TOKENS(user_id=user_id, ids=list(ids))
    return {token.id: token for token in (ApiToken.of(row) for row in rows)}


def line(user_id: int, *, limit: int) -> Steps[list[int]]:
    """Return the ids of an owner's claimable tasks in the order of the claim, at most `limit`."""
    rows = yield LINE(user_id=user_id, limit=limit)
    return [row[0] for row in rows]


def running(user_id: int) -> Steps[int]:
    """Count an owner's tasks that a worker holds."""
    rows = yield RUNNING_OF(user_id=user_id)
    return rows[0][0]


def running_by_platform() -> Steps[dict[str, int]]:
    """Count the tasks of everybody that workers hold, by platform."""
    rows = yield RUNNING_BY_PLATFORM()
    return {row[0]: row[1] for row in rows}
