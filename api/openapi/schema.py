"""The schemas of what is sent and answered."""

from typing import Any, Final

from tasks.batch import MAX_AUTHOR, MAX_BATCH, MAX_COUNT, MAX_ID, MAX_MESSAGE, MAX_URL
from tasks.models import TaskStatus
from tasks.validation import (
    MAX_GROUP_ID,
    MAX_GROUP_NAME,
    MAX_PER_PAGE,
    MAX_POSTS,
    PRIORITY_LEAST,
    PRIORITY_MOST,
)

Schema = dict[str, Any]

#: A whole number as text, with the blanks around it that are taken off.
_WHOLE_AS_TEXT: Final = r"^\s*[+-]?(0|[1-9][0-9]*)\s*$"
_BLANK_OR_WHOLE: Final = r"^\s*([+-]?(0|[1-9][0-9]*)\s*)?$"

STATUS_NAMES: Final = [status.value for status in TaskStatus]


def object_of(properties: Schema) -> Schema:
    """Describe an answer's object: all keys, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """Refer to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
ID: Final[Schema] = {"type": "integer", "minimum": 1}
TEXT: Final[Schema] = {"type": "string"}
_MAX_POSTS: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_POSTS}
_PRIORITY: Final[Schema] = {
    "type": "integer",
    "minimum": PRIORITY_LEAST,
    "maximum": PRIORITY_MOST,
}
_STATUS: Final[Schema] = {"type": "string", "enum": STATUS_NAMES}
SUCCESS: Final[Schema] = {"const": "success"}
ERROR: Final[Schema] = {"const": "error"}
_URL: Final[Schema] = {"type": "string", "format": "uri"}

_CREATED: Final[Schema] = {
    "id": ID,
    "group_id": TEXT,
    "group_name": {"type": ["string", "null"]},
    "max_posts": _MAX_POSTS,
    "priority": _PRIORITY,
    "status": _STATUS,
    "created_at": TIME,
}
_COUNTS: Final[Schema] = {"posts_count": COUNT, "duration_seconds": COUNT}
_NULLABLE_TIME: Final[Schema] = {"anyOf": [TIME, {"type": "null"}]}

#: What a client may send for a field, in the order of the document.
_GROUP_NAME_SENT: Final[Schema] = {
    "type": ["string", "null"],
    "description": "Social media platform name",
    "x-rules": "nullable",
}
_PRIORITY_SENT: Final[Schema] = {
    "anyOf": [_PRIORITY, {"type": "null"}, {"type": "string", "pattern": _BLANK_OR_WHOLE}],
    "description": "Task priority (higher = more priority)",
    "x-rules": "nullable",
}
_MAX_POSTS_SENT: Final[Schema] = {
    "anyOf": [_MAX_POSTS, {"type": "string", "pattern": _WHOLE_AS_TEXT}],
    "description": "Maximum posts to scrape",
    "x-rules": f"min:1, max:{MAX_POSTS}",
}


def _known_text(most: int, description: str) -> Schema:
    return {
        "type": ["string", "null"],
        "maxLength": most,
        "description": f"{description} Null if it is not known.",
    }


def _known_count(description: str) -> Schema:
    return {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
            {"type": "string", "pattern": _BLANK_OR_WHOLE},
            {"type": "null"},
        ],
        "description": f"{description} Null if it is not known, not 0.",
    }


SCHEMAS: Final[Schema] = {
    "NewTask": {
        "type": "object",
        "required": ["group_id", "max_posts"],
        "properties": {
            "group_id": {
                "anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}],
                "description": "Social media platform ID: `platform:target`, an address that a "
                f"source recognises, or a bare id. At most {MAX_GROUP_ID:,} characters.",
                "x-rules": "required",
            },
            "group_name": {
                **_GROUP_NAME_SENT,
                "description": f"Social media platform name, at most {MAX_GROUP_NAME} characters.",
            },
            "max_posts": _MAX_POSTS_SENT,
            "priority": _PRIORITY_SENT,
        },
    },
    "TaskChanges": {
        "type": "object",
        "properties": {
            "group_name": _GROUP_NAME_SENT,
            "max_posts": _MAX_POSTS_SENT,
            "priority": {**_PRIORITY_SENT, "description": "Task priority"},
        },
    },
    "Task": object_of(_CREATED),
    "ListedTask": object_of({**_CREATED, "has_result": {"type": "boolean"}, "posts_count": COUNT}),
    "TaskDetail": object_of(
        {
            **_CREATED,
            "completed_at": _NULLABLE_TIME,
            "result": {"anyOf": [object_of(_COUNTS), {"type": "null"}]},
        }
    ),
    "TaskList": object_of(
        {
            "status": SUCCESS,
            "data": {"type": "array", "items": ref("ListedTask"), "maxItems": MAX_PER_PAGE},
            "meta": object_of(
                {"total": COUNT, "per_page": ID, "current_page": ID, "last_page": ID}
            ),
            "links": object_of(
                {
                    "first": _URL,
                    "last": _URL,
                    "prev": {"anyOf": [_URL, {"type": "null"}]},
                    "next": {"anyOf": [_URL, {"type": "null"}]},
                }
            ),
        }
    ),
    "Post": object_of(
        {
            "id": TEXT,
            "message": TEXT,
            "author": TEXT,
            "created_time": _NULLABLE_TIME,
            "likes": COUNT,
            "comments": COUNT,
            "shares": COUNT,
        }
    ),
    "Result": object_of(
        {
            "task": object_of({"id": ID, "group_id": TEXT, "status": {"const": "completed"}}),
            "result": object_of(_COUNTS),
            "posts": {"type": "array", "items": ref("Post"), "maxItems": MAX_POSTS},
        }
    ),
    "NewPosts": {
        "type": "object",
        "properties": {
            "posts": {
                "type": ["array", "null"],
                "items": ref("NewPost"),
                "maxItems": MAX_BATCH,
                "description": f"The posts, 1 to {MAX_BATCH}, in the order in which the result is "
                "to show them. With `finish` there may be none.",
                "x-rules": f"min:1, max:{MAX_BATCH}",
            },
            "finish": {
                "type": ["boolean", "null"],
                "default": False,
                "description": "Whether these are the last, so that the task completes.",
                "x-rules": "nullable",
            },
        },
        "if": {"properties": {"finish": {"const": True}}, "required": ["finish"]},
        "else": {
            "properties": {"posts": {"type": "array", "minItems": 1}},
            "required": ["posts"],
        },
    },
    "NewPost": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": MAX_ID},
                    {"type": "number"},
                ],
                "description": "The same whenever the post is sent again, and no other post's.",
            },
            "message": _known_text(MAX_MESSAGE, "Plain text."),
            "author": _known_text(MAX_AUTHOR, "As people know them."),
            "created_time": {
                "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
                "description": "ISO 8601 with a zone, from 1900 on.",
            },
            "likes": _known_count("Likes, or what stands in their place."),
            "comments": _known_count("Replies."),
            "shares": _known_count("Reposts."),
            "url": _known_text(MAX_URL, "Where people see it: `http://…` or `https://…`."),
        },
    },
    "Added": object_of(
        {
            "id": ID,
            "status": {"type": "string", "enum": ["processing", "completed"]},
            "max_posts": _MAX_POSTS,
            "posts_count": COUNT,
            "added": {**COUNT, "description": "Posts stored."},
            "duplicates": {**COUNT, "description": "Posts that the task had already."},
            "surplus": {**COUNT, "description": "Posts beyond `max_posts`, which were left out."},
        }
    ),
    "Reset": object_of(
        {
            "message": {"const": "Task reset successfully"},
            "task": object_of(
                {
                    "id": ID,
                    "status": {"const": "pending"},
                    "worker_id": {"type": "null"},
                    "completed_at": {"type": "null"},
                }
            ),
        }
    ),
    "Invalid": object_of(
        {
            "status": ERROR,
            "message": {"const": "Validation failed"},
            "errors": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "array", "minItems": 1, "items": TEXT},
            },
        }
    ),
}
