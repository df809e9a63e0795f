"""What watchers are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks import models
from tasks.models import ENDED, EventType

#: Event types after which a task does nothing more by itself.
TERMINAL = (EventType.COMPLETED, EventType.FAILED, EventType.DELETED)


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """One change of a task, or (without `event`) the task as it stood when the watch began.

    All watchers of a change are given the same object.
    """

    task_id: int
    seq: int
    at: datetime
    task: models.Task | None  #: As of the change; None once it is deleted.
    event: models.TaskEvent | None = None

    @property
    def type(self) -> str | None:
        """What happened; None for the task as it stood."""
        return None if self.event is None else self.event.type

    @property
    def is_end(self) -> bool:
        """Whether the task does nothing more by itself after it."""
        if self.event is not None:
            return self.event.type in TERMINAL
        return self.task is not None and self.task.status in ENDED

    @classmethod
    def of(cls, event: models.TaskEvent) -> "Update":
        """Return what an event tells; from its data alone, never from the row."""
        gone = event.type == EventType.DELETED
        task = None if gone else models.of_public(event.data, user_id=event.user_id)
        return cls(event.task_id, event.seq, event.at, task, event)

    @classmethod
    def standing(cls, task: models.Task) -> "Update":
        """Return a task as it stands."""
        return cls(task.id, task.revision, task.updated_at, task)


@dataclass(frozen=True, slots=True, eq=False)
class OwnerUpdate:
    """One item of an owner's stream.

    The stream resumes from `position` and may then repeat updates, told by (task, `seq`). With
    `reset`, what the client knew is void: tasks as they stand follow, newest first.
    """

    position: str
    update: Update | None  #: None in an item that only tells the position.
    reset: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PostBatch:
    """Posts in the order in which they were stored. Reading goes on after `position`.

    With `reset`, the posts given before are void: the task began again from scratch.
    """

    position: str
    posts: Sequence[models.Post]
    reset: bool = False
