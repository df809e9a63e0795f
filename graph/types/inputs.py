"""Inputs and arguments, and their way to the service's."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import strawberry

from graph.types.description import described
from graph.types.enums import (
    OrderDirection,
    PostOrderField,
    TaskOrderField,
    TaskStatus,
    TokenScope,
)
from tasks import filter as service
from tasks import models

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many from the start, 1 to 100. This or `last` is needed."),
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many from the end, 1 to 100. This or `first` is needed."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what comes after this cursor.")
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor.")
]


@described
@strawberry.input
class TaskFilter:
    """Which tasks. All conditions must hold; of a list, one of its values."""

    status: list[TaskStatus] | None = strawberry.field(default=None, description="Their status.")
    platform: list[str] | None = strawberry.field(default=None, description="Their platform.")
    group_id: list[str] | None = strawberry.field(
        default=None, description="Their group, as it was written when they were created."
    )
    created_since: datetime | None = strawberry.field(
        default=None, description="Created then or later."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Created before then."
    )
    completed_since: datetime | None = strawberry.field(
        default=None, description="Ended then or later."
    )
    completed_before: datetime | None = strawberry.field(
        default=None, description="Ended before then."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Their group, its name or its target contains it, in any case.",
    )

    @staticmethod
    def read(given: "TaskFilter | None") -> service.TaskFilter:
        """Convert to the service's."""
        if given is None:
            return service.TaskFilter()
        status = given.status
        return service.TaskFilter(
            status=None if status is None else [models.TaskStatus(each.value) for each in status],
            platform=given.platform,
            group_id=given.group_id,
            created_since=given.created_since,
            created_before=given.created_before,
            completed_since=given.completed_since,
            completed_before=given.completed_before,
            search=given.search or None,
        )


@described
@strawberry.input
class TaskOrder:
    """In which order tasks come."""

    field: TaskOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="In which direction.")

    @staticmethod
    def read(given: "TaskOrder | None") -> tuple[service.TaskOrder, bool]:
        """Return the service's order and whether it descends; newest first by default."""
        if given is None:
            return service.TaskOrder.CREATED, True
        descending = given.direction is OrderDirection.DESC
        return service.TaskOrder(given.field.value), descending


@described
@strawberry.input
class PostOrder:
    """In which order posts come."""

    field: PostOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="In which direction.")

    @staticmethod
    def read(given: "PostOrder | None") -> tuple[service.PostOrder, bool]:
        """Return the service's order and whether it descends; as stored by default."""
        if given is None:
            return service.PostOrder.POSITION, False
        descending = given.direction is OrderDirection.DESC
        return service.PostOrder(given.field.value), descending


@described
@strawberry.input
class NewTaskInput:
    """A task to create."""

    group_id: str = strawberry.field(
        description="`platform:target`, an address that a platform recognises, or a bare id for "
        "the default platform."
    )
    max_posts: int = strawberry.field(description="How many posts are wanted, 1 to 500.")
    group_name: str | None = strawberry.field(
        default=None, description="A name for people, at most 255 characters."
    )
    priority: int = strawberry.field(
        default=0, description="Higher is served first, among your own tasks."
    )

    def values(self) -> dict[str, Any]:
        """Return what the service checks."""
        return {
            "group_id": self.group_id,
            "max_posts": self.max_posts,
            "group_name": self.group_name,
            "priority": self.priority,
        }


@described
@strawberry.input
class CreateTaskInput(NewTaskInput):
    """A task to create."""

    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating the mutation with the same key within 24 hours gives the first "
        "answer again and creates nothing.",
    )


@described
@strawberry.input
class CreateTasksInput:
    """Tasks to create together."""

    tasks: list[NewTaskInput] = strawberry.field(description="From 1 to 100.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating the mutation with the same key within 24 hours gives the first "
        "answer again and creates nothing.",
    )


@described
@strawberry.input
class UpdateTaskInput:
    """Changes of a pending task. What is absent stays as it is."""

    id: strawberry.ID = strawberry.field(description="The task.")
    group_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null removes the name."
    )
    max_posts: int | None = strawberry.field(
        default=strawberry.UNSET, description="How many posts are wanted, 1 to 500."
    )
    priority: int | None = strawberry.field(
        default=strawberry.UNSET, description="Counts at once; null means 0."
    )

    def changes(self) -> dict[str, Any]:
        """Return what was given."""
        given = {
            "group_name": self.group_name,
            "max_posts": self.max_posts,
            "priority": self.priority,
        }
        return {name: each for name, each in given.items() if each is not strawberry.UNSET}


@described
@strawberry.input
class DeleteTaskInput:
    """A task to delete."""

    id: strawberry.ID = strawberry.field(description="The task.")


@described
@strawberry.input
class CancelTaskInput:
    """A task to cancel."""

    id: strawberry.ID = strawberry.field(description="The task.")


@described
@strawberry.input
class ResetTaskInput:
    """A task to run again."""

    id: strawberry.ID = strawberry.field(description="The task.")
    resume: bool = strawberry.field(
        default=False,
        description="Keep the posts and go on from where it stands, instead of from scratch.",
    )


@described
@strawberry.input
class CreateTokenInput:
    """A token to create."""

    name: str = strawberry.field(description="What it is for.")
    scopes: list[TokenScope] = strawberry.field(
        description="What it may do; nothing that your own credential may not."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ceases to work; never, without it."
    )


@described
@strawberry.input
class RevokeTokenInput:
    """A token to revoke."""

    id: strawberry.ID = strawberry.field(description="The token.")
