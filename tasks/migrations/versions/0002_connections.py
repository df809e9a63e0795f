"""Indexes for the orders and filters of connections."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_index("ix_task_platform_created", "task", ["user_id", "platform", "created_at", "id"])
    op.create_index("ix_task_completed", "task", ["user_id", "completed_at", "id"])
