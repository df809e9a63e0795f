"""When those who were sent away by a host's budget are to come back."""

import sqlalchemy as sa
from alembic import op

from tasks import column

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column(
        "source_budget", sa.Column("line_until", column.Instant(timezone=True), nullable=True)
    )
