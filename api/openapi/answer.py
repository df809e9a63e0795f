"""The answers: what each failure looks like, and which headers come along."""

from typing import Final

from api.openapi import example as examples
from api.openapi.schema import COUNT, ERROR, STATUS_NAMES, TEXT, Schema, object_of, ref
from api.rest.parse import MAX_BODY_BYTES

COUNTED: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining")
HEADERS: Final[Schema] = {
    "X-RateLimit-Limit": {
        "description": "Requests that the token may make in a minute.",
        "schema": COUNT,
    },
    "X-RateLimit-Remaining": {
        "description": "Requests that are left of them.",
        "schema": COUNT,
    },
    "Retry-After": {"description": "Seconds until it is worth asking again.", "schema": COUNT},
    "Sluice-Status": {
        "description": "The task's status when the export began.",
        "schema": {"type": "string", "enum": STATUS_NAMES},
    },
    "Sluice-Posts": {"description": "Posts in the export.", "schema": COUNT},
    "Sluice-Complete": {
        "description": "Whether the task has ended and no post that was asked for is missing.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "Content-Disposition": {"description": "The file's name.", "schema": TEXT},
}
_EXPORT: Final = ("Sluice-Status", "Sluice-Posts", "Sluice-Complete", "Content-Disposition")
EXPORT_HEADERS: Final[Schema] = {
    name: {"$ref": f"#/components/headers/{name}"} for name in (*COUNTED, *_EXPORT)
}


def content(schema: Schema, example: object) -> Schema:
    """Describe a body in JSON."""
    return {"application/json": {"schema": schema, "example": example}}


def answer(description: str, schema: Schema, example: object) -> Schema:
    """Describe an answer to a token, which says how often it may still ask."""
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in COUNTED},
        "content": content(schema, example),
    }


def said(text: str) -> Schema:
    """Describe an answer that is a message and nothing else."""
    return object_of({"message": {"const": text}})


def error(text: str | None = None) -> Schema:
    """Describe an error in the envelope, with this message or any."""
    return object_of({"status": ERROR, "message": {"const": text} if text else TEXT})


#: The statuses of failures, and those that any operation may meet.
STATUS_OF: Final = {
    "Malformed": "400",
    "Unauthenticated": "401",
    "Unauthorized": "403",
    "TaskNotFound": "404",
    "TaskOrResultNotFound": "404",
    "BodyTooLarge": "413",
    "UnsupportedBody": "415",
    "ValidationFailed": "422",
    "TooManyAttempts": "429",
    "ServerError": "500",
    "Unavailable": "503",
}
BROKEN: Final = ("ServerError", "Unavailable")
BODY_FAILURES: Final = ("Malformed", "BodyTooLarge", "UnsupportedBody", "ValidationFailed")

RESPONSES: Final[Schema] = {
    "Malformed": answer(
        "The body is not what it says it is.", error(), examples.error("Malformed JSON")
    ),
    "Unauthenticated": {
        "description": "There is no token, or it is unknown, revoked or expired.",
        "headers": {
            "WWW-Authenticate": {"description": "How to ask.", "schema": {"const": "Bearer"}}
        },
        "content": content(said("Unauthenticated"), examples.UNAUTHENTICATED),
    },
    "Unauthorized": answer(
        "The task is another user's, or the token lacks the scope.",
        error("Unauthorized"),
        examples.UNAUTHORIZED,
    ),
    "TaskNotFound": answer(
        "There is no such task.", error("Task not found"), examples.error("Task not found")
    ),
    "TaskOrResultNotFound": answer(
        "The task has no result yet, or there is no such task.",
        {"oneOf": [said("No result available for this task"), error("Task not found")]},
        examples.NO_RESULT,
    ),
    "BodyTooLarge": answer(
        f"The body is larger than {MAX_BODY_BYTES:,} bytes.",
        error(),
        examples.error(f"The body is larger than {MAX_BODY_BYTES} bytes."),
    ),
    "UnsupportedBody": answer(
        "The body is neither JSON nor a form, or it is compressed.",
        error(),
        examples.error("Send the body without a Content-Encoding."),
    ),
    "ValidationFailed": answer(
        "Some fields cannot be accepted; all of them are named.",
        ref("Invalid"),
        examples.INVALID,
    ),
    "TooManyAttempts": {
        "description": "The token asks too often.",
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in (*COUNTED, "Retry-After")
        },
        "content": content(said("Too Many Attempts."), {"message": "Too Many Attempts."}),
    },
    "ServerError": answer(
        "Something failed that should not; the id finds it in the log.",
        object_of({"status": ERROR, "message": {"const": "Server error"}, "error_id": TEXT}),
        {**examples.error("Server error"), "error_id": "9f8e7d6c5b4a3928"},
    ),
    "Unavailable": {
        "description": "The database cannot be reached for the moment.",
        "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
        "content": content(error("Service unavailable"), examples.error("Service unavailable")),
    },
}
