"""A task's events and their connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from graph.types.connection import PageInfo
from graph.types.description import described
from graph.types.enums import StopReason, TaskEventType, TaskStatus
from graph.types.receipt import Receipt, TaskError
from graph.types.scalars import BigInt
from tasks import models
from tasks.cursor import Slice
from tasks.models import EventType


@described
@strawberry.type
class TaskSnapshot:
    """A task as it was after a change.

    It has no id, so that a client's cache does not take it for the task as it is now.
    """

    status: TaskStatus = strawberry.field(description="Where it stood.")
    group_name: str | None = strawberry.field(description="The name that the client gave it.")
    max_posts: int = strawberry.field(description="How many posts were wanted.")
    priority: int = strawberry.field(description="Higher is served first.")
    posts_count: int = strawberry.field(description="How many posts were stored.")
    not_before: datetime | None = strawberry.field(description="Not to run before.")
    stop_reason: StopReason | None = strawberry.field(description="Why the run ended.")
    error: TaskError | None = strawberry.field(description="What went wrong.")
    receipt: Receipt | None = strawberry.field(description="What the runs had done.")

    @classmethod
    def of(cls, record: models.Task) -> "TaskSnapshot":
        """Convert what an event shows of a task."""
        return cls(
            status=TaskStatus(record.status),
            group_name=record.group_name,
            max_posts=record.max_posts,
            priority=record.priority,
            posts_count=record.posts_count,
            not_before=record.not_before,
            stop_reason=StopReason(record.stop_reason) if record.stop_reason else None,
            error=TaskError.of(record),
            receipt=Receipt.of(record.receipt, requested=record.max_posts),
        )

    @classmethod
    def at(cls, kind: str, data: Mapping[str, Any]) -> "TaskSnapshot | None":
        """Convert what an event of this type holds; a deletion shows nothing."""
        gone = kind == EventType.DELETED
        return None if gone else cls.of(models.of_public(data, user_id=0))


@described
@strawberry.type
class TaskEvent:
    """One visible change of a task. `seq` starts at 1 and has no gaps within a task."""

    record: strawberry.Private[models.TaskEvent]
    seq: BigInt = strawberry.field(description="Which of the task's events it is.")
    type: TaskEventType = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When.")

    @strawberry.field
    def snapshot(self) -> TaskSnapshot | None:
        """The task after the change; null once it is deleted."""
        return TaskSnapshot.at(self.record.type, self.record.data)

    @classmethod
    def of(cls, record: models.TaskEvent) -> "TaskEvent":
        """Convert a record."""
        return cls(
            record=record,
            seq=BigInt(record.seq),
            type=TaskEventType(record.type),
            at=record.at,
        )


@described
@strawberry.type
class TaskEventEdge:
    """An event in its list."""

    cursor: str = strawberry.field(description="Where the event stands in the list.")
    node: TaskEvent = strawberry.field(description="The event.")


@described
@strawberry.type
class TaskEventConnection:
    """A page of a task's events."""

    edges: list[TaskEventEdge] = strawberry.field(
        description="The page's events, with their cursors."
    )
    nodes: list[TaskEvent] = strawberry.field(description="The page's events alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @classmethod
    def of(cls, found: Slice[models.TaskEvent]) -> "TaskEventConnection":
        """Convert a page."""
        nodes = [TaskEvent.of(record) for record in found.rows]
        marked = zip(found.cursors, nodes, strict=True)
        return cls(
            edges=[TaskEventEdge(cursor=cursor, node=node) for cursor, node in marked],
            nodes=nodes,
            page_info=PageInfo.of(found),
        )
