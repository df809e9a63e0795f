"""The ledger of calls to hosts."""

import sqlalchemy as sa
from alembic import op

from tasks import column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "source_budget",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("due_at", column.Instant(timezone=True), nullable=True),
        sa.Column("held_until", column.Instant(timezone=True), nullable=True),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("granted_until", column.Instant(timezone=True), nullable=True),
        sa.Column("used_at", column.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
