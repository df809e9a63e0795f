"""The pages that say what went wrong, in the look of the others."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from starlette.responses import Response

from api.pages.visit import Visit
from tasks.errors import (
    AccountNotFound,
    Forbidden,
    ScheduleNotFound,
    StorageError,
    TargetError,
    TaskError,
    TaskNotFound,
    TransitionRefused,
    ValidationFailed,
)


class Failure(Enum):
    """A kind of failure: its status, its heading, and what to say if nothing else is known."""

    BAD_REQUEST = 400, "That could not be read", "Go back, load the page again and try once more."
    FORBIDDEN = 403, "This is not for you", "Your account may not see this page."
    LOST = 404, "There is nothing here", "The address is wrong, or what was here has been deleted."
    METHOD = 405, "That is not how it works", "Open the page instead, and use what is on it."
    CONFLICT = 409, "That cannot be done now", "Load the page again to see how things stand."
    LARGE = 413, "That is too large", "Send less at a time."
    FORMAT = 415, "That is no form of ours", "Open the page, and use the form on it."
    INVALID = 422, "That cannot be accepted", "Go back, and look at what you entered."
    OFTEN = 429, "Too often", "Wait a little, and try again."
    BROKEN = 500, "Something broke", "It is our mistake, and it stands in the server's log."
    AWAY = 503, "Not available right now", "The database does not answer. Try again in a moment."

    def __init__(self, status: int, heading: str, sentence: str) -> None:
        self.status = status
        self.heading = heading
        self.sentence = sentence

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """Return what an error is to a reader."""
        for kind, failure in _KINDS.items():
            if isinstance(error, kind):
                return failure
        return cls.BROKEN

    @classmethod
    def of_status(cls, status: int) -> "Failure":
        """Return the kind with a status, or the nearest."""
        return next((each for each in cls if each.status == status), cls.BAD_REQUEST)

    def answer(
        self, visit: Visit, sentence: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page."""
        state = visit.request.scope.get("state", {})
        return visit.show(
            "failure.html",
            status=self.status,
            headers=headers,
            failure=self,
            sentence=sentence or self.sentence,
            error_id=state.get("correlation_id") if self is Failure.BROKEN else None,
        )


_KINDS: Final[Mapping[type[TaskError], Failure]] = {
    TaskNotFound: Failure.LOST,
    ScheduleNotFound: Failure.LOST,
    AccountNotFound: Failure.LOST,
    Forbidden: Failure.FORBIDDEN,
    TransitionRefused: Failure.CONFLICT,
    ValidationFailed: Failure.INVALID,
    TargetError: Failure.INVALID,
    StorageError: Failure.AWAY,
}
