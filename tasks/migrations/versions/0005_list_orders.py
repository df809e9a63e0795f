"""Indexes for every order and filter of the documented list."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index(
        "ix_task_status_priority", "task", ["user_id", "status", "priority", "created_at", "id"]
    )
    op.create_index("ix_task_status_newest", "task", ["user_id", "status", *newest])
    op.create_index("ix_task_priority_newest", "task", ["user_id", "priority", *newest])
    op.create_index(
        "ix_task_status_priority_newest", "task", ["user_id", "status", "priority", *newest]
    )
