"""What subscriptions give."""

from datetime import datetime

import strawberry

from graph.types.description import described
from graph.types.enums import TaskEventType
from graph.types.node import global_id
from graph.types.post import Post
from graph.types.scalars import BigInt
from graph.types.task import Task
from tasks import watch


@described
@strawberry.type
class TaskUpdate:
    """One change of a task, or the task as it stood when the subscription began."""

    task_id: strawberry.ID = strawberry.field(description="The task's global id.")
    seq: BigInt = strawberry.field(
        description="Which of the task's events it is. A subscription resumes after it."
    )
    type: TaskEventType | None = strawberry.field(
        description="What happened; null for the task as it stood."
    )
    at: datetime = strawberry.field(description="When.")
    task: Task | None = strawberry.field(
        description="The task as of the change; null once it is deleted."
    )

    @classmethod
    def of(cls, record: watch.Update) -> "TaskUpdate":
        """Convert a record."""
        return cls(
            task_id=global_id("Task", record.task_id),
            seq=BigInt(record.seq),
            type=None if record.type is None else TaskEventType(record.type),
            at=record.at,
            task=None if record.task is None else Task.of(record.task),
        )


@described
@strawberry.type
class TasksUpdate:
    """One item of the stream of all your tasks."""

    position: str = strawberry.field(
        description="Resumes the stream after this item, and may repeat updates: a task's `seq` "
        "tells which."
    )
    reset: bool = strawberry.field(
        description="Whether what you know is void. Up to 100 of your tasks follow as they stand, "
        "newest first, and then what changes."
    )
    update: TaskUpdate | None = strawberry.field(
        description="The change; null in an item that only tells the position."
    )

    @classmethod
    def of(cls, record: watch.OwnerUpdate) -> "TasksUpdate":
        """Convert a record."""
        return cls(
            position=record.position,
            reset=record.reset,
            update=None if record.update is None else TaskUpdate.of(record.update),
        )


@described
@strawberry.type
class TaskPosts:
    """Posts of a task, in the order in which they were stored."""

    position: str = strawberry.field(description="Resumes the subscription after these posts.")
    reset: bool = strawberry.field(
        description="Whether the posts given before are void: the task began again from scratch."
    )
    posts: list[Post] = strawberry.field(description="The posts, at most 100.")

    @classmethod
    def of(cls, record: watch.PostBatch) -> "TaskPosts":
        """Convert a record."""
        posts = [Post.of(post) for post in record.posts]
        return cls(position=record.position, reset=record.reset, posts=posts)
