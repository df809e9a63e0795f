"""What mutations answer."""

import strawberry

from graph.types.account import ApiToken
from graph.types.description import described
from graph.types.schedule import Schedule
from graph.types.task import Task


@described
@strawberry.type
class UserError:
    """Why something was not done, in words for the user."""

    field: list[str] | None = strawberry.field(
        description='The way to the input that is to blame, such as `["input", "maxPosts"]`.'
    )
    message: str = strawberry.field(description="One sentence.")
    code: str = strawberry.field(
        description="A stable code, such as `VALIDATION_FAILED`, `NOT_FOUND` or `CONFLICT`."
    )


_ERRORS = "Why nothing was done; empty when it was."


@described
@strawberry.type
class CreateTaskPayload:
    """What became of `createTask`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class CreateTasksPayload:
    """What became of `createTasks`."""

    tasks: list[Task] | None = strawberry.field(
        default=None, description="The tasks, in the order in which they were given."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class UpdateTaskPayload:
    """What became of `updateTask`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class DeleteTaskPayload:
    """What became of `deleteTask`."""

    deleted_task_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what is gone, for removing it from a cache."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class ResetTaskPayload:
    """What became of `resetTask`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class CancelTaskPayload:
    """What became of `cancelTask`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class CreateTokenPayload:
    """What became of `createToken`."""

    token: ApiToken | None = strawberry.field(default=None, description="What is known of it.")
    secret: str | None = strawberry.field(
        default=None, description="The token itself. It is shown this once."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class RevokeTokenPayload:
    """What became of `revokeToken`."""

    token: ApiToken | None = strawberry.field(default=None, description="The token.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class CreateSchedulePayload:
    """What became of `createSchedule`."""

    schedule: Schedule | None = strawberry.field(default=None, description="The schedule.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class PauseSchedulePayload:
    """What became of `pauseSchedule`."""

    schedule: Schedule | None = strawberry.field(default=None, description="The schedule.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class ResumeSchedulePayload:
    """What became of `resumeSchedule`."""

    schedule: Schedule | None = strawberry.field(default=None, description="The schedule.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@described
@strawberry.type
class DeleteSchedulePayload:
    """What became of `deleteSchedule`."""

    deleted_schedule_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what is gone, for removing it from a cache."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)
