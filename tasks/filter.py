"""Which of an owner's tasks, and in which order, a connection shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from tasks.errors import ValidationFailed
from tasks.function import is_in
from tasks.models import Task, TaskStatus
from tasks.validation import MAX_GROUP_ID

#: Values that one list of a filter may hold.
MAX_VALUES: Final = 100
#: Characters that may be searched for.
MAX_SEARCH: Final = 200


class TaskOrder(StrEnum):
    """What tasks can be ordered by; ties are ordered by creation, then by id."""

    CREATED = "created"
    STATUS = "status"  #: Alphabetically.
    PRIORITY = "priority"
    COMPLETED = "completed"  #: Tasks that have not ended come last, in both directions.


class PostOrder(StrEnum):
    """What posts can be ordered by; without the value they come last, ties by position."""

    POSITION = "position"  #: As they were stored, which is newest first for most sources.
    TIME = "time"
    LIKES = "likes"
    COMMENTS = "comments"
    SHARES = "shares"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """All conditions must hold; in a list, one of its values. None sets no condition.

    Times are aware; `since` is inclusive, `before` is not.
    """

    status: Sequence[TaskStatus] | None = None
    platform: Sequence[str] | None = None
    group_id: Sequence[str] | None = None  #: As the client wrote it when creating.
    created_since: datetime | None = None
    created_before: datetime | None = None
    completed_since: datetime | None = None
    completed_before: datetime | None = None
    search: str | None = None  #: Stands in the group, its name or the target, in any case.

    def check(self) -> None:
        """Refuse what no database should be asked.

        Raises:
            ValidationFailed: With every failing field.
        """
        errors: dict[str, list[str]] = {}
        for name in ("status", "platform", "group_id"):
            values: Sequence[str] | None = getattr(self, name)
            if values is not None and len(values) > MAX_VALUES:
                errors[name] = [f"The {name} filter takes at most {MAX_VALUES} values."]
            elif any("\0" in value or len(value) > MAX_GROUP_ID for value in values or ()):
                errors[name] = [f"A value of the {name} filter has 1 to {MAX_GROUP_ID} characters."]
        errors |= search_errors(self.search)
        if errors:
            raise ValidationFailed(errors)

    def matches(self, task: Task) -> bool:
        """Say whether a task is one of those, as the database would."""
        return (
            _among(task.status, self.status)
            and _among(task.platform, self.platform)
            and _among(task.group_id, self.group_id)
            and _between(task.created_at, self.created_since, self.created_before)
            and _between(task.completed_at, self.completed_since, self.completed_before)
            and _found(self.search, task.group_id, task.group_name, task.target)
        )

    def given(self) -> Mapping[str, Any]:
        """Return the conditions that are set, as the names and values of parameters."""
        values: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "created_since",
                "created_before",
                "completed_since",
                "completed_before",
            )
            if getattr(self, name) is not None
        }
        if self.status is not None:
            texts = sorted({status.value for status in self.status})
            # One status is an equality, which an index serves in order; several are a list.
            values |= {"status": texts[0]} if len(texts) == 1 else {"statuses": texts}
        if self.platform is not None:
            names = sorted(set(self.platform))
            values |= {"platform": names[0]} if len(names) == 1 else {"platforms": names}
        if self.group_id is not None:
            values["group_ids"] = sorted(set(self.group_id))
        if self.search:
            values["search"] = self.search
        return values


def search_errors(search: str | None) -> dict[str, list[str]]:
    """Say what is wrong with a text that is searched for, by field."""
    if search is not None and ("\0" in search or len(search) > MAX_SEARCH):
        return {"search": [f"A search has at most {MAX_SEARCH} characters."]}
    return {}


def _found(search: str | None, *texts: str | None) -> bool:
    return not search or any(is_in(text, search) for text in texts)


def _among(value: str, wanted: Sequence[str] | None) -> bool:
    return wanted is None or value in wanted


def _between(value: datetime | None, since: datetime | None, before: datetime | None) -> bool:
    if since is None and before is None:
        return True
    if value is None:
        return False
    return (since is None or value >= since) and (before is None or value < before)
