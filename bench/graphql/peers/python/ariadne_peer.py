"""Ariadne: resolvers on dictionaries from asyncpg's pool, which prepares statements by itself.

Answers the part of Sluice's schema that the benchmark asks for.
"""

import base64
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from ariadne import MutationType, ObjectType, QueryType, ScalarType, make_executable_schema
from ariadne.asgi import GraphQL
from starlette.applications import Starlette
from starlette.routing import Mount

USER = int(os.environ["BENCH_USER_ID"])
TASK = (
    "id, group_id, group_name, platform, target, max_posts, priority, status, posts_count, "
    "created_at, completed_at, updated_at, stop_reason, receipt"
)
POST = "task_id, position, post_id, message, author, url, created_time, likes, comments, shares"
query, mutation = QueryType(), MutationType()
task, post = ObjectType("Task"), ObjectType("Post")
moments, numbers = ScalarType("DateTime"), ScalarType("BigInt")
moments.set_serializer(lambda moment: moment.isoformat())
numbers.set_serializer(int)


class Rows:
    """Where rows come from: the pool, which belongs to the loop that serves."""

    def __init__(self) -> None:
        self._pool: Any = None

    @contextlib.asynccontextmanager
    async def opened(self, _app: Any) -> AsyncGenerator[None]:
        """Hold the pool open while the application runs."""
        url = os.environ["BENCH_DATABASE_URL"]
        async with asyncpg.create_pool(url, min_size=10, max_size=10) as self._pool:
            yield

    async def of(self, statement: str, *values: Any) -> Sequence[Any]:
        """Run a statement."""
        return await self._pool.fetch(statement, *values)


rows = Rows()


@query.field("task")
async def one(_: Any, _info: Any, id: str) -> Any:  # noqa: A002 - the schema's name
    """Resolve one task."""
    key = int(base64.b64decode(id).decode().split(":")[1])
    found = await rows.of(f"SELECT {TASK} FROM task WHERE id = $1 AND user_id = $2", key, USER)
    return dict(found[0]) if found else None


@query.field("tasks")
async def page(
    _: Any,
    _info: Any,
    first: int,
    after: str | None = None,
    filter: Any = None,  # noqa: A002 - the schema's name
) -> Any:
    """Resolve a page of tasks, newest first."""
    where, values = "user_id = $1", [USER, first + 1]
    statuses = [each.lower() for each in (filter or {}).get("status") or ()]
    if statuses:
        values.append(statuses[0] if len(statuses) == 1 else statuses)
        where += f" AND status = {'$3' if len(statuses) == 1 else 'ANY($3)'}"
    if after is not None:
        values.append(read_cursor(after))
        place = f"(SELECT created_at, id FROM task WHERE id = ${len(values)})"
        where += f" AND (created_at, id) < {place}"
    order = "ORDER BY created_at DESC, id DESC LIMIT $2"
    found = await rows.of(f"SELECT {TASK} FROM task WHERE {where} {order}", *values)
    return connection(found, first=first, after=after, mark="id")


@mutation.field("createTask")
async def create(_: Any, _info: Any, input: Any) -> Any:  # noqa: A002 - the schema's name
    """Create a pending task: a row, and neither an event nor a wake-up."""
    platform, _, target = input["group_id"].partition(":")
    found = await rows.of(
        f"""INSERT INTO task (user_id, group_id, group_name, platform, target, max_posts,
              priority, status, attempt, failures, cursor_state, posts_count, created_at,
              updated_at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, 0, 'start', 0, now(), now(), 1)
            RETURNING {TASK}""",
        USER,
        input["group_id"],
        input.get("group_name"),
        platform,
        target,
        input["max_posts"],
        input["priority"],
    )
    return {"task": dict(found[0]), "user_errors": []}


@task.field("id")
def task_id(row: Any, _info: Any) -> str:
    """Resolve the global id."""
    return global_id(f"Task:{row['id']}")


@task.field("databaseId")
def database_id(row: Any, _info: Any) -> int:
    """Resolve the number."""
    return row["id"]


@task.field("status")
def status(row: Any, _info: Any) -> str:
    """Resolve the status."""
    return row["status"].upper()


@task.field("result")
def result(row: Any, _info: Any) -> Any:
    """Resolve how it ended."""
    if row["completed_at"] is None:
        return None
    receipt = json.loads(row["receipt"]) if row["receipt"] else None
    return {
        "ended_at": row["completed_at"],
        "complete": bool(receipt and receipt.get("complete")),
        "stop_reason": row["stop_reason"].upper() if row["stop_reason"] else None,
        "receipt": receipt and {**receipt, "requested": row["max_posts"]},
    }


@task.field("posts")
async def posts(row: Any, _info: Any, first: int, after: str | None = None) -> Any:
    """Resolve a page of a task's posts."""
    position = -1 if after is None else read_cursor(after)
    found = await rows.of(
        f"SELECT {POST} FROM post WHERE task_id = $1 AND position > $2 ORDER BY position LIMIT $3",
        row["id"],
        position,
        first + 1,
    )
    page = connection(found, first=first, after=after, mark="position")
    return {**page, "total_count": row["posts_count"]}


@post.field("id")
def post_id(row: Any, _info: Any) -> str:
    """Resolve the global id."""
    return global_id(f"Post:{row['task_id']}:{row['post_id']}")


@post.field("sourceId")
def source_id(row: Any, _info: Any) -> str:
    """Resolve the platform's id."""
    return row["post_id"]


def connection(rows: Sequence[Any], *, first: int, after: str | None, mark: str) -> Any:
    """Cut a page."""
    nodes = [dict(row) for row in rows[:first]]
    cursors = [base64.urlsafe_b64encode(str(row[mark]).encode()).decode() for row in nodes]
    return {
        "nodes": nodes,
        "edges": [{"cursor": c, "node": n} for c, n in zip(cursors, nodes, strict=True)],
        "page_info": {
            "has_next_page": len(rows) > first,
            "has_previous_page": after is not None,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
    }


def global_id(text: str) -> str:
    """Return the global id of an object."""
    return base64.b64encode(text.encode()).decode()


def read_cursor(cursor: str) -> int:
    """Return what a cursor marks."""
    return int(base64.urlsafe_b64decode(cursor))


SDL = (Path(__file__).parent.parent / "schema.graphql").read_text()
schema = make_executable_schema(
    SDL, query, mutation, task, post, moments, numbers, convert_names_case=True
)
app = Starlette(lifespan=rows.opened, routes=[Mount("/", GraphQL(schema))])
