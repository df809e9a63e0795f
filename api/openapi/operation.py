"""The seven operations that the document fixes, and what stands beside them."""

from typing import Any, Final

from api.openapi import example as examples
from api.openapi.answer import (
    BODY_FAILURES,
    BROKEN,
    EXPORT_HEADERS,
    STATUS_OF,
    answer,
    content,
    said,
)
from api.openapi.schema import STATUS_NAMES, SUCCESS, Schema, object_of, ref
from tasks.principal import RESULTS_READ, TASKS_READ, TASKS_WRITE
from tasks.validation import MAX_IDEMPOTENCY_KEY, MAX_PAGE, MAX_PER_PAGE, SortBy

TASK_ID: Final[Schema] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The task's id, as creating and listing show it.",
    "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1},
}


def _operation(
    name: str, summary: str, scope: str, success: Schema, *failures: str, **more: Any
) -> Schema:
    """Describe an operation that answers `success`, or one of the named failures."""
    names = ("Unauthenticated", "Unauthorized", *failures, "TooManyAttempts", *BROKEN)
    refused = {STATUS_OF[f]: {"$ref": f"#/components/responses/{f}"} for f in names}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["Tasks"],
        "x-scope": scope,
        **more,
        "responses": {**success, **dict(sorted(refused.items()))},
    }


def _body(schema: Schema, example: object, *, required: bool) -> Schema:
    forms = ("application/x-www-form-urlencoded", "multipart/form-data")
    return {
        "required": required,
        "content": {**content(schema, example), **{form: {"schema": schema} for form in forms}},
    }


def _query(name: str, description: str, schema: Schema) -> Schema:
    # An empty parameter, as an empty form field sends it, means the default.
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
        "allowEmptyValue": True,
    }


def _envelope(text: str | None, data: str) -> Schema:
    said = {"message": {"const": text}} if text else {}
    return object_of({"status": SUCCESS, **said, "data": ref(data)})


_LIST: Final = _operation(
    "listTasks",
    "Retrieve paginated list of user's tasks",
    TASKS_READ,
    {"200": answer("A page of the list.", ref("TaskList"), examples.LIST)},
    "ValidationFailed",
    parameters=[
        _query(
            "status",
            f"Filter by status ({', '.join(STATUS_NAMES)})",
            {"type": "string", "enum": ["all", *STATUS_NAMES], "default": "all"},
        ),
        _query(
            "sort_by",
            "Sort field (created_at, status, priority)",
            {"type": "string", "enum": [field.value for field in SortBy], "default": "created_at"},
        ),
        _query(
            "sort_order",
            "Sort direction (asc, desc)",
            {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
        ),
        _query(
            "per_page",
            f"Items per page, at most {MAX_PER_PAGE}",
            {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": 15},
        ),
        _query(
            "page",
            "Number of the page; past the last one it is empty",
            {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1},
        ),
    ],
)

_IDEMPOTENCY_KEY: Final[Schema] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat safe: the same key and body within 24 hours give the "
    "first answer again, the same key with another body is refused.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_IDEMPOTENCY_KEY,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}

_CREATE: Final = _operation(
    "createTask",
    "Create a new scraping task",
    TASKS_WRITE,
    {
        "201": answer(
            "The task, which waits for a worker.",
            _envelope("Task created successfully", "Task"),
            examples.CREATED,
        )
    },
    *BODY_FAILURES,
    parameters=[_IDEMPOTENCY_KEY],
    requestBody=_body(ref("NewTask"), examples.NEW_TASK, required=True),
)

_SHOW: Final = _operation(
    "showTask",
    "Get details of a specific task",
    TASKS_READ,
    {
        "200": answer(
            "The task; `result` is null until it has completed.",
            _envelope(None, "TaskDetail"),
            examples.DETAIL,
        )
    },
    "TaskNotFound",
)

_UPDATE: Final = _operation(
    "updateTask",
    "Update a pending task (only pending tasks can be updated)",
    TASKS_WRITE,
    {
        "200": answer(
            "The task, changed.",
            _envelope("Task updated successfully", "Task"),
            examples.UPDATED,
        )
    },
    "TaskNotFound",
    *BODY_FAILURES,
    description='Only tasks with "pending" status can be updated',
    requestBody=_body(ref("TaskChanges"), examples.CHANGES, required=False),
)

_DELETE: Final = _operation(
    "deleteTask",
    "Delete a task",
    TASKS_WRITE,
    {"200": answer("It is gone.", said("Task deleted successfully"), examples.DELETED)},
    "TaskNotFound",
    description="This action cannot be undone",
)

_RESET: Final = _operation(
    "resetTask",
    "Reset a completed or failed task back to pending status",
    TASKS_WRITE,
    {"200": answer("The task, pending again.", ref("Reset"), examples.RESET)},
    "TaskNotFound",
    "ValidationFailed",
)

_RESULT: Final = _operation(
    "showResult",
    "Get detailed result of a completed task",
    RESULTS_READ,
    {"200": answer("The task's posts.", ref("Result"), examples.RESULT)},
    "TaskOrResultNotFound",
)


_EVENTS: Final = _operation(
    "watchTask",
    "Stream a task's events as they happen",
    TASKS_READ,
    {
        "200": {
            "description": "Server-sent events. The first one shows the task as it stands, with "
            "the type `snapshot`, unless Last-Event-ID is given; each further one is a change, in "
            "order. An event's id is its `seq`. The stream ends with the task.",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}, "example": examples.EVENTS}
            },
        },
        "204": {"description": "The task has ended, and the client has seen that."},
    },
    "TaskNotFound",
    "ValidationFailed",
    parameters=[
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The id of the last event that the client has seen; browsers send it by "
            "themselves when they reconnect.",
            "schema": {"type": "integer", "format": "int64", "minimum": 0},
        }
    ],
)

_EXPORT: Final = _operation(
    "exportPosts",
    "Download the posts collected so far",
    RESULTS_READ,
    {
        "200": {
            "description": "The posts that the task has now, in the order in which they were "
            "stored. The headers say how complete that is.",
            "headers": EXPORT_HEADERS,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": examples.EXPORT_JSONL,
                },
                "text/csv": {"schema": {"type": "string"}, "example": examples.EXPORT_CSV},
            },
        },
    },
    "TaskOrResultNotFound",
    "ValidationFailed",
    description="Works at any status. `jsonl` is a post a line, with null for what is unknown; "
    "its last line is no post but the object `export`, which says how many posts there are and "
    "whether any are missing. `csv` is for spreadsheets: UTF-8 with a byte order mark, and an "
    "apostrophe before a text that would be taken for a formula. The file's name ends in "
    "`-partial` when posts are missing. A download that breaks off is not ended as HTTP wants it, "
    "and lacks the last line. Takes a web session as well as a token.",
    parameters=[
        _query(
            "format",
            "JSON Lines or CSV",
            {"type": "string", "enum": ["jsonl", "csv"], "default": "jsonl"},
        )
    ],
)

_ADD_POSTS: Final = _operation(
    "addPosts",
    "Add posts to a task whose posts you send yourself",
    TASKS_WRITE,
    {
        "200": answer(
            "What became of the posts, and how far the task has got.",
            _envelope("Posts added successfully", "Added"),
            examples.ADDED,
        )
    },
    "TaskNotFound",
    *BODY_FAILURES,
    description="For what has no API that may be used: create a task with the group id "
    "`push:` and any name, and send it posts from a program of your own. The first batch takes the "
    "task from pending to processing. It completes once it holds `max_posts`, or with `finish`. A "
    "post that the task has already is not stored again.",
    parameters=[_IDEMPOTENCY_KEY],
    requestBody={"required": True, "content": content(ref("NewPosts"), examples.POSTS)},
)


def paths() -> Schema:
    """Describe the documented paths, and those beside them."""
    task = [{"$ref": "#/components/parameters/TaskId"}]
    return {
        "/api/tasks": {"get": _LIST, "post": _CREATE},
        "/api/tasks/{id}": {"parameters": task, "get": _SHOW, "put": _UPDATE, "delete": _DELETE},
        "/api/tasks/{id}/reset": {"parameters": task, "post": _RESET},
        "/api/tasks/{id}/events": {"parameters": task, "get": _EVENTS},
        "/api/tasks/{id}/export": {"parameters": task, "get": _EXPORT},
        "/api/tasks/{id}/posts": {"parameters": task, "post": _ADD_POSTS},
        "/api/tasks/{id}/result": {"parameters": task, "get": _RESULT},
    }
