"""What is asked of every server, and whether its answer holds what the database does.

The hand-written servers have this part of Sluice's schema, so they get the same documents.
PostGraphile makes its schema from the tables; it is asked for the same in its own words.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bench.graphql.installation import TASK, TASKS, USER, USERS, task
from bench.graphql.installation import post as post_row

#: How many tasks and posts a page has.
TASKS_SHOWN: Final = 15
POSTS_SHOWN: Final = 100
GROUP: Final = "sandbox:python"
KINDS: Final = ("list", "single", "posts", "create")
#: Of the task `TASK`.
_GLOBAL_ID: Final = base64.b64encode(f"Task:{TASK}".encode()).decode()

_LIST: Final = """query Tasks($first: Int!, $after: String) {
  tasks(first: $first, after: $after, filter: {status: [COMPLETED]}) {
    edges {
      cursor
      node {
        id databaseId groupId groupName platform status postsCount createdAt completedAt
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
_SINGLE: Final = """query Task($id: ID!) {
  task(id: $id) {
    id databaseId groupId groupName platform status postsCount createdAt completedAt
    target maxPosts priority updatedAt
  }
}"""
_POSTS: Final = """query Result($id: ID!, $first: Int!) {
  task(id: $id) {
    id databaseId groupId groupName platform status postsCount createdAt completedAt
    result { endedAt complete stopReason receipt { collected pages calls } }
    posts(first: $first) {
      nodes { id sourceId message author url createdTime likes comments shares }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}"""
_CREATE: Final = """mutation Create($input: CreateTaskInput!) {
  createTask(input: $input) {
    task { id databaseId groupId groupName status createdAt }
    userErrors { field message code }
  }
}"""

_POSTGRAPHILE_LIST: Final = """query Tasks($user: BigInt!, $first: Int!, $after: Cursor) {
  tasks: allTasks(
    first: $first, after: $after, condition: {userId: $user, status: "completed"},
    orderBy: [CREATED_AT_DESC]
  ) {
    edges {
      cursor
      node { id rowId groupId groupName platform status postsCount createdAt completedAt }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
_POSTGRAPHILE_SINGLE: Final = """query Task($id: BigInt!) {
  task: taskByRowId(rowId: $id) {
    id rowId groupId groupName platform status postsCount createdAt completedAt
    target maxPosts priority updatedAt
  }
}"""
_POSTGRAPHILE_POSTS: Final = """query Result($id: BigInt!, $first: Int!) {
  task: taskByRowId(rowId: $id) {
    id rowId groupId groupName platform status postsCount createdAt completedAt stopReason receipt
    posts: postsByTaskId(first: $first, orderBy: [POSITION_ASC]) {
      nodes { id postId message author url createdTime likes comments shares }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}"""
_POSTGRAPHILE_CREATE: Final = """mutation Create($task: TaskInput!) {
  createTask(input: {task: $task}) {
    task { id rowId groupId groupName status createdAt }
  }
}"""


def ours() -> Mapping[str, bytes]:
    """Return the bodies of requests in Sluice's schema."""
    wish = {"groupId": GROUP, "groupName": "Python", "maxPosts": 50, "priority": 0}
    return {
        "list": _body(_LIST, first=TASKS_SHOWN),
        "single": _body(_SINGLE, id=_GLOBAL_ID),
        "posts": _body(_POSTS, id=_GLOBAL_ID, first=POSTS_SHOWN),
        "create": _body(_CREATE, input=wish),
    }


def postgraphile(now: datetime) -> Mapping[str, bytes]:
    """Return the same requests in PostGraphile's schema, whose client fills in every column."""
    wish = {
        "userId": str(USER),
        "groupId": GROUP,
        "groupName": "Python",
        "platform": "sandbox",
        "target": "python",
        "maxPosts": 50,
        "priority": 0,
        "status": "pending",
        "attempt": 0,
        "failures": 0,
        "cursorState": "start",
        "postsCount": 0,
        "createdAt": now.isoformat(),
        "updatedAt": now.isoformat(),
        "revision": "1",
    }
    return {
        "list": _body(_POSTGRAPHILE_LIST, user=str(USER), first=TASKS_SHOWN),
        "single": _body(_POSTGRAPHILE_SINGLE, id=str(TASK)),
        "posts": _body(_POSTGRAPHILE_POSTS, id=str(TASK), first=POSTS_SHOWN),
        "create": _body(_POSTGRAPHILE_CREATE, task=wish),
    }


def unseen(number: int) -> bytes:
    """Return the list's request in a document that no other number has."""
    return _body(_LIST.replace("query Tasks", f"query Tasks{number}"), first=TASKS_SHOWN)


def text(body: bytes) -> str:
    """Return the document in a request."""
    return json.loads(body)["query"]


def check(kind: str, answer: bytes, now: datetime) -> None:
    """Compare an answer with what the database was filled with.

    Raises:
        ValueError: It has errors, or something else than was asked for.
    """
    body = json.loads(answer)
    if body.get("errors"):
        raise ValueError(f"{kind} is answered with errors: {answer.decode():.400}")
    found, expected = _FACTS[kind](body["data"]), _expected(kind, now)
    if found != expected:
        raise ValueError(f"{kind} is answered with\n{found}\ninstead of\n{expected}")


def _body(query: str, **variables: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


def _expected(kind: str, now: datetime) -> Any:
    if kind == "list":
        mine = (task(number, now) for number in range(USERS, TASKS, USERS))
        completed = [row for row in mine if row["status"] == "completed"]
        return [_row(row) for row in completed[:TASKS_SHOWN]], True
    if kind == "single":
        row = task(TASK, now)
        more = (row["target"], row["max_posts"], row["priority"], _ms(row["updated_at"]))
        return _row(row), more
    if kind == "posts":
        posts = [post_row(number, now) for number in range(POSTS_SHOWN)]
        shown = [(p["post_id"], *_post(p, _ms(p["created_time"]))) for p in posts]
        return _row(task(TASK, now)), ("end_of_source", True, 120, 3, 3), shown, True
    return GROUP, "Python", "pending"


def _list(data: Any) -> Any:
    edges = data["tasks"]["edges"]
    page = data["tasks"]["pageInfo"]
    if not all(edge["cursor"] for edge in edges) or page["endCursor"] != edges[-1]["cursor"]:
        raise ValueError("the cursors are not those of the edges")
    return [_node(edge["node"]) for edge in edges], page["hasNextPage"]


def _single(data: Any) -> Any:
    node = data["task"]
    more = (node["target"], node["maxPosts"], node["priority"], _ms(node["updatedAt"]))
    return _node(node), more


def _posts(data: Any) -> Any:
    node = data["task"]
    # PostGraphile shows the columns that the others make a result of.
    result = node.get("result") or {
        "stopReason": node["stopReason"],
        "receipt": node["receipt"],
        "complete": node["receipt"]["complete"],
    }
    receipt = result["receipt"]
    ended = (
        result["stopReason"].lower(),
        result["complete"],
        *(receipt[name] for name in ("collected", "pages", "calls")),
    )
    posts = [
        (p.get("sourceId") or p["postId"], *_post(p, _ms(p["createdTime"])))
        for p in node["posts"]["nodes"]
    ]
    return _node(node), ended, posts, node["posts"]["pageInfo"]["hasNextPage"]


def _create(data: Any) -> Any:
    node = data["createTask"]["task"]
    return node["groupId"], node["groupName"], node["status"].lower()


def _node(node: Any) -> tuple[Any, ...]:
    return (
        int(node.get("databaseId") or node["rowId"]),
        node["groupId"],
        node["groupName"],
        node["platform"],
        node["status"].lower(),
        node["postsCount"],
        _ms(node["createdAt"]),
        _ms(node["completedAt"]),
    )


def _row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    columns = ("id", "group_id", "group_name", "platform", "status", "posts_count")
    return (*(row[n] for n in columns), _ms(row["created_at"]), _ms(row["completed_at"]))


def _post(post: Mapping[str, Any], created: int) -> tuple[Any, ...]:
    texts = (post[name] for name in ("message", "author", "url"))
    numbers = (None if post[n] is None else int(post[n]) for n in ("likes", "comments", "shares"))
    return (*texts, created, *numbers)


def _ms(moment: datetime | str) -> int:
    """Return milliseconds: JavaScript knows a moment no better."""
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return int(read.timestamp() * 1_000_000) // 1000


_FACTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "list": _list,
    "single": _single,
    "posts": _posts,
    "create": _create,
}
