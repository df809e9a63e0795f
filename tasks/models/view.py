"""What events, stored answers and the command line show of a task."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tasks.models.task import Task

#: The columns that an event shows. `group_id` and the rest keep their column's name.
PUBLIC_COLUMNS = (
    "id",
    "group_id",
    "group_name",
    "platform",
    "target",
    "max_posts",
    "priority",
    "status",
    "worker_id",
    "attempt",
    "failures",
    "not_before",
    "posts_count",
    "created_at",
    "assigned_at",
    "started_at",
    "completed_at",
    "updated_at",
    "stop_reason",
    "error_code",
    "error_message",
    "receipt",
    "revision",
    "schedule_id",
)
#: Those of them that hold a time.
PUBLIC_TIMES = tuple(
    name for name in PUBLIC_COLUMNS if name.endswith("_at") or name == "not_before"
)


def public(task: Task) -> Mapping[str, Any]:
    """Return what an event shows of a task, with times as ISO 8601 UTC texts.

    The database builds the same for the log (`store/event.py`).
    """
    return public_of(task.__dict__)


def public_of(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the same of a task's columns by name."""
    shown = {name: columns[name] for name in PUBLIC_COLUMNS}
    for name in PUBLIC_TIMES:
        if (moment := shown[name]) is not None:
            shown[name] = moment.isoformat(timespec="microseconds")
    return shown


def of_public(data: Mapping[str, Any], *, user_id: int) -> Task:
    """Return the task that an event or a stored answer shows, as far as it shows it."""
    values: dict[str, Any] = dict.fromkeys(Task.columns())
    values.update((name, data.get(name)) for name in PUBLIC_COLUMNS)
    values.update(
        (name, datetime.fromisoformat(values[name])) for name in PUBLIC_TIMES if values[name]
    )
    values["user_id"] = user_id
    return Task.of(tuple(values.values()))
