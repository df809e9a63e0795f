"""Tasks, and the texts by which they say where they stand."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import BigId, Instant, Json, Text
from tasks.models.record import NO_REUSE, Record

#: The platform whose posts clients send themselves: no worker takes its tasks.
PUSH: Final = "push"


class TaskStatus(StrEnum):
    """Where a task stands."""

    PENDING = "pending"  #: Waits for a worker.
    ASSIGNED = "assigned"  #: A worker holds it and has not asked for a page yet.
    PROCESSING = "processing"  #: A worker is reading pages.
    COMPLETED = "completed"  #: Ended with a receipt; the posts are there.
    FAILED = "failed"  #: Ended for the reason in `error_code` or `stop_reason`.


RUNNING = (TaskStatus.ASSIGNED, TaskStatus.PROCESSING)
ENDED = (TaskStatus.COMPLETED, TaskStatus.FAILED)


class CursorState(StrEnum):
    """Where in its source a task stands."""

    START = "start"  #: No page was stored.
    AT = "at"  #: `cursor` names the next page.
    EXHAUSTED = "exhausted"  #: The source has no further page.


class StopReason(StrEnum):
    """Why a run ended."""

    REACHED_MAX = "reached_max"  #: `max_posts` were collected.
    END_OF_SOURCE = "end_of_source"  #: The source has no further page.
    KNOWN_POSTS = "known_posts"  #: Only what is new was wanted, and the rest is known.
    PAGE_CAP = "page_cap"  #: More pages than a run may read.
    NO_PROGRESS = "no_progress"  #: Pages repeated, or brought no new post twice.
    FINISHED_BY_CLIENT = "finished_by_client"  #: The client said so.
    IDLE = "idle"  #: The client, who sends the posts, sent none for too long.
    CANCELLED = "cancelled"  #: The client cancelled it.
    ERROR = "error"  #: `error_code` says which.


_CLAIMABLE = "status = 'pending' AND not_before IS NULL AND platform <> 'push'"
_NEWEST = (sa.text("created_at DESC"), sa.text("id DESC"))


class Task(Record, table=True):
    """A client's wish for a group's posts, and how far it has got."""

    __tablename__ = "task"
    __table_args__ = (
        # The claim: the best task of one owner.
        sa.Index(
            "ix_task_claimable",
            "user_id",
            sa.text("priority DESC"),
            "id",
            sqlite_where=sa.text(_CLAIMABLE),
            postgresql_where=sa.text(_CLAIMABLE),
        ),
        # What the sweeper looks for.
        sa.Index(
            "ix_task_fed",
            "updated_at",
            sqlite_where=sa.text("status = 'processing' AND platform = 'push'"),
            postgresql_where=sa.text("status = 'processing' AND platform = 'push'"),
        ),
        sa.Index(
            "ix_task_not_before",
            "not_before",
            sqlite_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
            postgresql_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
        ),
        sa.Index(
            "ix_task_lease",
            "lease_expires_at",
            sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
            postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
        ),
        # The caps.
        sa.Index(
            "ix_task_running",
            "user_id",
            "platform",
            sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
            postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
        ),
        # The lists: newest first, by status, by priority.
        sa.Index("ix_task_created", "user_id", "created_at", "id"),
        sa.Index("ix_task_status_created", "user_id", "status", "created_at", "id"),
        sa.Index("ix_task_priority", "user_id", "priority", "created_at", "id"),
        sa.Index("ix_task_status_priority", "user_id", "status", "priority", "created_at", "id"),
        # The same from the least, in which a tie is still broken by the newest.
        sa.Index("ix_task_status_newest", "user_id", "status", *_NEWEST),
        sa.Index("ix_task_priority_newest", "user_id", "priority", *_NEWEST),
        sa.Index("ix_task_status_priority_newest", "user_id", "status", "priority", *_NEWEST),
        # The connections: by platform, by end.
        sa.Index("ix_task_platform_created", "user_id", "platform", "created_at", "id"),
        sa.Index("ix_task_completed", "user_id", "completed_at", "id"),
        # The runs of a schedule.
        sa.Index(
            "ix_task_schedule",
            "schedule_id",
            "id",
            sqlite_where=sa.text("schedule_id IS NOT NULL"),
            postgresql_where=sa.text("schedule_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_task_schedule_open",
            "schedule_id",
            sqlite_where=sa.text("schedule_id IS NOT NULL AND completed_at IS NULL"),
            postgresql_where=sa.text("schedule_id IS NOT NULL AND completed_at IS NULL"),
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
    status: str = Field(default=TaskStatus.PENDING, sa_type=Text)
    worker_id: str | None = Field(default=None, sa_type=Text)
    lease_expires_at: datetime | None = Field(default=None, sa_type=Instant)
    attempt: int = 0  #: Grows with every claim, never reset: the fencing token.
    failures: int = 0  #: Lost leases and retryable errors since the last progress.
    not_before: datetime | None = Field(default=None, sa_type=Instant)
    cursor_state: str = Field(default=CursorState.START, sa_type=Text)
    cursor: str | None = Field(default=None, sa_type=Text)
    posts_count: int = 0
    created_at: datetime = Field(sa_type=Instant)
    assigned_at: datetime | None = Field(default=None, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    stop_reason: str | None = Field(default=None, sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    receipt: dict[str, Any] | None = Field(default=None, sa_type=Json)
    revision: int = Field(default=1, sa_type=sa.BigInteger)  #: The last event's `seq`.
    correlation_id: str | None = Field(default=None, sa_type=Text)  #: Of the creating request.
    #: The schedule that made it. No foreign key: a task outlives its schedule and still says so.
    schedule_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    posts_expired_at: datetime | None = Field(default=None, sa_type=Instant)  #: By retention.


class TaskSummary(NamedTuple):
    """What the documented list shows of a task, and no column more: lists are asked for most."""

    id: int
    group_id: str
    group_name: str | None
    max_posts: int
    priority: int
    status: str
    created_at: datetime
    posts_count: int
