"""The mutations of posts that clients send themselves, which the schema's root inherits."""

from typing import Annotated, TypeAlias, TypeVar

import strawberry

from graph.context import Info
from graph.errors import REFUSALS, user_errors
from graph.types.description import described
from graph.types.ingest import (
    AddPostsInput,
    AddPostsPayload,
    FinishTaskInput,
    FinishTaskPayload,
)
from graph.types.node import read_key
from graph.types.task import Task
from tasks.batch import Batch

T = TypeVar("T")
_Input: TypeAlias = Annotated[T, strawberry.argument(name="input", description="What to do.")]


@described
@strawberry.type
class IngestMutation:
    """What can be sent to tasks of the platform `push`."""

    @strawberry.mutation
    async def add_posts(self, info: Info, wish: _Input[AddPostsInput]) -> AddPostsPayload | None:
        """Store posts that you collected yourself. The first batch begins the task."""
        context = info.context
        try:
            ingested = await context.services.ingest.add(
                context.principal,
                read_key(wish.id, "Task"),
                Batch.parse(wish.values()),
                key=wish.idempotency_key,
            )
        except REFUSALS as error:
            return AddPostsPayload(user_errors=user_errors(error))
        return AddPostsPayload.of(ingested)

    @strawberry.mutation
    async def finish_task(
        self, info: Info, wish: _Input[FinishTaskInput]
    ) -> FinishTaskPayload | None:
        """Complete a task whose posts you send yourself with those that it has."""
        context = info.context
        try:
            task = await context.services.ingest.finish(
                context.principal, read_key(wish.id, "Task")
            )
        except REFUSALS as error:
            return FinishTaskPayload(user_errors=user_errors(error))
        return FinishTaskPayload(task=Task.of(task))
