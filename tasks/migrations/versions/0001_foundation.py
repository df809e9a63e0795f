"""Users, tokens, tasks, posts, events, the queue of owners."""

import sqlalchemy as sa
from alembic import op

from tasks import column

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "schema_contract",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
    )
    op.create_table(
        "task_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", column.Instant(timezone=True), nullable=False),
        sa.Column("data", column.Json(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "seq", name="uq_task_event_task_id_seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_event_at", "task_event", ["at"])
    op.create_index("ix_task_event_user_id_xid", "task_event", ["user_id", "xid"])

    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_admin", column.Boolean(), nullable=False),
        sa.Column("disabled_at", column.Instant(timezone=True), nullable=True),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.Column("expires_at", column.Instant(timezone=True), nullable=True),
        sa.Column("last_used_at", column.Instant(timezone=True), nullable=True),
        sa.Column("revoked_at", column.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])

    op.create_table(
        "idempotency_key",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column("answer", column.Json(), nullable=False),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "door", "key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])

    op.create_table(
        "queue_owner",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index("ix_queue_owner_turn", "queue_owner", ["turn", "user_id"])

    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("max_posts", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", column.Instant(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before", column.Instant(timezone=True), nullable=True),
        sa.Column("cursor_state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("posts_count", sa.Integer(), nullable=False),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.Column("assigned_at", column.Instant(timezone=True), nullable=True),
        sa.Column("started_at", column.Instant(timezone=True), nullable=True),
        sa.Column("completed_at", column.Instant(timezone=True), nullable=True),
        sa.Column("updated_at", column.Instant(timezone=True), nullable=False),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("receipt", column.Json(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    claimable = sa.text("status = 'pending' AND not_before IS NULL")
    op.create_index(
        "ix_task_claimable",
        "task",
        ["user_id", sa.text("priority DESC"), "id"],
        unique=False,
        sqlite_where=claimable,
        postgresql_where=claimable,
    )
    op.create_index("ix_task_created", "task", ["user_id", "created_at", "id"])
    op.create_index(
        "ix_task_lease",
        "task",
        ["lease_expires_at"],
        sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
        postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_task_not_before",
        "task",
        ["not_before"],
        sqlite_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
    )
    op.create_index("ix_task_priority", "task", ["user_id", "priority", "created_at", "id"])
    op.create_index(
        "ix_task_running",
        "task",
        ["user_id", "platform"],
        sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
        postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
    )
    op.create_index("ix_task_status_created", "task", ["user_id", "status", "created_at", "id"])

    op.create_table(
        "post",
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("created_time", column.Instant(timezone=True), nullable=True),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("comments", sa.BigInteger(), nullable=True),
        sa.Column("shares", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "position"),
        sa.UniqueConstraint("task_id", "post_id", name="uq_post_task_id_post_id"),
    )
