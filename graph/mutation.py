"""The mutations. Each answers a payload; what the service refuses stands in `userErrors`."""

from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from graph.context import Info
from graph.errors import REFUSALS, user_errors
from graph.ingest import IngestMutation
from graph.schedule import ScheduleMutation
from graph.types.account import ApiToken
from graph.types.description import described
from graph.types.inputs import (
    CancelTaskInput,
    CreateTaskInput,
    CreateTasksInput,
    CreateTokenInput,
    DeleteTaskInput,
    ResetTaskInput,
    RevokeTokenInput,
    UpdateTaskInput,
)
from graph.types.node import read_key
from graph.types.payload import (
    CancelTaskPayload,
    CreateTaskPayload,
    CreateTasksPayload,
    CreateTokenPayload,
    DeleteTaskPayload,
    ResetTaskPayload,
    RevokeTokenPayload,
    UpdateTaskPayload,
)
from graph.types.task import Task
from tasks.validation import Idempotency, NewTask, TaskChanges

T = TypeVar("T")
_Input: TypeAlias = Annotated[T, strawberry.argument(name="input", description="What to do.")]

#: Keys that GraphQL clients choose mean nothing to other doors.
_DOOR = "graphql"


@described
@strawberry.type
class Mutation(ScheduleMutation, IngestMutation):
    """What can be changed. Tasks take the scope `TASKS_WRITE`."""

    @strawberry.mutation
    async def create_task(
        self, info: Info, wish: _Input[CreateTaskInput]
    ) -> CreateTaskPayload | None:
        """Create a task. It waits for a worker; no platform is asked."""
        context = info.context
        try:
            task = await context.services.tasks.create(
                context.principal,
                NewTask.parse(wish.values()),
                idempotency=_idempotency(wish.idempotency_key, wish.values()),
                correlation_id=context.correlation_id,
            )
        except REFUSALS as error:
            return CreateTaskPayload(user_errors=user_errors(error))
        return CreateTaskPayload(task=Task.of(task))

    @strawberry.mutation
    async def create_tasks(
        self, info: Info, wish: _Input[CreateTasksInput]
    ) -> CreateTasksPayload | None:
        """Create up to 100 tasks: all of them, or none."""
        context = info.context
        values = [each.values() for each in wish.tasks]
        try:
            tasks = await context.services.tasks.create_many(
                context.principal,
                NewTask.parse_each(values),
                idempotency=_idempotency(wish.idempotency_key, values),
                correlation_id=context.correlation_id,
            )
        except REFUSALS as error:
            return CreateTasksPayload(user_errors=user_errors(error))
        return CreateTasksPayload(tasks=[Task.of(task) for task in tasks])

    @strawberry.mutation
    async def update_task(
        self, info: Info, wish: _Input[UpdateTaskInput]
    ) -> UpdateTaskPayload | None:
        """Change a pending task."""
        context = info.context
        try:
            changes = TaskChanges.parse(wish.changes())
            task = await context.services.tasks.update(
                context.principal, read_key(wish.id, "Task"), changes
            )
        except REFUSALS as error:
            return UpdateTaskPayload(user_errors=user_errors(error))
        return UpdateTaskPayload(task=Task.of(task))

    @strawberry.mutation
    async def delete_task(
        self, info: Info, wish: _Input[DeleteTaskInput]
    ) -> DeleteTaskPayload | None:
        """Delete a task with its posts and events, also while it runs."""
        context = info.context
        try:
            await context.services.tasks.delete(context.principal, read_key(wish.id, "Task"))
        except REFUSALS as error:
            return DeleteTaskPayload(user_errors=user_errors(error))
        return DeleteTaskPayload(deleted_task_id=wish.id)

    @strawberry.mutation
    async def reset_task(self, info: Info, wish: _Input[ResetTaskInput]) -> ResetTaskPayload | None:
        """Make a task that has ended pending again."""
        context = info.context
        try:
            task = await context.services.tasks.reset(
                context.principal, read_key(wish.id, "Task"), resume=wish.resume
            )
        except REFUSALS as error:
            return ResetTaskPayload(user_errors=user_errors(error))
        return ResetTaskPayload(task=Task.of(task))

    @strawberry.mutation
    async def cancel_task(
        self, info: Info, wish: _Input[CancelTaskInput]
    ) -> CancelTaskPayload | None:
        """End an unfinished task; the posts collected so far stay."""
        context = info.context
        try:
            task = await context.services.tasks.cancel(context.principal, read_key(wish.id, "Task"))
        except REFUSALS as error:
            return CancelTaskPayload(user_errors=user_errors(error))
        return CancelTaskPayload(task=Task.of(task))

    @strawberry.mutation
    async def create_token(
        self, info: Info, wish: _Input[CreateTokenInput]
    ) -> CreateTokenPayload | None:
        """Create a token; takes a web session or a token with the scope `ADMIN`."""
        context = info.context
        try:
            issued = await context.services.tokens.create(
                context.principal,
                wish.name,
                scopes=[scope.value for scope in wish.scopes],
                expires_at=wish.expires_at,
            )
        except REFUSALS as error:
            return CreateTokenPayload(user_errors=user_errors(error))
        return CreateTokenPayload(token=ApiToken.of(issued.record), secret=issued.token)

    @strawberry.mutation
    async def revoke_token(
        self, info: Info, wish: _Input[RevokeTokenInput]
    ) -> RevokeTokenPayload | None:
        """Revoke one of your tokens; takes a web session or a token with the scope `ADMIN`."""
        context = info.context
        try:
            token = await context.services.tokens.revoke(
                context.principal, read_key(wish.id, "ApiToken")
            )
        except REFUSALS as error:
            return RevokeTokenPayload(user_errors=user_errors(error))
        return RevokeTokenPayload(token=ApiToken.of(token))


def _idempotency(key: str | None, body: Any) -> Idempotency | None:
    return None if key is None else Idempotency.of(key, door=_DOOR, body=body)
