"""Schedules, and what retention leaves behind."""

import sqlalchemy as sa
from alembic import op

from tasks import column

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column("task", sa.Column("schedule_id", sa.BigInteger(), nullable=True))
    op.add_column("task", sa.Column("posts_expired_at", column.Instant(timezone=True)))
    scheduled = sa.text("schedule_id IS NOT NULL")
    op.create_index(
        "ix_task_schedule",
        "task",
        ["schedule_id", "id"],
        sqlite_where=scheduled,
        postgresql_where=scheduled,
    )

    running = sa.text("schedule_id IS NOT NULL AND completed_at IS NULL")
    op.create_index(
        "ix_task_schedule_open",
        "task",
        ["schedule_id"],
        sqlite_where=running,
        postgresql_where=running,
    )
    tombstones = sa.text("type = 'deleted'")
    op.create_index(
        "ix_task_event_tombstone",
        "task_event",
        ["id"],
        sqlite_where=tombstones,
        postgresql_where=tombstones,
    )
    op.create_table(
        "event_horizon",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("max_posts", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("every_seconds", sa.Integer(), nullable=False),
        sa.Column("only_new", column.Boolean(), nullable=False),
        sa.Column("next_run_at", column.Instant(timezone=True), nullable=False),
        sa.Column("last_run_at", column.Instant(timezone=True), nullable=True),
        sa.Column("last_task_id", sa.BigInteger(), nullable=True),
        sa.Column("paused_at", column.Instant(timezone=True), nullable=True),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.Column("updated_at", column.Instant(timezone=True), nullable=False),
        sa.Column("validators", column.Json(), nullable=True),
        sa.Column("validators_task_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_schedule_user_id", "schedule", ["user_id", "id"])
    waiting = sa.text("paused_at IS NULL")
    op.create_index(
        "ix_schedule_next_run_at",
        "schedule",
        ["next_run_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "schedule_known",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("schedule_id", "post_id"),
    )
    op.create_index("ix_schedule_known_task_id", "schedule_known", ["schedule_id", "task_id"])
