"""The event log, and up to where it was trimmed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import BigId, Instant, Json, Text
from tasks.models.record import NO_REUSE, Record


class EventType(StrEnum):
    """What happened to a task."""

    CREATED = "created"
    UPDATED = "updated"
    ASSIGNED = "assigned"
    STARTED = "started"
    PROGRESS = "progress"
    WAITING = "waiting"
    RELEASED = "released"
    COMPLETED = "completed"
    FAILED = "failed"
    RESET = "reset"
    RESUMED = "resumed"
    DELETED = "deleted"


class TaskEvent(Record, table=True):
    """One visible change of a task. Outlives a deleted task as its tombstone, so no foreign key."""

    __tablename__ = "task_event"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "seq", name="uq_task_event_task_id_seq"),
        sa.Index("ix_task_event_user_id_xid", "user_id", "xid"),
        sa.Index("ix_task_event_at", "at"),
        # What retention looks for.
        sa.Index(
            "ix_task_event_tombstone",
            "id",
            sqlite_where=sa.text("type = 'deleted'"),
            postgresql_where=sa.text("type = 'deleted'"),
        ),
        NO_REUSE,
    )

    id: int = Field(sa_type=BigId, primary_key=True)
    task_id: int = Field(sa_type=sa.BigInteger)
    user_id: int = Field(sa_type=sa.BigInteger)
    seq: int = Field(sa_type=sa.BigInteger)
    type: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    data: dict[str, Any] = Field(sa_type=Json)
    #: The writing transaction (PostgreSQL) or 0 (SQLite): an owner's stream resumes from it.
    xid: int = Field(sa_type=sa.BigInteger)


class EventHorizon(Record, table=True):
    """Up to where retention has trimmed the event log; one row, or none before the first time.

    A stream that resumes from a position at or before it may have missed events.
    """

    __tablename__ = "event_horizon"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  #: Always 1.
    xid: int = Field(sa_type=sa.BigInteger)  #: The greatest among the trimmed events.
    event_id: int = Field(sa_type=sa.BigInteger)  #: Likewise.
