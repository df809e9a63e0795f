"""Every error that the task service raises, as one tree.

    TaskError
    ├── ValidationFailed        input that cannot be accepted, all failing fields at once
    ├── TaskNotFound            no such task
    ├── ScheduleNotFound        no such schedule, or it is somebody else's
    ├── AccountNotFound         no such user, token or session
    ├── AccountExists           the e-mail address is taken
    ├── Forbidden
    │   ├── NotOwner            the task is somebody else's
    │   └── ScopeMissing        the token may not do this
    ├── Unauthenticated         no token, or one that is unknown, revoked, expired or disabled
    ├── TooManyConnections      the credential has as many open as it may
    ├── TransitionRefused       the task's status does not allow it
    ├── NoResult                the task has not completed
    │   └── ResultExpired       it has, and its posts were not to be kept any longer
    ├── LeaseLost               the task is no longer this worker's; write nothing
    ├── TargetError             a group_id that leads nowhere
    │   ├── TargetInvalid
    │   ├── PlatformUnknown
    │   ├── PlatformMissing
    │   ├── PlatformUnconfigured
    │   └── SourceClosed
    ├── TransferRefused         a backup, a restore or a move that cannot be; nothing was changed
    ├── SourceError             what a platform answered (defined in `workers/errors.py`)
    └── StorageError
        ├── DatabaseUnavailable
        ├── DatabaseOutdated    migrations are missing
        └── DatabaseTooNew      past a `contract` migration that this code does not know

Each has a stable `code` and a one-sentence message that carries the value. The errors know
neither HTTP nor GraphQL: each door has one table that translates them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar


class TaskError(Exception):
    """The root: anything the service refuses or fails to do."""

    code: ClassVar[str] = "TASK_ERROR"


class ValidationFailed(TaskError):
    """Input that cannot be accepted.

    `errors` maps a field's name to its sentences, all failing fields at once.
    """

    code = "VALIDATION_FAILED"

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(s for sentences in errors.values() for s in sentences))
        self.errors = {field: list(sentences) for field, sentences in errors.items()}


class TaskNotFound(TaskError):
    """No task has this id."""

    code = "NOT_FOUND"

    def __init__(self, task_id: object) -> None:
        super().__init__(f"There is no task {task_id}.")
        self.task_id = task_id


class ScheduleNotFound(TaskError):
    """The user has no schedule with this id; somebody else may."""

    code = "NOT_FOUND"

    def __init__(self, schedule_id: object) -> None:
        super().__init__(f"There is no schedule {schedule_id}.")
        self.schedule_id = schedule_id


class AccountNotFound(TaskError):
    """No user, token or session answers to this name."""

    code = "NOT_FOUND"


class AccountExists(TaskError):
    """The e-mail address belongs to a user already."""

    code = "ALREADY_EXISTS"


class Forbidden(TaskError):
    """The principal may not do this."""

    code = "FORBIDDEN"


class NotOwner(Forbidden):
    """The task belongs to another user."""

    def __init__(self, task_id: int) -> None:
        super().__init__(f"Task {task_id} belongs to another user.")
        self.task_id = task_id


class ScopeMissing(Forbidden):
    """The token lacks the scope that this needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}.")
        self.scope = scope


class Unauthenticated(TaskError):
    """No credential, or one that is unknown, revoked, expired or of a disabled user."""

    code = "UNAUTHENTICATED"


class TooManyConnections(TaskError):
    """The credential has as many live connections open as it may."""

    code = "TOO_MANY_CONNECTIONS"

    def __init__(self, most: int) -> None:
        super().__init__(f"This credential has {most} live connections open; close one first.")
        self.most = most


class TransitionRefused(TaskError):
    """The task's status does not allow the action."""

    code = "CONFLICT"

    def __init__(self, *, task_id: int, action: str, status: str, allowed: Sequence[str]) -> None:
        expected = " or ".join(allowed)
        super().__init__(f"Task {task_id} is {status}; to {action} it, it must be {expected}.")
        self.task_id = task_id
        self.action = action
        self.status = status
        self.allowed = tuple(allowed)


class NoResult(TaskError):
    """The task has no result: it has not completed."""

    code = "NO_RESULT"

    def __init__(self, task_id: int, message: str | None = None) -> None:
        super().__init__(message or f"Task {task_id} has no result yet.")
        self.task_id = task_id


class ResultExpired(NoResult):
    """The task has completed, and retention has removed its posts since."""

    def __init__(self, task_id: int, *, at: datetime) -> None:
        super().__init__(
            task_id,
            f"The posts of task {task_id} were removed on {at:%Y-%m-%d}: this installation keeps"
            " posts for a limited time. Reset the task to collect anew.",
        )
        self.at = at


class LeaseLost(TaskError):
    """The task was cancelled, deleted or given to another worker; nothing was written."""

    code = "LEASE_LOST"

    def __init__(self, task_id: int) -> None:
        super().__init__(f"Task {task_id} is no longer held by this worker.")
        self.task_id = task_id


class TargetError(TaskError):
    """A `group_id` that leads nowhere; the message says what would."""

    code = "TARGET_INVALID"


class TargetInvalid(TargetError):
    """The platform is known, but this is not a target of it."""


class PlatformUnknown(TargetError):
    """No source has this name or recognises this address."""

    code = "PLATFORM_UNKNOWN"


class PlatformMissing(TargetError):
    """A bare id, and no default platform is set."""

    code = "PLATFORM_MISSING"


class PlatformUnconfigured(TargetError):
    """The platform needs settings that the administrator has not made."""

    code = "PLATFORM_UNCONFIGURED"


class SourceClosed(TargetError):
    """The platform offers no API that may read this."""

    code = "SOURCE_CLOSED"


class TransferRefused(TaskError):
    """A backup, a restore or a move that cannot be made; nothing was changed."""

    code = "TRANSFER_REFUSED"


class StorageError(TaskError):
    """The database cannot serve."""

    code = "STORAGE"


class DatabaseUnavailable(StorageError):
    """The database cannot be reached or opened; the message says which and why."""

    code = "DATABASE_UNAVAILABLE"


class DatabaseOutdated(StorageError):
    """The database lacks migrations that this code needs."""

    code = "DATABASE_OUTDATED"


class DatabaseTooNew(StorageError):
    """The database is past a migration that this code cannot work with."""

    code = "DATABASE_TOO_NEW"
