"""Schedules, and the posts that their runs know."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import BigId, Boolean, Instant, Json, Text
from tasks.models.record import NO_REUSE, Record


class Schedule(Record, table=True):
    """A wish that comes back: each run of it is a task."""

    __tablename__ = "schedule"
    __table_args__ = (
        sa.Index("ix_schedule_user_id", "user_id", "id"),
        # What comes due next.
        sa.Index(
            "ix_schedule_next_run_at",
            "next_run_at",
            sqlite_where=sa.text("paused_at IS NULL"),
            postgresql_where=sa.text("paused_at IS NULL"),
        ),
        NO_REUSE,
    )

    id: int = Field(sa_type=BigId, primary_key=True)
    user_id: int = Field(sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE")
    group_id: str = Field(sa_type=Text)  #: As the client wrote it.
    group_name: str | None = Field(default=None, sa_type=Text)
    platform: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    max_posts: int
    priority: int = 0
    every_seconds: int
    only_new: bool = Field(default=False, sa_type=Boolean)
    next_run_at: datetime = Field(sa_type=Instant)
    last_run_at: datetime | None = Field(default=None, sa_type=Instant)
    last_task_id: int | None = Field(default=None, sa_type=sa.BigInteger)  #: The newest run.
    paused_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    #: By which the source can say that nothing changed since `validators_task_id` read it.
    validators: dict[str, str] | None = Field(default=None, sa_type=Json)
    validators_task_id: int | None = Field(default=None, sa_type=sa.BigInteger)


class ScheduleKnown(Record, table=True):
    """A post that a completed run of a schedule brought: the watermark of those to come.

    Apart from the posts, which may be deleted with their task or by retention.
    """

    __tablename__ = "schedule_known"
    __table_args__ = (sa.Index("ix_schedule_known_task_id", "schedule_id", "task_id"),)

    schedule_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="schedule.id", ondelete="CASCADE", primary_key=True
    )
    post_id: str = Field(sa_type=Text, primary_key=True)
    task_id: int = Field(sa_type=sa.BigInteger)
