"""The rows that Strawberry's resolvers read, as SQLAlchemy's ORM maps them."""

import os
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=10,
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
Moment = DateTime(timezone=True)


def now() -> datetime:
    """Return the time at which a row is made."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The tables' base."""


class TaskRow(Base):
    """A task's row, as far as the benchmark asks for it."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    group_id: Mapped[str]
    group_name: Mapped[str | None]
    platform: Mapped[str]
    target: Mapped[str]
    max_posts: Mapped[int]
    priority: Mapped[int]
    status: Mapped[str]
    attempt: Mapped[int]
    failures: Mapped[int]
    cursor_state: Mapped[str]
    posts_count: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    completed_at: Mapped[datetime | None] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment, default=now)
    stop_reason: Mapped[str | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(BigInteger)


class PostRow(Base):
    """A post's row."""

    __tablename__ = "post"
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[str]
    message: Mapped[str | None]
    author: Mapped[str | None]
    url: Mapped[str | None]
    created_time: Mapped[datetime | None] = mapped_column(Moment)
    likes: Mapped[int | None] = mapped_column(BigInteger)
    comments: Mapped[int | None] = mapped_column(BigInteger)
    shares: Mapped[int | None] = mapped_column(BigInteger)
