"""How the documented API prints things: keys, their order, their defaults, and times.

The shapes are frozen. New abilities go to GraphQL or to new paths, never into these keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from api.rest.links import Links
from tasks import models
from tasks.ingest import Ingested
from tasks.service import SummaryPage, TaskResult

#: Times are UTC, in whole seconds, with `Z`: `2024-01-01T10:00:00Z`.
TIMES: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS

Json = dict[str, Any]


class JsonResponse(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode in UTF-8, with datetimes as the document prints them."""
        return orjson.dumps(content, option=TIMES)


#: The columns that creating, updating and listing show, in the document's order.
_CREATED: Final = (
    "id",
    "group_id",
    "group_name",
    "max_posts",
    "priority",
    "status",
    "created_at",
)


def created(task: models.Task) -> Json:
    """Print a task as creating and updating it answer.

    Reads the instance's dictionary: the mapper's attributes took a fifth of a list's time.
    """
    values = vars(task)
    return {name: values[name] for name in _CREATED}


def listed(task: models.TaskSummary) -> Json:
    """Print a task as the list shows it; its columns stand in the document's order."""
    printed = task._asdict()
    posts_count = printed.pop("posts_count")
    has_result = task.status == models.TaskStatus.COMPLETED
    printed["has_result"] = has_result
    printed["posts_count"] = posts_count if has_result else 0
    return printed


def page(tasks: SummaryPage, links: Links) -> Json:
    """Print a page of the list."""
    return {
        "status": "success",
        "data": [listed(task) for task in tasks.tasks],
        "meta": links.meta(),
        "links": links.links(),
    }


def detail(task: models.Task) -> Json:
    """Print a task with when and how it ended; `result` is null until it has completed."""
    completed = task.status == models.TaskStatus.COMPLETED
    return {
        **created(task),
        "completed_at": task.completed_at,
        "result": _counts(task) if completed else None,
    }


def watched(task: models.Task) -> Json:
    """Print a task as of an event: with how far it has got, and how it ended."""
    return {
        **created(task),
        "posts_count": task.posts_count,
        "completed_at": task.completed_at,
        "stop_reason": task.stop_reason,
        "error_code": task.error_code,
        "error_message": task.error_message,
    }


def reset(task: models.Task) -> Json:
    """Print what a reset shows of the task."""
    return {
        "id": task.id,
        "status": task.status,
        "worker_id": task.worker_id,
        "completed_at": task.completed_at,
    }


def result(found: TaskResult) -> Json:
    """Print a completed task's posts."""
    task = found.task
    return {
        "task": {"id": task.id, "group_id": task.group_id, "status": task.status},
        "result": _counts(task),
        "posts": [_post(post) for post in found.posts],
    }


def ingested(found: Ingested) -> Json:
    """Print what became of a batch of posts, and how far the task has got by it."""
    task = found.task
    return {
        "id": task.id,
        "status": task.status,
        "max_posts": task.max_posts,
        "posts_count": task.posts_count,
        "added": found.added,
        "duplicates": found.duplicates,
        "surplus": found.surplus,
    }


def success(data: Json, *, text: str | None = None, status: int = 200) -> Response:
    """Answer with the document's envelope."""
    said = {} if text is None else {"message": text}
    return JsonResponse({"status": "success", **said, "data": data}, status)


def message(
    text: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Answer with a bare message, as some of the document's answers have it."""
    return JsonResponse({"message": text, **more}, status, headers)


def error(
    text: str,
    *,
    status: int,
    headers: Mapping[str, str] | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
    error_id: str | None = None,
) -> Response:
    """Answer with the document's error envelope."""
    body: Json = {"status": "error", "message": text}
    if errors is not None:
        body["errors"] = errors
    if error_id is not None:
        body["error_id"] = error_id
    return JsonResponse(body, status, headers)


def _counts(task: models.Task) -> Json:
    return {"posts_count": task.posts_count, "duration_seconds": _duration_seconds(task)}


def _duration_seconds(task: models.Task) -> int:
    """Count whole seconds from the first assignment since the last reset to the end.

    Posts that a client sends itself have no worker, hence no assignment: they count from
    their first batch.
    """
    begun = task.assigned_at or task.started_at
    if begun is None or task.completed_at is None:
        return 0
    return max(0, int((task.completed_at - begun).total_seconds()))


def _post(post: models.Post) -> Json:
    """Print a post. The document knows no null here: unknown numbers are 0, texts empty."""
    return {
        "id": post.post_id,
        "message": post.message or "",
        "author": post.author or "",
        "created_time": post.created_time,
        "likes": post.likes or 0,
        "comments": post.comments or 0,
        "shares": post.shares or 0,
    }
