"""The tables, as SQLModel models: the one place that says which columns exist.

Rows come back as instances of these classes (`Task.of(row)`), built without a session. The
instances are values: change a task through `tasks/service.py`, never by assigning to one.
Statuses, event types and stop reasons are stored as the texts that clients see.

One module a noun, as in `tasks/store/`; all others import from here.
"""

from sqlalchemy.orm import configure_mappers

from tasks.models.account import ApiToken, SignInLink, User, WebSession
from tasks.models.budget import SourceBudget
from tasks.models.event import EventHorizon, EventType, TaskEvent
from tasks.models.idempotency import IdempotencyKey
from tasks.models.post import Post
from tasks.models.queue import QueueOwner
from tasks.models.record import Record
from tasks.models.schedule import Schedule, ScheduleKnown
from tasks.models.task import (
    ENDED,
    PUSH,
    RUNNING,
    CursorState,
    StopReason,
    Task,
    TaskStatus,
    TaskSummary,
)
from tasks.models.view import PUBLIC_COLUMNS, PUBLIC_TIMES, of_public, public, public_of

__all__ = [
    "ENDED",
    "PUBLIC_COLUMNS",
    "PUBLIC_TIMES",
    "PUSH",
    "RUNNING",
    "ApiToken",
    "CursorState",
    "EventHorizon",
    "EventType",
    "IdempotencyKey",
    "Post",
    "QueueOwner",
    "Record",
    "Schedule",
    "ScheduleKnown",
    "SignInLink",
    "SourceBudget",
    "StopReason",
    "Task",
    "TaskEvent",
    "TaskStatus",
    "TaskSummary",
    "User",
    "WebSession",
    "of_public",
    "public",
    "public_of",
]

# `Record.of` builds instances without the constructor, which would do this at its first call.
configure_mappers()
