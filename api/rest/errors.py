"""The one table that turns errors into the statuses and bodies of the documented API."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from api.rest import shapes
from tasks import errors

logger = logging.getLogger(__name__)


class RequestRefused(errors.TaskError):
    """A request that is wrong before anything in it is looked at."""

    status: int = 400


class MalformedBody(RequestRefused):
    """The body is not the JSON, UTF-8 or form that it says it is."""

    code = "MALFORMED"

    def __init__(self, message: str = "Malformed JSON") -> None:
        super().__init__(message)


class BodyTooLarge(RequestRefused):
    """The body is longer than the limit; the rest of it was not read."""

    code = "TOO_LARGE"
    status = 413


class UnsupportedBody(RequestRefused):
    """The body is of a type, or encoded in a way, that is not read here."""

    code = "UNSUPPORTED"
    status = 415


class ForeignOrigin(errors.Forbidden):
    """A browser sent the session's cookie on behalf of another site's page."""

    def __init__(self) -> None:
        super().__init__("A session's cookie counts only for requests of our own pages.")


#: What the document, or its example, says of a refused action.
_TRANSITIONS: Final[Mapping[str, str]] = {
    "update": "Only pending tasks can be updated.",
    "reset": "Only completed or failed tasks can be reset.",
}


def _invalid(fields: Mapping[str, list[str]]) -> Response:
    return shapes.error("Validation failed", status=422, errors=fields)


def _refused_transition(error: errors.TransitionRefused) -> Response:
    return _invalid({"status": [_TRANSITIONS.get(error.action, str(error))]})


def _refused_request(error: RequestRefused) -> Response:
    # A body that was not read to its end would be taken for the connection's next request.
    headers = {"Connection": "close"} if isinstance(error, BodyTooLarge) else None
    return shapes.error(str(error), status=error.status, headers=headers)


def _unauthenticated(_: errors.TaskError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"}
    return shapes.message("Unauthenticated", status=401, headers=headers)


def _unavailable(error: errors.TaskError) -> Response:
    logger.error("The database cannot serve: %s", error)
    return shapes.error("Service unavailable", status=503, headers={"Retry-After": "5"})


#: Each translator takes errors of its own class.
def _too_many(error: errors.TooManyConnections) -> Response:
    return shapes.message(str(error), status=429, headers={"Retry-After": "5"})


_ANSWERS: Final[Mapping[type[Exception], Callable[[Any], Response]]] = {
    RequestRefused: _refused_request,
    errors.Unauthenticated: _unauthenticated,
    errors.Forbidden: lambda _: shapes.error("Unauthorized", status=403),
    errors.TaskNotFound: lambda _: shapes.error("Task not found", status=404),
    errors.NoResult: lambda _: shapes.message("No result available for this task", status=404),
    errors.ValidationFailed: lambda error: _invalid(error.errors),
    errors.TargetError: lambda error: _invalid({"group_id": [str(error)]}),
    errors.TooManyConnections: _too_many,
    errors.TransitionRefused: _refused_transition,
    errors.StorageError: _unavailable,
}


def _translator(kind: type[Exception]) -> Callable[[Any], Response] | None:
    return _ANSWERS.get(kind)


def answer(error: Exception) -> Response:
    """Translate an error; one that nobody foresaw is logged, and masked by its id there."""
    for kind in type(error).__mro__:
        if translate := _translator(kind):
            return translate(error)
    error_id = secrets.token_hex(8)
    logger.error("Unexpected error %s", error_id, exc_info=error)
    return shapes.error("Server error", status=500, error_id=error_id)
