"""The peer: FastAPI, SQLModel and AsyncSession as their documents advise, answering the same.

The same database, rows and answers as Sluice's list and single task; authentication by the same
digest look-up, on every request. Pydantic models print it, as FastAPI does.
"""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from pydantic import BaseModel, PlainSerializer
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_async_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
app = FastAPI()

Stamp = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
]


class ApiToken(SQLModel, table=True):
    """The columns that authentication needs."""

    __tablename__ = "api_token"
    id: int = Field(primary_key=True)
    user_id: int
    digest: str


class Task(SQLModel, table=True):
    """The columns that the answers need."""

    __tablename__ = "task"
    id: int = Field(primary_key=True)
    user_id: int
    group_id: str
    group_name: str | None
    max_posts: int
    priority: int
    status: str
    created_at: datetime
    assigned_at: datetime | None
    completed_at: datetime | None
    posts_count: int


class Listed(BaseModel):
    """A task in the list."""

    id: int
    group_id: str
    group_name: str | None
    max_posts: int
    priority: int
    status: str
    created_at: Stamp
    has_result: bool
    posts_count: int


class Meta(BaseModel):
    """Where in the list the page stands."""

    total: int
    per_page: int
    current_page: int
    last_page: int


class Listing(BaseModel):
    """A page."""

    status: str
    data: list[Listed]
    meta: Meta
    links: dict[str, str | None]


class Result(BaseModel):
    """The counts of a completed task."""

    posts_count: int
    duration_seconds: int


class Detail(BaseModel):
    """A single task."""

    id: int
    group_id: str
    group_name: str | None
    max_posts: int
    priority: int
    status: str
    created_at: Stamp
    completed_at: Stamp | None
    result: Result | None


class Shown(BaseModel):
    """The single task's envelope."""

    status: str
    data: Detail


async def session() -> AsyncIterator[AsyncSession]:
    """One session a request."""
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def user(request: Request, opened: Session) -> int:
    """Resolve the Bearer token."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = (await opened.exec(select(ApiToken).where(ApiToken.digest == digest))).first()
    if found is None:
        raise HTTPException(401)
    return found.user_id


User = Annotated[int, Depends(user)]


@app.get("/api/tasks")
async def tasks(  # noqa: PLR0917 - FastAPI takes a route's parameters from its signature
    request: Request,
    owner: User,
    opened: Session,
    status: str | None = None,
    page: Annotated[int, Query(ge=1)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 15,
) -> Listing:
    """List a user's tasks."""
    mine = [Task.user_id == owner, *([Task.status == status] if status else [])]
    query = select(Task).where(*mine).order_by(Task.created_at.desc(), Task.id.desc())
    rows = (await opened.exec(query.limit(per_page).offset((page - 1) * per_page))).all()
    total = (await opened.exec(select(func.count()).select_from(Task).where(*mine))).one()
    last = max(1, -(-total // per_page))
    base = f"{request.base_url}api/tasks?status={status}&page="
    return Listing(
        status="success",
        data=[Listed(**row.model_dump(), has_result=row.status == "completed") for row in rows],
        meta=Meta(total=total, per_page=per_page, current_page=page, last_page=last),
        links={
            "first": f"{base}1",
            "last": f"{base}{last}",
            "prev": f"{base}{page - 1}" if page > 1 else None,
            "next": f"{base}{page + 1}" if page < last else None,
        },
    )


@app.get("/api/tasks/{task_id}")
async def task(task_id: int, owner: User, opened: Session) -> Shown:
    """Show a task."""
    row = await opened.get(Task, task_id)
    if row is None:
        raise HTTPException(404)
    if row.user_id != owner:
        raise HTTPException(403)
    done = row.status == "completed" and row.completed_at and row.assigned_at
    result = (
        Result(
            posts_count=row.posts_count,
            duration_seconds=int((row.completed_at - row.assigned_at).total_seconds()),
        )
        if done
        else None
    )
    return Shown(status="success", data=Detail(**row.model_dump(), result=result))
