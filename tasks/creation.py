"""The transactions that create tasks, each answered once for each idempotency key."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks import idempotency, models
from tasks.database import Steps
from tasks.ports import Target
from tasks.principal import Principal
from tasks.store import queue
from tasks.store import task as row
from tasks.validation import Idempotency, NewTask


def values(
    principal: Principal, new: NewTask, target: Target, correlation_id: str | None
) -> dict[str, Any]:
    """Return the columns of a task to create."""
    return {
        "user_id": principal.user_id,
        "group_id": new.group_id,
        "group_name": new.group_name,
        "platform": target.platform,
        "target": target.target,
        "max_posts": new.max_posts,
        "priority": new.priority,
        "correlation_id": correlation_id,
    }


def one(values: dict[str, Any], once: Idempotency | None) -> Steps[models.Task]:
    """Insert one task, or return what the same request was answered before."""
    user_id: int = values["user_id"]
    kept = yield from idempotency.answered(user_id, once, what="body")
    if kept is not None:
        return models.of_public(kept, user_id=user_id)
    yield from _enter([values])
    task = yield from row.insert(values)
    yield from idempotency.remember(user_id, once, models.public(task))
    return task


def many(rows: Sequence[dict[str, Any]], once: Idempotency | None) -> Steps[list[models.Task]]:
    """Insert tasks of one owner, or return what the same request was answered before."""
    user_id: int = rows[0]["user_id"]
    kept = yield from idempotency.answered(user_id, once, what="body")
    if kept is not None:
        return [models.of_public(each, user_id=user_id) for each in kept["tasks"]]
    yield from _enter(rows)
    tasks: list[models.Task] = []
    for values in rows:
        task = yield from row.insert(values)
        tasks += [task]
    yield from idempotency.remember(
        user_id, once, {"tasks": [models.public(task) for task in tasks]}
    )
    return tasks


def _enter(rows: Sequence[Mapping[str, Any]]) -> Steps[None]:
    """Put the owner in the line, unless no worker is to take any of the tasks."""
    if any(values["platform"] != models.PUSH for values in rows):
        yield from queue.enter(rows[0]["user_id"])
