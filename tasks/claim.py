"""What a worker holds: the claim that guards its writes, and what it is held to."""

from dataclasses import dataclass, field
from typing import Any

from tasks import models
from tasks.models import CursorState
from tasks.receipt import Receipt
from tasks.store.queue import Caps


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker is held to."""

    lease_seconds: float = 30.0
    max_failures: int = 5  #: Failures in a row after which a task fails.
    caps: Caps = field(default_factory=Caps)


@dataclass(slots=True)
class Claim:
    """A task as a worker took it: the guard of everything that it writes."""

    task: models.Task
    worker_id: str
    attempt: int
    #: The task's revision after this worker's last write: nobody else writes while it holds it.
    revision: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        self.revision = self.task.revision

    @property
    def guard(self) -> dict[str, Any]:
        """Return the parameters that guard a write."""
        return {
            "task_id": self.task.id,
            "held_by": self.worker_id,
            "held_attempt": self.attempt,
        }


@dataclass(frozen=True, slots=True)
class Claims:
    """The tasks that a worker took at once, and whether a further claim may find something."""

    claims: list[Claim]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a run stands: what the next worker needs to go on from here."""

    cursor_state: CursorState
    cursor: str | None
    posts_count: int
    receipt: Receipt

    def values(self) -> dict[str, Any]:
        """Return the columns."""
        return {
            "cursor_state": self.cursor_state.value,
            "cursor": self.cursor,
            "posts_count": self.posts_count,
            "receipt": self.receipt.dump(),
        }


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round of the sweeper did."""

    due: int  #: Tasks whose `not_before` had come.
    returned: int  #: Tasks taken back from a worker that is gone.
    abandoned: int  #: Tasks failed because that happened too often.
    claimable: bool  #: Whether anything can be claimed now.
    more: bool  #: Whether a further round would find something at once.
