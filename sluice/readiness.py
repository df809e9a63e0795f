"""What `/readyz` checks."""

import time
from collections.abc import Mapping

from api.health import Check
from sluice.services import Services
from sluice.settings import Settings
from tasks import migrations
from tasks.inspection import Inspection


def checks(settings: Settings, services: Services) -> Mapping[str, Check]:
    """Return the checks by the names that `/readyz` answers with."""
    return {
        "database": Inspection(services.database).ping,
        "migrations": MigrationsCheck(settings.database),
    }


class MigrationsCheck:
    """Passes when the database has all migrations and none that this code cannot work with.

    Asking opens a connection of its own and, on SQLite, waits for the writers; so a database
    found in order is believed for `keep_seconds`. One that is not is asked each time, so that
    the process serves as soon as somebody has migrated.
    """

    def __init__(self, url: str, *, keep_seconds: float = 30.0) -> None:
        self._url = url
        self._keep_seconds = keep_seconds
        self._good_until = 0.0

    async def __call__(self) -> None:
        """Ask, or remember.

        Raises:
            StorageError: Migrations are missing or too new, or the database is away.
        """
        if time.monotonic() < self._good_until:
            return
        await migrations.require_current(self._url)
        self._good_until = time.monotonic() + self._keep_seconds
