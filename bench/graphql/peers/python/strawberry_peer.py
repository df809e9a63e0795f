"""Strawberry with its defaults: async resolvers over SQLAlchemy's ORM, a session an operation.

Answers the part of Sluice's schema that the benchmark asks for.
"""

import base64
import os
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NewType

import strawberry
from rows import PostRow, TaskRow, sessions
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

USER = int(os.environ["BENCH_USER_ID"])
BigInt = NewType("BigInt", int)


@strawberry.enum
class TaskStatus(Enum):
    """Where a task stands."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@strawberry.enum
class StopReason(Enum):
    """Why a run ended."""

    REACHED_MAX = "reached_max"
    END_OF_SOURCE = "end_of_source"
    KNOWN_POSTS = "known_posts"
    PAGE_CAP = "page_cap"
    NO_PROGRESS = "no_progress"
    FINISHED_BY_CLIENT = "finished_by_client"
    IDLE = "idle"
    CANCELLED = "cancelled"
    ERROR = "error"


@strawberry.type
class Receipt:
    """What a task's runs did."""

    requested: int
    collected: int
    duplicates: int
    pages: int
    calls: int
    complete: bool


@strawberry.type
class TaskResult:
    """How a task ended."""

    ended_at: datetime
    complete: bool
    stop_reason: StopReason | None
    receipt: Receipt | None


@strawberry.type
class PageInfo:
    """Where a page stands."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Post:
    """A post."""

    id: strawberry.ID
    source_id: str
    position: int
    message: str | None
    author: str | None
    url: str | None
    created_time: datetime | None
    likes: BigInt | None
    comments: BigInt | None
    shares: BigInt | None

    @classmethod
    def of(cls, row: PostRow) -> "Post":
        """Convert a row."""
        return cls(
            id=global_id(f"Post:{row.task_id}:{row.post_id}"),
            source_id=row.post_id,
            position=row.position,
            message=row.message,
            author=row.author,
            url=row.url,
            created_time=row.created_time,
            likes=row.likes,
            comments=row.comments,
            shares=row.shares,
        )


@strawberry.type
class PostConnection:
    """A page of posts."""

    nodes: list[Post]
    page_info: PageInfo
    total_count: int


@strawberry.type
class Task:
    """A task."""

    row: strawberry.Private[TaskRow]
    id: strawberry.ID
    database_id: BigInt
    group_id: str
    group_name: str | None
    platform: str
    target: str
    max_posts: int
    priority: int
    status: TaskStatus
    posts_count: int
    created_at: datetime
    completed_at: datetime | None
    updated_at: datetime

    @strawberry.field
    def result(self) -> TaskResult | None:
        """How it ended."""
        row = self.row
        if row.completed_at is None:
            return None
        read = {"collected": 0, "duplicates": 0, "pages": 0, "calls": 0, "complete": False}
        read |= {name: value for name, value in (row.receipt or {}).items() if name in read}
        return TaskResult(
            ended_at=row.completed_at,
            complete=bool(read["complete"]),
            stop_reason=StopReason(row.stop_reason) if row.stop_reason else None,
            receipt=Receipt(requested=row.max_posts, **read) if row.receipt else None,
        )

    @strawberry.field
    async def posts(self, info: Info, first: int, after: str | None = None) -> PostConnection:
        """Its posts."""
        loader: DataLoader[tuple[int, int, int], Sequence[PostRow]] = info.context["posts"]
        position = -1 if after is None else read_cursor(after)
        rows = await loader.load((self.row.id, position, first))
        cursors = [cursor_of(row.position) for row in rows[:first]]
        return PostConnection(
            nodes=[Post.of(row) for row in rows[:first]],
            page_info=page_of(cursors, more=len(rows) > first, after=after),
            total_count=self.row.posts_count,
        )

    @classmethod
    def of(cls, row: TaskRow) -> "Task":
        """Convert a row."""
        return cls(
            row=row,
            id=global_id(f"Task:{row.id}"),
            database_id=BigInt(row.id),
            group_id=row.group_id,
            group_name=row.group_name,
            platform=row.platform,
            target=row.target,
            max_posts=row.max_posts,
            priority=row.priority,
            status=TaskStatus(row.status),
            posts_count=row.posts_count,
            created_at=row.created_at,
            completed_at=row.completed_at,
            updated_at=row.updated_at,
        )


@strawberry.type
class TaskEdge:
    """A task in its list."""

    cursor: str
    node: Task


@strawberry.type
class TaskConnection:
    """A page of tasks."""

    edges: list[TaskEdge]
    page_info: PageInfo


@strawberry.input
class TaskFilter:
    """Which tasks."""

    status: list[TaskStatus] | None = None


@strawberry.input
class CreateTaskInput:
    """A task to create."""

    group_id: str
    max_posts: int
    group_name: str | None = None
    priority: int = 0


@strawberry.type
class UserError:
    """Why nothing was done."""

    field: list[str] | None
    message: str
    code: str


@strawberry.type
class CreateTaskPayload:
    """What became of it."""

    task: Task | None
    user_errors: list[UserError]


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:  # noqa: A002 - the schema's name
        """One task."""
        key = int(base64.b64decode(id).decode().split(":")[1])
        wanted = select(TaskRow).where(TaskRow.id == key, TaskRow.user_id == USER)
        row = await info.context["session"].scalar(wanted)
        return None if row is None else Task.of(row)

    @strawberry.field
    async def tasks(
        self,
        info: Info,
        first: int,
        after: str | None = None,
        filter: TaskFilter | None = None,  # noqa: A002 - the schema's name
    ) -> TaskConnection:
        """A page of tasks, newest first."""
        wanted = select(TaskRow).where(TaskRow.user_id == USER)
        if filter is not None and filter.status:
            wanted = wanted.where(TaskRow.status.in_([each.value for each in filter.status]))
        if after is not None:
            place = select(TaskRow.created_at, TaskRow.id).where(TaskRow.id == read_cursor(after))
            wanted = wanted.where(tuple_(TaskRow.created_at, TaskRow.id) < place.scalar_subquery())
        wanted = wanted.order_by(TaskRow.created_at.desc(), TaskRow.id.desc()).limit(first + 1)
        rows = (await info.context["session"].scalars(wanted)).all()
        cursors = [cursor_of(row.id) for row in rows[:first]]
        return TaskConnection(
            edges=[
                TaskEdge(cursor=cursor, node=Task.of(row))
                for cursor, row in zip(cursors, rows, strict=False)
            ],
            page_info=page_of(cursors, more=len(rows) > first, after=after),
        )


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    async def create_task(self, info: Info, input: CreateTaskInput) -> CreateTaskPayload:  # noqa: A002 - the schema's name
        """Create a pending task: a row, and neither an event nor a wake-up."""
        session: AsyncSession = info.context["session"]
        platform, _, target = input.group_id.partition(":")
        row = TaskRow(
            user_id=USER,
            group_id=input.group_id,
            group_name=input.group_name,
            platform=platform,
            target=target,
            max_posts=input.max_posts,
            priority=input.priority,
            status=TaskStatus.PENDING.value,
            attempt=0,
            failures=0,
            cursor_state="start",
            posts_count=0,
            revision=1,
        )
        session.add(row)
        await session.commit()
        return CreateTaskPayload(task=Task.of(row), user_errors=[])


def global_id(text: str) -> strawberry.ID:
    """Return the global id of an object."""
    return strawberry.ID(base64.b64encode(text.encode()).decode())


def cursor_of(mark: int) -> str:
    """Return a cursor."""
    return base64.urlsafe_b64encode(str(mark).encode()).decode()


def read_cursor(cursor: str) -> int:
    """Return what a cursor marks."""
    return int(base64.urlsafe_b64decode(cursor))


def page_of(cursors: Sequence[str], *, more: bool, after: str | None) -> PageInfo:
    """Say where a page stands."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


class Endpoint(GraphQL[Any, None]):
    """The endpoint, whose context holds a session and the batches of one request."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:  # noqa: ARG002 - the library's signature
        """Make one operation's context; the session is connected when it is first used."""
        session = request.scope["session"]

        async def posts(keys: list[tuple[int, int, int]]) -> list[Sequence[PostRow]]:
            _, position, first = keys[0]
            wanted = select(PostRow).where(
                PostRow.task_id.in_([key[0] for key in keys]),
                PostRow.position > position,
                PostRow.position <= position + first + 1,
            )
            rows = (await session.scalars(wanted.order_by(PostRow.position))).all()
            return [[row for row in rows if row.task_id == key[0]] for key in keys]

        return {"session": session, "posts": DataLoader(posts)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request within its session."""
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        async with sessions() as session:
            return await super().__call__({**scope, "session": session}, receive, send)


schema = strawberry.Schema(
    Query,
    Mutation,
    config=StrawberryConfig(scalar_map={BigInt: strawberry.scalar(name="BigInt", serialize=int)}),
)
app = Starlette()
app.add_route("/graphql", Endpoint(schema))
