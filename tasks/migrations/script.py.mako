"""${message}."""

import sqlalchemy as sa
from alembic import op

from tasks import column
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
#: Whether code of before this migration cannot work with the database any more.
contract = False


def upgrade() -> None:
    """Go forward; there is no way back."""
    ${upgrades if upgrades else "pass"}
