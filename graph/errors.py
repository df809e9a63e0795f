"""Errors on their way to the client: one table for every place where GraphQL shows one.

What the service refuses keeps its sentence and its code. Another user's object looks like one
that does not exist. What nobody foresaw is masked by an id that stands in the log.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLError

from graph.types.payload import UserError
from tasks.errors import (
    AccountNotFound,
    DatabaseUnavailable,
    NotOwner,
    ScheduleNotFound,
    StorageError,
    TargetError,
    TaskError,
    TaskNotFound,
    TransitionRefused,
    ValidationFailed,
)

logger = logging.getLogger(__name__)

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT: Final = "BAD_USER_INPUT"
BAD_REQUEST: Final = "BAD_REQUEST"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
LIMIT_EXCEEDED: Final = "LIMIT_EXCEEDED"
THROTTLED: Final = "THROTTLED"
PERSISTED_QUERY_NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
INTERNAL: Final = "INTERNAL_SERVER_ERROR"

_MAX_MESSAGE: Final = 500

#: What mutations report in `userErrors`; everything else is an error of the field.
REFUSALS: Final = (
    ValidationFailed,
    TaskNotFound,
    NotOwner,
    TransitionRefused,
    TargetError,
    AccountNotFound,
    ScheduleNotFound,
)

#: What is said in place of the message of an error of the installation, which may name hosts.
_SAID: Final[Mapping[type[TaskError], str]] = {
    DatabaseUnavailable: "The database cannot be reached; try again later."
}


class RequestRefused(Exception):
    """A request that is answered without being executed; over HTTP, with this status."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.headers = headers or {}

    def formatted(self) -> dict[str, Any]:
        """Return it as it stands in `errors`."""
        return {"message": str(self), "extensions": {"code": self.code}}


def user_errors(error: TaskError) -> list[UserError]:
    """Say in a payload why something was refused, one entry for each sentence."""
    if isinstance(error, ValidationFailed):
        return [
            UserError(field=_path(field), message=sentence, code=error.code)
            for field, sentences in error.errors.items()
            for sentence in sentences
        ]
    field = "group_id" if isinstance(error, TargetError) else "id"
    return [UserError(field=_path(field), message=_message(error), code=_code(error))]


def formatted(error: GraphQLError, *, code: str) -> dict[str, Any]:
    """Return an error of a request that was not executed, as it stands in `errors`.

    GraphQL itself raised it, so its words are for the client.
    """
    return {**_located(error), "extensions": {**(error.extensions or {}), "code": code}}


def field_error(error: GraphQLError) -> dict[str, Any]:
    """Return an error of a field, as it stands in `errors`.

    What the service refused is said; all else, which the client could not have avoided, is not.
    """
    original = _original(error)
    if not isinstance(original, TaskError) or isinstance(original, StorageError):
        return {**_located(error), **masked(original or error)}
    extensions: dict[str, Any] = {"code": _code(original)}
    if isinstance(original, ValidationFailed):
        extensions["fields"] = _fields(original)
    return {**_located(error), "message": _message(original), "extensions": extensions}


def field_errors(errors: Sequence[GraphQLError], data: Any) -> list[dict[str, Any]]:
    """Return the errors of an answer in the order of the fields that they belong to.

    graphql-core has them in the order in which the fields ended, which differs from one execution
    of a document to the next.
    """
    if len(errors) > 1:
        errors = sorted(errors, key=lambda error: _place(error.path or (), data))
    return [field_error(error) for error in errors]


def _place(path: Sequence[str | int], data: Any) -> list[tuple[int, str]]:
    """Return where in an answer's data a path leads, as something that sorts."""
    if not path:
        return []
    step, *rest = path
    try:
        beyond: Any = data[step]
    except (KeyError, IndexError, TypeError):  # An error has left nothing there.
        beyond = None
    return [_position(step, data), *_place(rest, beyond)]


def _position(step: str | int, data: Any) -> tuple[int, str]:
    if isinstance(step, int):
        return step, ""
    names: list[str] = list(data or ())
    return (names.index(step), "") if step in names else (len(names), step)


def _located(error: GraphQLError) -> dict[str, Any]:
    located: dict[str, Any] = {"message": _shortened(error.message)}
    if error.locations:
        located["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        located["path"] = error.path
    return located


def masked(error: BaseException) -> dict[str, Any]:
    """Log an error that a client must not see, and return what stands for it."""
    said = next((text for kind, text in _SAID.items() if isinstance(error, kind)), None)
    incident = uuid.uuid4().hex
    # The document does not go into the log: it may be large, and may hold what is secret.
    logger.error("graphql request failed", exc_info=error, extra={"incident": incident})
    if said is not None and isinstance(error, TaskError):
        return {"message": said, "extensions": {"code": error.code, "incident": incident}}
    message = f"Something went wrong on our side. Its id in the log is {incident}."
    return {"message": message, "extensions": {"code": INTERNAL, "incident": incident}}


def _shortened(message: str) -> str:
    """Keep an answer small: messages repeat what stands in the document, however long."""
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…"


def _original(error: GraphQLError) -> BaseException | None:
    """Return the exception at the root of an error; None for one that GraphQL itself raised."""
    found: BaseException | None = error.original_error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    return found


def _message(error: TaskError) -> str:
    if isinstance(error, NotOwner):
        return str(TaskNotFound(error.task_id))
    return str(error)


def _code(error: TaskError) -> str:
    return TaskNotFound.code if isinstance(error, NotOwner) else error.code


def _path(field: str) -> list[str]:
    return ["input", *map(_camel, field.split("."))]


def _fields(error: ValidationFailed) -> dict[str, Sequence[str]]:
    return {_camel(field): sentences for field, sentences in error.errors.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
