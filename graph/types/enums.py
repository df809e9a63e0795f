"""The closed sets. Their values are the texts that the service stores."""

from enum import Enum
from typing import Any

import strawberry

from tasks.filter import PostOrder, TaskOrder
from tasks.models import EventType
from tasks.models import StopReason as Stop
from tasks.models import TaskStatus as Status
from tasks.ports import PlatformState as State
from tasks.principal import ADMIN, RESULTS_READ, TASKS_READ, TASKS_WRITE
from tasks.query import WaitReason as Wait

#: Strawberry's type for it is its own definition, which is not what the member's value is.
value: Any = strawberry.enum_value


@strawberry.enum(description="Where a task stands.")
class TaskStatus(Enum):
    """Where a task stands."""

    PENDING = value(Status.PENDING.value, description="Waits for a worker.")
    ASSIGNED = value(
        Status.ASSIGNED.value, description="A worker holds it and has not asked for a page yet."
    )
    PROCESSING = value(Status.PROCESSING.value, description="A worker is reading pages.")
    COMPLETED = value(Status.COMPLETED.value, description="Ended with a receipt.")
    FAILED = value(
        Status.FAILED.value, description="Ended for the reason in `error` or `stopReason`."
    )


@strawberry.enum(description="Why a run ended.")
class StopReason(Enum):
    """Why a run ended."""

    REACHED_MAX = value(Stop.REACHED_MAX.value, description="`maxPosts` were collected.")
    END_OF_SOURCE = value(Stop.END_OF_SOURCE.value, description="The source has no further page.")
    KNOWN_POSTS = value(
        Stop.KNOWN_POSTS.value, description="Only what is new was wanted, and the rest is known."
    )
    PAGE_CAP = value(Stop.PAGE_CAP.value, description="More pages than a run may read.")
    NO_PROGRESS = value(
        Stop.NO_PROGRESS.value, description="Pages repeated, or brought no new post twice."
    )
    FINISHED_BY_CLIENT = value(Stop.FINISHED_BY_CLIENT.value, description="The client said so.")
    IDLE = value(
        Stop.IDLE.value, description="The client, who sends the posts, sent none for too long."
    )
    CANCELLED = value(Stop.CANCELLED.value, description="The client cancelled it.")
    ERROR = value(Stop.ERROR.value, description="`error` says which.")


@strawberry.enum(description="What happened to a task.")
class TaskEventType(Enum):
    """What happened to a task."""

    CREATED = value(EventType.CREATED.value, description="It was created.")
    UPDATED = value(EventType.UPDATED.value, description="A client changed it.")
    ASSIGNED = value(EventType.ASSIGNED.value, description="A worker took it.")
    STARTED = value(EventType.STARTED.value, description="The first page was asked for.")
    PROGRESS = value(EventType.PROGRESS.value, description="A page of posts was stored.")
    WAITING = value(EventType.WAITING.value, description="It was put off until a known time.")
    RELEASED = value(EventType.RELEASED.value, description="Its worker gave it back, or was lost.")
    COMPLETED = value(EventType.COMPLETED.value, description="It completed.")
    FAILED = value(EventType.FAILED.value, description="It failed or was cancelled.")
    RESET = value(EventType.RESET.value, description="It was made pending again, from scratch.")
    RESUMED = value(EventType.RESUMED.value, description="It goes on from where it stood.")
    DELETED = value(EventType.DELETED.value, description="It was deleted.")


@strawberry.enum(description="Why a pending task is not running.")
class WaitReason(Enum):
    """Why a pending task is not running."""

    QUEUED = value(Wait.QUEUED.value, description="It is in line.")
    USER_CAP = value(Wait.USER_CAP.value, description="As many of your tasks run as may.")
    PLATFORM_CAP = value(
        Wait.PLATFORM_CAP.value, description="As many tasks of its platform run as may."
    )
    RATE_LIMITED = value(
        Wait.RATE_LIMITED.value,
        description="The platform asked for a pause, or the budget of its host is spent for now.",
    )
    RETRY = value(Wait.RETRY.value, description="A try failed for a reason that may pass.")
    POSTS = value(Wait.POSTS.value, description="No worker takes it: its posts are yours to send.")


@strawberry.enum(description="Whether a platform can be read here.")
class PlatformState(Enum):
    """Whether a platform can be read here."""

    OPEN = value(State.OPEN.value, description="It can.")
    NEEDS_KEY = value(
        State.NEEDS_KEY.value, description="It can once an administrator has made its settings."
    )
    CLOSED = value(State.CLOSED.value, description="It offers no API that may be used.")


@strawberry.enum(description="What a token may do.")
class TokenScope(Enum):
    """What a token may do."""

    TASKS_READ = value(TASKS_READ, description="Read tasks and their events.")
    TASKS_WRITE = value(TASKS_WRITE, description="Create and change tasks.")
    RESULTS_READ = value(RESULTS_READ, description="Read the collected posts.")
    ADMIN = value(ADMIN, description="Manage tokens.")


@strawberry.enum(description="What tasks can be ordered by. Ties are ordered by creation.")
class TaskOrderField(Enum):
    """What tasks can be ordered by."""

    CREATED = value(TaskOrder.CREATED.value, description="When it was created.")
    STATUS = value(TaskOrder.STATUS.value, description="Its status, alphabetically.")
    PRIORITY = value(TaskOrder.PRIORITY.value, description="Its priority.")
    COMPLETED = value(
        TaskOrder.COMPLETED.value,
        description="When it ended. Tasks that have not ended come last, in both directions.",
    )


@strawberry.enum(
    description="What posts can be ordered by. Posts without the value come last, in both "
    "directions; ties are ordered by position."
)
class PostOrderField(Enum):
    """What posts can be ordered by."""

    POSITION = value(PostOrder.POSITION.value, description="The order in which they were stored.")
    TIME = value(PostOrder.TIME.value, description="When they were posted.")
    LIKES = value(PostOrder.LIKES.value, description="Their likes.")
    COMMENTS = value(PostOrder.COMMENTS.value, description="Their comments.")
    SHARES = value(PostOrder.SHARES.value, description="Their shares.")


@strawberry.enum(description="A direction of ordering.")
class OrderDirection(Enum):
    """A direction of ordering."""

    ASC = value("asc", description="The smallest, or oldest, first.")
    DESC = value("desc", description="The greatest, or newest, first.")
