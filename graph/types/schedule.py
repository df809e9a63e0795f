"""Schedules and their connection."""

from datetime import datetime
from typing import Any

import strawberry

from graph.types.connection import PageInfo
from graph.types.description import described
from graph.types.inputs import NewTaskInput
from graph.types.node import Node, global_id
from graph.types.scalars import BigInt
from tasks import models
from tasks.cursor import Slice
from tasks.recurrence import format_duration


@described
@strawberry.type
class Schedule(Node):
    """A task that comes back: each run of it is a task."""

    database_id: BigInt = strawberry.field(description="Its number.")
    group_id: str = strawberry.field(description="The group, as the client wrote it.")
    group_name: str | None = strawberry.field(description="The name that the client gave it.")
    platform: str = strawberry.field(description="The platform that the group is on.")
    target: str = strawberry.field(description="What is read there.")
    max_posts: int = strawberry.field(description="How many posts a run wants, 1 to 500.")
    priority: int = strawberry.field(description="Of its runs.")
    every: str = strawberry.field(
        description="How often it runs, as an ISO 8601 duration such as `PT15M` or `P1D`."
    )
    only_new: bool = strawberry.field(
        description="Whether a run brings only what the completed runs before it did not."
    )
    next_run_at: datetime | None = strawberry.field(
        description="When the next run is due; null while it is paused. A run that is still open "
        "then is awaited."
    )
    last_run_at: datetime | None = strawberry.field(description="When the last run was made.")
    last_task_id: strawberry.ID | None = strawberry.field(
        description="The global id of the last run's task, which may be gone since."
    )
    paused_at: datetime | None = strawberry.field(description="Since when it is paused.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(
        description="When it was created, paused or resumed last."
    )

    @classmethod
    def of(cls, record: models.Schedule) -> "Schedule":
        """Convert a record."""
        last = record.last_task_id
        return cls(
            id=global_id("Schedule", record.id),
            database_id=BigInt(record.id),
            group_id=record.group_id,
            group_name=record.group_name,
            platform=record.platform,
            target=record.target,
            max_posts=record.max_posts,
            priority=record.priority,
            every=format_duration(record.every_seconds),
            only_new=record.only_new,
            next_run_at=record.next_run_at if record.paused_at is None else None,
            last_run_at=record.last_run_at,
            last_task_id=None if last is None else global_id("Task", last),
            paused_at=record.paused_at,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )


@described
@strawberry.type
class ScheduleEdge:
    """A schedule in its list."""

    cursor: str = strawberry.field(description="Where the schedule stands in the list.")
    node: Schedule = strawberry.field(description="The schedule.")


@described
@strawberry.type
class ScheduleConnection:
    """A page of your schedules."""

    edges: list[ScheduleEdge] = strawberry.field(
        description="The page's schedules, with their cursors."
    )
    nodes: list[Schedule] = strawberry.field(description="The page's schedules alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @classmethod
    def of(cls, found: Slice[models.Schedule]) -> "ScheduleConnection":
        """Convert a page."""
        nodes = [Schedule.of(record) for record in found.rows]
        marked = zip(found.cursors, nodes, strict=True)
        return cls(
            edges=[ScheduleEdge(cursor=cursor, node=node) for cursor, node in marked],
            nodes=nodes,
            page_info=PageInfo.of(found),
        )


@described
@strawberry.input
class CreateScheduleInput(NewTaskInput):
    """A schedule to create: the task that each run of it is, and how often."""

    every: str = strawberry.field(
        description="How often it runs: an ISO 8601 duration such as `PT15M`, `PT6H` or `P1D`, "
        "from one minute to 366 days.",
    )
    only_new: bool = strawberry.field(
        default=False,
        description="Let each run bring only what the completed runs before it did not.",
    )

    def values(self) -> dict[str, Any]:
        """Return what the service checks."""
        return {**super().values(), "every": self.every, "only_new": self.only_new}


@described
@strawberry.input
class PauseScheduleInput:
    """A schedule to pause."""

    id: strawberry.ID = strawberry.field(description="The schedule.")


@described
@strawberry.input
class ResumeScheduleInput:
    """A schedule to resume."""

    id: strawberry.ID = strawberry.field(description="The schedule.")


@described
@strawberry.input
class DeleteScheduleInput:
    """A schedule to delete."""

    id: strawberry.ID = strawberry.field(description="The schedule.")
