"""How many calls a host's budget has counted, which says how many are under way."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column(
        "source_budget", sa.Column("taken", sa.BigInteger(), nullable=False, server_default="0")
    )
