"""Tasks and their connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from graph.context import EventsOf, Info, PostsOf
from graph.types.connection import PageInfo
from graph.types.description import described
from graph.types.enums import StopReason, TaskStatus, WaitReason
from graph.types.event import TaskEventConnection
from graph.types.inputs import (
    After,
    Before,
    First,
    Last,
    OrderDirection,
    PostOrder,
    TaskFilter,
)
from graph.types.node import Node, global_id
from graph.types.post import PostConnection
from graph.types.receipt import Receipt, TaskError
from graph.types.scalars import BigInt
from graph.types.statistics import TaskStatistics
from tasks import filter as service
from tasks import models
from tasks.cursor import Slice, Window
from tasks.query import LINE_COUNTED, Wait


@described
@strawberry.type
class TaskProgress:
    """How far a task has got."""

    collected: int = strawberry.field(description="Posts stored so far.")
    requested: int = strawberry.field(description="The most that will be stored.")
    ratio: float = strawberry.field(
        description="From 0 to 1; 1 once the task has completed, however many posts there were."
    )

    @staticmethod
    def part(status: str, collected: int, requested: int) -> float:
        """Return the ratio."""
        done = status == models.TaskStatus.COMPLETED
        return 1.0 if done else round(min(1.0, collected / requested), 4)


@described
@strawberry.type
class TaskWaiting:
    """Why a pending task is not running."""

    reason: WaitReason = strawberry.field(description="Why.")
    until: datetime | None = strawberry.field(description="Until when, where that is known.")
    ahead: int | None = strawberry.field(
        description="Your own tasks that come before it, counted up to 1,000; null while it is "
        "in no line."
    )
    ahead_is_capped: bool = strawberry.field(
        description="Whether counting stopped, so that there may be more ahead."
    )

    @classmethod
    def of(cls, wait: Wait | None) -> "TaskWaiting | None":
        """Convert what the service says of a task's wait, if it waits."""
        if wait is None:
            return None
        return cls(
            reason=WaitReason(wait.reason.value),
            until=wait.until,
            ahead=wait.ahead,
            ahead_is_capped=wait.ahead == LINE_COUNTED,
        )


@described
@strawberry.type
class TaskResult:
    """How a task ended."""

    ended_at: datetime = strawberry.field(description="When.")
    complete: bool = strawberry.field(description="Whether nothing that was asked for is missing.")
    stop_reason: StopReason | None = strawberry.field(description="Why it ended.")
    receipt: Receipt | None = strawberry.field(description="What its runs did.")

    @classmethod
    def of(
        cls,
        ended_at: datetime | None,
        stop_reason: str | None,
        receipt: Mapping[str, Any] | None,
        requested: int,
    ) -> "TaskResult | None":
        """Convert what a task's columns say of its end, if it has ended."""
        if ended_at is None:
            return None
        read = Receipt.of(receipt, requested=requested)
        return cls(
            ended_at=ended_at,
            complete=read is not None and read.complete,
            stop_reason=StopReason(stop_reason) if stop_reason else None,
            receipt=read,
        )


@described
@strawberry.federation.type(keys=["id"])
class Task(Node):
    """A wish for a group's posts, and how far it has got."""

    record: strawberry.Private[models.Task]
    database_id: BigInt = strawberry.field(description="The id that the REST API uses.")
    group_id: str = strawberry.field(description="The group, as the client wrote it.")
    group_name: str | None = strawberry.field(description="The name that the client gave it.")
    platform: str = strawberry.field(description="The platform that the group is on.")
    target: str = strawberry.field(description="What is read there.")
    max_posts: int = strawberry.field(description="How many posts are wanted, 1 to 500.")
    priority: int = strawberry.field(description="Higher is served first, among your own tasks.")
    status: TaskStatus = strawberry.field(description="Where it stands.")
    worker_id: str | None = strawberry.field(description="Who holds it, or held it last.")
    attempt: int = strawberry.field(description="How often a worker took it; never reset.")
    failures: int = strawberry.field(description="Tries that failed since the last progress.")
    posts_count: int = strawberry.field(description="How many posts are stored.")
    not_before: datetime | None = strawberry.field(description="Not to run before.")
    created_at: datetime = strawberry.field(description="When it was created.")
    assigned_at: datetime | None = strawberry.field(description="When a worker first took it.")
    started_at: datetime | None = strawberry.field(description="When the first page was asked for.")
    completed_at: datetime | None = strawberry.field(description="When it ended.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    stop_reason: StopReason | None = strawberry.field(description="Why it ended.")
    error: TaskError | None = strawberry.field(description="What went wrong in the last run.")
    revision: BigInt = strawberry.field(description="Grows by one with every visible change.")
    schedule_id: strawberry.ID | None = strawberry.field(
        description="The global id of the schedule that made it, which may be gone since."
    )

    @strawberry.field
    def progress(self) -> TaskProgress:
        """How far it has got."""
        record = self.record
        return TaskProgress(
            collected=record.posts_count,
            requested=record.max_posts,
            ratio=TaskProgress.part(record.status, record.posts_count, record.max_posts),
        )

    @strawberry.field
    def result(self) -> TaskResult | None:
        """How it ended; null before that."""
        record = self.record
        return TaskResult.of(
            record.completed_at, record.stop_reason, record.receipt, record.max_posts
        )

    @strawberry.field
    async def waiting(self, info: Info) -> TaskWaiting | None:
        """Why it is not running yet, and until when; null unless it is pending."""
        return TaskWaiting.of(await info.context.wait.load(self.record))

    @strawberry.field
    async def posts(
        self,
        info: Info,
        *,
        first: First = None,
        last: Last = None,
        after: After = None,
        before: Before = None,
        order_by: Annotated[
            PostOrder | None,
            strawberry.argument(description="Without it: by position, ascending."),
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Only those whose message or author contains it, in any case."
            ),
        ] = None,
    ) -> PostConnection | None:
        """The posts collected so far; takes the scope `RESULTS_READ`."""
        window = Window.parse(first=first, last=last, after=after, before=before)
        order, descending = PostOrder.read(order_by)
        wanted = PostsOf(self.record.id, window, order, descending, search or None)
        total = posts_total(self.record.posts_count, self.record.posts_expired_at)
        return PostConnection.of(await info.context.posts.load(wanted), total=total)

    @strawberry.field
    async def events(
        self,
        info: Info,
        *,
        first: First = None,
        last: Last = None,
        after: After = None,
        before: Before = None,
        direction: Annotated[
            OrderDirection, strawberry.argument(description="By `seq`.")
        ] = OrderDirection.ASC,
    ) -> TaskEventConnection | None:
        """What happened to it."""
        window = Window.parse(first=first, last=last, after=after, before=before)
        wanted = EventsOf(self.record.id, window, direction is OrderDirection.DESC)
        return TaskEventConnection.of(await info.context.events.load(wanted))

    @strawberry.field
    async def statistics(self, info: Info) -> TaskStatistics | None:
        """The posts collected so far, counted; takes the scope `RESULTS_READ`."""
        return TaskStatistics.of(await info.context.statistics.load(self.record.id))

    @classmethod
    def of(cls, record: models.Task) -> "Task":
        """Convert a record."""
        return cls(
            record=record,
            id=global_id("Task", record.id),
            database_id=BigInt(record.id),
            group_id=record.group_id,
            group_name=record.group_name,
            platform=record.platform,
            target=record.target,
            max_posts=record.max_posts,
            priority=record.priority,
            status=TaskStatus(record.status),
            worker_id=record.worker_id,
            attempt=record.attempt,
            failures=record.failures,
            posts_count=record.posts_count,
            not_before=record.not_before,
            created_at=record.created_at,
            assigned_at=record.assigned_at,
            started_at=record.started_at,
            completed_at=record.completed_at,
            updated_at=record.updated_at,
            stop_reason=StopReason(record.stop_reason) if record.stop_reason else None,
            error=TaskError.of(record),
            revision=BigInt(record.revision),
            schedule_id=(
                None if record.schedule_id is None else global_id("Schedule", record.schedule_id)
            ),
        )


def posts_total(collected: int, expired_at: datetime | None) -> int:
    """Count a task's posts: retention takes them away, and the task still says how many."""
    return collected if expired_at is None else 0


@described
@strawberry.type
class TaskEdge:
    """A task in its list."""

    cursor: str = strawberry.field(description="Where the task stands in the list.")
    node: Task = strawberry.field(description="The task.")


@described
@strawberry.type
class TaskConnection:
    """A page of your tasks."""

    where: strawberry.Private[service.TaskFilter]
    edges: list[TaskEdge] = strawberry.field(description="The page's tasks, with their cursors.")
    nodes: list[Task] = strawberry.field(description="The page's tasks alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        """How many tasks the whole list has. Costs a count, so ask only when you need it."""
        context = info.context
        return await context.services.query.count(context.principal, self.where)

    @classmethod
    def of(cls, found: Slice[models.Task], *, where: service.TaskFilter) -> "TaskConnection":
        """Convert a page."""
        nodes = [Task.of(record) for record in found.rows]
        marked = zip(found.cursors, nodes, strict=True)
        return cls(
            where=where,
            edges=[TaskEdge(cursor=cursor, node=node) for cursor, node in marked],
            nodes=nodes,
            page_info=PageInfo.of(found),
        )


__all__ = ["Task", "TaskConnection", "TaskEdge", "TaskFilter", "TaskProgress", "TaskResult"]
