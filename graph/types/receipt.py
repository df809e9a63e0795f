"""The receipt of a task, and its failure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from graph.types.description import described
from graph.types.enums import StopReason
from tasks import models
from tasks import receipt as stored


@described
@strawberry.type
class SkippedEntries:
    """Entries that a source held and that are no posts, of one kind."""

    reason: str = strawberry.field(description="What they are, such as `repost`.")
    count: int = strawberry.field(description="How many.")


@described
@strawberry.type
class Receipt:
    """What a task's runs did since it was created or last reset."""

    requested: int = strawberry.field(description="The `maxPosts` asked for.")
    collected: int = strawberry.field(description="Posts stored.")
    duplicates: int = strawberry.field(description="Posts that came again and were dropped.")
    skipped: list[SkippedEntries] = strawberry.field(description="Entries that are no posts.")
    pages: int = strawberry.field(description="Pages stored.")
    calls: int = strawberry.field(description="Requests sent to the platform, repeats included.")
    waited_seconds: float = strawberry.field(description="Time spent waiting for the platform.")
    newest_at: datetime | None = strawberry.field(description="Time of the newest post.")
    oldest_at: datetime | None = strawberry.field(description="Time of the oldest post.")
    auth_mode: str | None = strawberry.field(description="How the platform knew us.")
    stop_reason: StopReason | None = strawberry.field(description="Why the last run stopped.")
    complete: bool = strawberry.field(description="Whether nothing that was asked for is missing.")

    @classmethod
    def of(cls, record: Mapping[str, Any] | None, *, requested: int) -> "Receipt | None":
        """Convert a stored receipt, if there is one."""
        if record is None:
            return None
        read = stored.Receipt.of(record, requested=requested)
        values = {name: getattr(read, name) for name in stored.Receipt.model_fields}
        values["skipped"] = [SkippedEntries(reason=r, count=n) for r, n in read.skipped.items()]
        values["stop_reason"] = StopReason(read.stop_reason) if read.stop_reason else None
        return cls(**values)


@described
@strawberry.type
class TaskError:
    """What went wrong in a task's last run."""

    code: str = strawberry.field(description="A stable code, such as `SOURCE_NOT_FOUND`.")
    message: str = strawberry.field(description="One sentence for people.")

    @classmethod
    def of(cls, record: models.Task) -> "TaskError | None":
        """Convert a task's error, if it has one."""
        if record.error_code is None:
            return None
        return cls(code=record.error_code, message=record.error_message or "")
