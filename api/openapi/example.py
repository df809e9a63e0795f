"""The documented examples, which clients were written against."""

from typing import Any, Final

Example = dict[str, Any]

LIST: Final[Example] = {
    "status": "success",
    "data": [
        {
            "id": 1,
            "group_id": "123456789",
            "group_name": "Test Group",
            "max_posts": 100,
            "priority": 0,
            "status": "completed",
            "created_at": "2024-01-01T10:00:00Z",
            "has_result": True,
            "posts_count": 85,
        }
    ],
    "meta": {"total": 50, "per_page": 15, "current_page": 1, "last_page": 4},
    "links": {
        "first": "http://example.com/api/tasks?page=1",
        "last": "http://example.com/api/tasks?page=4",
        "prev": None,
        "next": "http://example.com/api/tasks?page=2",
    },
}

NEW_TASK: Final[Example] = {
    "group_id": "123456789",
    "group_name": "Laravel Developers Vietnam",
    "max_posts": 100,
    "priority": 5,
}

_TASK: Final[Example] = {
    "id": 1,
    **NEW_TASK,
    "status": "pending",
    "created_at": "2024-01-01T10:00:00Z",
}

CREATED: Final[Example] = {
    "status": "success",
    "message": "Task created successfully",
    "data": _TASK,
}

DETAIL: Final[Example] = {
    "status": "success",
    "data": {
        **_TASK,
        "status": "completed",
        "completed_at": "2024-01-01T10:15:00Z",
        "result": {"posts_count": 85, "duration_seconds": 120},
    },
}

CHANGES: Final[Example] = {
    "group_name": "Updated Group Name",
    "max_posts": 150,
    "priority": 10,
}

UPDATED: Final[Example] = {
    "status": "success",
    "message": "Task updated successfully",
    "data": {**_TASK, **CHANGES},
}

DELETED: Final[Example] = {"message": "Task deleted successfully"}

RESET: Final[Example] = {
    "message": "Task reset successfully",
    "task": {"id": 1, "status": "pending", "worker_id": None, "completed_at": None},
}

RESULT: Final[Example] = {
    "task": {"id": 1, "group_id": "123456789", "status": "completed"},
    "result": {"posts_count": 85, "duration_seconds": 120},
    "posts": [
        {
            "id": "post_123",
            "message": "Sample post content",
            "author": "John Doe",
            "created_time": "2024-01-01T09:00:00Z",
            "likes": 25,
            "comments": 5,
            "shares": 2,
        }
    ],
}

POSTS: Final[Example] = {
    "posts": [
        {
            "id": "post_123",
            "message": "Sample post content",
            "author": "John Doe",
            "created_time": "2024-01-01T09:00:00Z",
            "likes": 25,
            "comments": 5,
            "shares": 2,
            "url": "https://example.com/posts/123",
        }
    ],
    "finish": False,
}

ADDED: Final[Example] = {
    "status": "success",
    "message": "Posts added successfully",
    "data": {
        "id": 1,
        "status": "processing",
        "max_posts": 100,
        "posts_count": 1,
        "added": 1,
        "duplicates": 0,
        "surplus": 0,
    },
}

UNAUTHENTICATED: Final[Example] = {"message": "Unauthenticated"}
NO_RESULT: Final[Example] = {"message": "No result available for this task"}


def error(text: str) -> Example:
    """Return an error in the document's envelope."""
    return {"status": "error", "message": text}


UNAUTHORIZED: Final[Example] = error("Unauthorized")
INVALID: Final[Example] = {
    **error("Validation failed"),
    "errors": {"max_posts": ["The max posts field must not be greater than 500."]},
}

EVENTS: Final = (
    'id: 4\ndata: {"seq":4,"type":"progress","at":"2024-01-01T10:00:05Z","task":{"id":1,'
    '"group_id":"123456789","group_name":"Sample Group","max_posts":100,"priority":0,'
    '"status":"processing","created_at":"2024-01-01T10:00:00Z","posts_count":25,'
    '"completed_at":null,"stop_reason":null,"error_code":null,"error_message":null}}\n\n'
)

EXPORT_JSONL: Final = (
    '{"id":"post_1","message":"Sample post content","author":"John Doe",'
    '"url":"https://example.com/1","created_time":"2024-01-01T09:00:00Z","likes":25,"comments":5,'
    '"shares":null}\n'
    '{"export":{"task_id":1,"group_id":"123456789","status":"completed",'
    '"stop_reason":"end_of_source","posts":1,"complete":true}}\n'
)
EXPORT_CSV: Final = (
    "id,message,author,url,created_time,likes,comments,shares\r\n"
    "post_1,Sample post content,John Doe,https://example.com/1,2024-01-01T09:00:00Z,25,5,\r\n"
)
