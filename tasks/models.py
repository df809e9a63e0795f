"""The tables, as SQLModel models: the one place that says which columns exist.

Rows come back as instances of these classes (`Task.of(row)`), built without a session. The
instances are values: change a task through `tasks/service.py`, never by assigning to one.
Statuses, event types and stop reasons are stored as the texts that clients see.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.orm import configure_mappers
from sqlmodel import Field, SQLModel

from tasks.column import BigId, Boolean, Instant, Json, Text

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


class Record(SQLModel):
    """A table's base: instances are built from rows in the order of the columns."""

    # SQLModel annotates this as a text and assigns a descriptor, which type checkers believe.
    __tablename__: ClassVar[Any]
    _names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Build an instance from a row that holds every column in the table's order.

        Bypasses pydantic and the session: the values come from the database, which has checked
        them. The instance has no state of the ORM, so its attributes can be read alone.
        """
        instance: Any = cls.__new__(cls)
        instance.__dict__.update(zip(cls.columns(), row, strict=True))
        return instance

    @classmethod
    def table(cls) -> sa.Table:
        """Return the table, for building statements."""
        return cls.__dict__["__table__"]

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Name the table's columns, in order."""
        if not cls._names:
            cls._names = tuple(column.name for column in cls.table().columns)
        return cls._names


# Without it SQLite hands out a deleted row's id again, and a tombstone would speak of a new task.
_NO_REUSE = {"sqlite_autoincrement": True}


class User(Record, table=True):
    """A person, or a program's owner."""

    __tablename__ = "user_account"  # `user` is a reserved word in PostgreSQL
    __table_args__ = (_NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    email: str = Field(sa_type=Text, unique=True)
    password_hash: str | None = Field(default=None, sa_type=Text)
    is_admin: bool = Field(default=False, sa_type=Boolean)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class ApiToken(Record, table=True):
    """A Bearer token. The token itself is shown once and stored as its SHA-256."""

    __tablename__ = "api_token"
    __table_args__ = (_NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)  #: The first characters, to tell tokens apart in a list.
    digest: str = Field(sa_type=Text, unique=True)  #: SHA-256, hexadecimal.
    scopes: str = Field(sa_type=Text)  #: Separated by blanks.
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class WebSession(Record, table=True):
    """A person in a browser. The key in their cookie is stored as its SHA-256."""

    __tablename__ = "web_session"
    __table_args__ = (_NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    digest: str = Field(sa_type=Text, unique=True)  #: SHA-256, hexadecimal.
    user_agent: str = Field(sa_type=Text)  #: As the browser named itself when it signed in.
    address: str = Field(sa_type=Text)  #: Where it was used from last.
    created_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)


class SignInLink(Record, table=True):
    """A link that signs its user in once. It is gone when it is used."""

    __tablename__ = "sign_in_link"

    digest: str = Field(sa_type=Text, primary_key=True)  #: SHA-256, hexadecimal.
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    expires_at: datetime = Field(sa_type=Instant)


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
        _NO_REUSE,
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


#: The columns that an event shows. `group_id` and the rest keep their column's name.
PUBLIC_COLUMNS = (
    "id",
    "group_id",
    "group_name",
    "platform",
    "target",
    "max_posts",
    "priority",
    "status",
    "worker_id",
    "attempt",
    "failures",
    "not_before",
    "posts_count",
    "created_at",
    "assigned_at",
    "started_at",
    "completed_at",
    "updated_at",
    "stop_reason",
    "error_code",
    "error_message",
    "receipt",
    "revision",
    "schedule_id",
)


class Post(Record, table=True):
    """One public post that a task collected; `position` counts from 0 in the order stored."""

    __tablename__ = "post"
    __table_args__ = (sa.UniqueConstraint("task_id", "post_id", name="uq_post_task_id_post_id"),)

    task_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="task.id", ondelete="CASCADE", primary_key=True
    )
    position: int = Field(primary_key=True)
    post_id: str = Field(sa_type=Text)
    message: str | None = Field(default=None, sa_type=Text)
    author: str | None = Field(default=None, sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    created_time: datetime | None = Field(default=None, sa_type=Instant)
    likes: int | None = Field(default=None, sa_type=sa.BigInteger)
    comments: int | None = Field(default=None, sa_type=sa.BigInteger)
    shares: int | None = Field(default=None, sa_type=sa.BigInteger)


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
        _NO_REUSE,
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


class IdempotencyKey(Record, table=True):
    """The answer that a client's create was given, for a repeat of it within 24 hours."""

    __tablename__ = "idempotency_key"
    __table_args__ = (sa.Index("ix_idempotency_key_created_at", "created_at"),)

    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", primary_key=True
    )
    door: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    body_digest: str = Field(sa_type=Text)
    answer: dict[str, Any] = Field(sa_type=Json)  #: The public columns of what was created.
    created_at: datetime = Field(sa_type=Instant)


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
        _NO_REUSE,
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


class EventHorizon(Record, table=True):
    """Up to where retention has trimmed the event log; one row, or none before the first time.

    A stream that resumes from a position at or before it may have missed events.
    """

    __tablename__ = "event_horizon"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  #: Always 1.
    xid: int = Field(sa_type=sa.BigInteger)  #: The greatest among the trimmed events.
    event_id: int = Field(sa_type=sa.BigInteger)  #: Likewise.


class QueueOwner(Record, table=True):
    """An owner with at least one claimable task; the smallest `turn` is next."""

    __tablename__ = "queue_owner"
    __table_args__ = (sa.Index("ix_queue_owner_turn", "turn", "user_id"),)

    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", primary_key=True
    )
    turn: int = Field(sa_type=sa.BigInteger)


class SourceBudget(Record, table=True):
    """The calls that a host grants to a credential, or to a visitor: `tasks/budget.py`."""

    __tablename__ = "source_budget"

    key: str = Field(sa_type=Text, primary_key=True)  #: The host, and what stands for a credential.
    host: str = Field(sa_type=Text)
    #: The rate that the last call kept to.
    calls: int
    milliseconds: int = Field(sa_type=sa.BigInteger)
    burst: int
    taken: int = Field(default=0, sa_type=sa.BigInteger)  #: How many calls there were.
    #: When they would all be due if they were evenly spread.
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    held_until: datetime | None = Field(default=None, sa_type=Instant)  #: The host said so.
    granted: int = 0  #: Calls that the host still grants before `granted_until`.
    granted_until: datetime | None = Field(default=None, sa_type=Instant)
    #: When the last of those who were sent away is to come back.
    line_until: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime = Field(sa_type=Instant)


#: Those of them that hold a time.
PUBLIC_TIMES = tuple(
    name for name in PUBLIC_COLUMNS if name.endswith("_at") or name == "not_before"
)


def public(task: Task) -> Mapping[str, Any]:
    """Return what an event shows of a task, with times as ISO 8601 UTC texts.

    The database builds the same for the log (`store/event.py`).
    """
    return public_of(task.__dict__)


def public_of(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the same of a task's columns by name."""
    shown = {name: columns[name] for name in PUBLIC_COLUMNS}
    for name in PUBLIC_TIMES:
        if (moment := shown[name]) is not None:
            shown[name] = moment.isoformat(timespec="microseconds")
    return shown


def of_public(data: Mapping[str, Any], *, user_id: int) -> Task:
    """Return the task that an event or a stored answer shows, as far as it shows it."""
    values: dict[str, Any] = dict.fromkeys(Task.columns())
    values.update((name, data.get(name)) for name in PUBLIC_COLUMNS)
    values.update(
        (name, datetime.fromisoformat(values[name])) for name in PUBLIC_TIMES if values[name]
    )
    values["user_id"] = user_id
    return Task.of(tuple(values.values()))


# `Record.of` builds instances without the constructor, which would do this at its first call.
configure_mappers()
