"""Tasks whose posts a client sends: no worker's claim looks at them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    claimable = sa.text("status = 'pending' AND not_before IS NULL AND platform <> 'push'")
    op.drop_index("ix_task_claimable", table_name="task")
    op.create_index(
        "ix_task_claimable",
        "task",
        ["user_id", sa.text("priority DESC"), "id"],
        sqlite_where=claimable,
        postgresql_where=claimable,
    )
    fed = sa.text("status = 'processing' AND platform = 'push'")
    op.create_index("ix_task_fed", "task", ["updated_at"], sqlite_where=fed, postgresql_where=fed)
