"""Sessions of people in browsers, and links that sign somebody in once."""

import sqlalchemy as sa
from alembic import op

from tasks import column

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "web_session",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", column.Instant(timezone=True), nullable=False),
        sa.Column("last_used_at", column.Instant(timezone=True), nullable=False),
        sa.Column("expires_at", column.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_web_session_user_id", "web_session", ["user_id"])
    op.create_index("ix_web_session_expires_at", "web_session", ["expires_at"])
    op.create_table(
        "sign_in_link",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", column.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_sign_in_link_user_id", "sign_in_link", ["user_id"])
