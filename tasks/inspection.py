"""What those who run Sluice ask of its database: is it there, and how long is the queue."""

from collections.abc import Mapping

import sqlalchemy as sa

from tasks.database import Database, Statement, Steps
from tasks.models import Task, TaskStatus
from tasks.store.queue import CLAIMABLE

_TASK = Task.table().c

_ONE = Statement(sa.select(sa.literal(1)))
#: Each counts in a partial index that holds nothing else, not in the table.
_PENDING = Statement(sa.select(sa.func.count()).select_from(Task).where(*CLAIMABLE))
_WAITING = Statement(
    sa.select(sa.func.count()).where(
        _TASK.status == sa.literal_column(f"'{TaskStatus.PENDING}'"), _TASK.not_before.is_not(None)
    )
)
_RUNNING = Statement(sa.select(sa.func.count()).where(_TASK.lease_expires_at.is_not(None)))


class Inspection:
    """Looks, changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> None:
        """Return when the database has answered.

        Raises:
            DatabaseUnavailable: It has not.
        """
        await self._database.read(_ping)

    async def queue_depth(self) -> Mapping[str, int]:
        """Count the tasks that are `pending` (those with a wait included) and `running`.

        Those whose posts a client sends are neither: no worker has anything to do for them.
        """
        return await self._database.read(_depth)


def _ping() -> Steps[None]:
    yield _ONE()


def _depth() -> Steps[Mapping[str, int]]:
    pending = yield _PENDING()
    waiting = yield _WAITING()
    running = yield _RUNNING()
    return {"pending": pending[0][0] + waiting[0][0], "running": running[0][0]}
