"""The transition table: the only way in which a task's status changes.

A statement that changes a task is built from a row of this table (`tasks/store/task.py`), so
what is not here cannot be written.
"""

from dataclasses import dataclass
from typing import Final

from tasks.models import EventType, TaskStatus

PENDING, ASSIGNED, PROCESSING = TaskStatus.PENDING, TaskStatus.ASSIGNED, TaskStatus.PROCESSING
COMPLETED, FAILED = TaskStatus.COMPLETED, TaskStatus.FAILED


@dataclass(frozen=True, slots=True)
class Transition:
    """From which statuses an action leads where, and the event that tells of it."""

    action: str  #: A verb, as it stands in messages.
    sources: tuple[TaskStatus, ...]
    target: TaskStatus
    event: EventType

    @property
    def stays(self) -> bool:
        """Whether the status remains what it was."""
        return self.sources == (self.target,)


#: A client changes name, size or priority.
EDIT: Final = Transition("update", (PENDING,), PENDING, EventType.UPDATED)
#: A worker takes the task.
CLAIM: Final = Transition("claim", (PENDING,), ASSIGNED, EventType.ASSIGNED)
#: The worker asks for the first page of this run.
START: Final = Transition("start", (ASSIGNED,), PROCESSING, EventType.STARTED)
#: A page was stored.
RECORD: Final = Transition("record a page of", (PROCESSING,), PROCESSING, EventType.PROGRESS)
#: A client sends the first posts of a task that no worker takes; `RECORD` follows, or the end.
BEGIN: Final = Transition("add posts to", (PENDING,), PROCESSING, EventType.STARTED)
#: The run ended with a receipt.
COMPLETE: Final = Transition("complete", (PROCESSING,), COMPLETED, EventType.COMPLETED)
#: The run ended with an error.
FAIL: Final = Transition("fail", (ASSIGNED, PROCESSING), FAILED, EventType.FAILED)
#: The run gives the task back until a known time (rate limit, backoff).
WAIT: Final = Transition("put off", (ASSIGNED, PROCESSING), PENDING, EventType.WAITING)
#: The run gives the task back at once (graceful stop, end of its time slice, lost lease).
RELEASE: Final = Transition("release", (ASSIGNED, PROCESSING), PENDING, EventType.RELEASED)
#: A client cancels.
CANCEL: Final = Transition("cancel", (PENDING, ASSIGNED, PROCESSING), FAILED, EventType.FAILED)
#: A client starts an ended task again from scratch.
RESET: Final = Transition("reset", (COMPLETED, FAILED), PENDING, EventType.RESET)
#: A client lets an ended task go on from its cursor.
RESUME: Final = Transition("resume", (COMPLETED, FAILED), PENDING, EventType.RESUMED)

TABLE: Final = (
    EDIT,
    CLAIM,
    START,
    RECORD,
    BEGIN,
    COMPLETE,
    FAIL,
    WAIT,
    RELEASE,
    CANCEL,
    RESET,
    RESUME,
)
