"""The queries and mutations of schedules, which the schema's roots inherit."""

from typing import Annotated, TypeAlias, TypeVar

import strawberry

from graph.context import Info
from graph.errors import REFUSALS, user_errors
from graph.types.description import described
from graph.types.inputs import After, Before, First, Last
from graph.types.node import read_key
from graph.types.payload import (
    CreateSchedulePayload,
    DeleteSchedulePayload,
    PauseSchedulePayload,
    ResumeSchedulePayload,
)
from graph.types.scalars import BigInt
from graph.types.schedule import (
    CreateScheduleInput,
    DeleteScheduleInput,
    PauseScheduleInput,
    ResumeScheduleInput,
    Schedule,
    ScheduleConnection,
)
from tasks.cursor import Window
from tasks.errors import ValidationFailed
from tasks.validation import NewSchedule

T = TypeVar("T")
_Input: TypeAlias = Annotated[T, strawberry.argument(name="input", description="What to do.")]


@described
@strawberry.type
class ScheduleQuery:
    """What can be read of schedules."""

    @strawberry.field
    async def schedule(
        self,
        info: Info,
        *,
        node_id: Annotated[
            strawberry.ID | None, strawberry.argument(name="id", description="Its global id.")
        ] = None,
        database_id: Annotated[
            BigInt | None, strawberry.argument(description="Or its number.")
        ] = None,
    ) -> Schedule | None:
        """One of your schedules, by either of its ids."""
        if (node_id is None) == (database_id is None):
            raise ValidationFailed({"id": ["Give either id or databaseId."]})
        key = read_key(node_id, "Schedule") if node_id is not None else int(database_id or 0)
        context = info.context
        return Schedule.of(await context.services.schedules.get(context.principal, key))

    @strawberry.field
    async def schedules(
        self,
        info: Info,
        *,
        first: First = None,
        last: Last = None,
        after: After = None,
        before: Before = None,
    ) -> ScheduleConnection | None:
        """Your schedules, newest first."""
        window = Window.parse(first=first, last=last, after=after, before=before)
        context = info.context
        found = await context.services.schedules.window(context.principal, window)
        return ScheduleConnection.of(found)


@described
@strawberry.type
class ScheduleMutation:
    """What can be changed of schedules."""

    @strawberry.mutation
    async def create_schedule(
        self, info: Info, wish: _Input[CreateScheduleInput]
    ) -> CreateSchedulePayload | None:
        """Create a schedule. Its first run is made within seconds."""
        context = info.context
        try:
            made = await context.services.schedules.create(
                context.principal, NewSchedule.parse(wish.values())
            )
        except REFUSALS as error:
            return CreateSchedulePayload(user_errors=user_errors(error))
        return CreateSchedulePayload(schedule=Schedule.of(made))

    @strawberry.mutation
    async def pause_schedule(
        self, info: Info, wish: _Input[PauseScheduleInput]
    ) -> PauseSchedulePayload | None:
        """Make no more runs; one that is open goes on."""
        context = info.context
        try:
            paused = await context.services.schedules.pause(
                context.principal, read_key(wish.id, "Schedule")
            )
        except REFUSALS as error:
            return PauseSchedulePayload(user_errors=user_errors(error))
        return PauseSchedulePayload(schedule=Schedule.of(paused))

    @strawberry.mutation
    async def resume_schedule(
        self, info: Info, wish: _Input[ResumeScheduleInput]
    ) -> ResumeSchedulePayload | None:
        """Make runs again, from the next of its times on."""
        context = info.context
        try:
            resumed = await context.services.schedules.resume(
                context.principal, read_key(wish.id, "Schedule")
            )
        except REFUSALS as error:
            return ResumeSchedulePayload(user_errors=user_errors(error))
        return ResumeSchedulePayload(schedule=Schedule.of(resumed))

    @strawberry.mutation
    async def delete_schedule(
        self, info: Info, wish: _Input[DeleteScheduleInput]
    ) -> DeleteSchedulePayload | None:
        """Delete a schedule; the tasks that it made stay, an open one goes on."""
        context = info.context
        try:
            await context.services.schedules.delete(
                context.principal, read_key(wish.id, "Schedule")
            )
        except REFUSALS as error:
            return DeleteSchedulePayload(user_errors=user_errors(error))
        return DeleteSchedulePayload(deleted_schedule_id=wish.id)
