"""What the fields of tasks, posts and events read of their rows: one line a field.

`@name@` is a column. Names in small letters are functions of this module; those of enums give a
text the name of the enum's value. Times are left to orjson, which writes them as the scalar does.
A field that does not stand here takes its document to the ordinary path; a test compares.
"""

from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any, Final

from graph.types.task import TaskProgress

TASK: Final[Mapping[str, str]] = {
    "id": "b2a_base64(b'Task:%d' % @id@, newline=False).decode()",
    "databaseId": "@id@",
    "groupId": "@group_id@",
    "groupName": "@group_name@",
    "platform": "@platform@",
    "target": "@target@",
    "maxPosts": "@max_posts@",
    "priority": "@priority@",
    "status": "TaskStatus[@status@]",
    "workerId": "@worker_id@",
    "attempt": "@attempt@",
    "failures": "@failures@",
    "postsCount": "@posts_count@",
    "notBefore": "@not_before@",
    "createdAt": "@created_at@",
    "assignedAt": "@assigned_at@",
    "startedAt": "@started_at@",
    "completedAt": "@completed_at@",
    "updatedAt": "@updated_at@",
    "stopReason": "StopReason[@stop_reason@]",
    "revision": "@revision@",
    "scheduleId": "global_id_or_none(b'Schedule:%d', @schedule_id@)",
}
PROGRESS: Final[Mapping[str, str]] = {
    "collected": "@posts_count@",
    "requested": "@max_posts@",
    "ratio": "part(@status@, @posts_count@, @max_posts@)",
}
#: Null without a code.
ERROR: Final[Mapping[str, str]] = {"code": "@error_code@", "message": "(@error_message@ or '')"}
POST: Final[Mapping[str, str]] = {
    "id": "b2a_base64(b'Post:%d:%b' % (@task_id@, @post_id@.encode()), newline=False).decode()",
    "sourceId": "@post_id@",
    "position": "@position@",
    "message": "@message@",
    "messageCharacters": "length_or_none(@message@)",
    "author": "@author@",
    "url": "@url@",
    "createdTime": "@created_time@",
    "likes": "@likes@",
    "comments": "@comments@",
    "shares": "@shares@",
}
EVENT: Final[Mapping[str, str]] = {
    "seq": "@seq@",
    "type": "TaskEventType[@type@]",
    "at": "@at@",
}


def global_id_or_none(form: bytes, key: int | None) -> str | None:
    """Return a global id of something that need not be there."""
    return None if key is None else b2a_base64(form % key, newline=False).decode()


def length_or_none(text: str | None) -> int | None:
    """Return how many characters a text has that need not be there."""
    return None if text is None else len(text)


#: The functions that the lines above name.
FUNCTIONS: Final[Mapping[str, Any]] = {
    "b2a_base64": b2a_base64,
    "global_id_or_none": global_id_or_none,
    "length_or_none": length_or_none,
    "part": TaskProgress.part,
}
#: The enums that they name. An absent value, which an empty text is too, has no name.
ENUMS: Final = ("TaskStatus", "StopReason", "TaskEventType")
