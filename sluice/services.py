"""Opens what every door works on: the database, and the services around it."""

import contextlib
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

from sluice import sources
from sluice.settings import Settings
from tasks import migrations
from tasks.accounts import AccountService
from tasks.budget import BudgetLedger, BudgetService
from tasks.bus import Bus, ProcessBus
from tasks.connections import LiveConnections
from tasks.database import Database, open_database
from tasks.database.opening import sqlite_path
from tasks.database.sqlite import SqliteDatabase
from tasks.errors import DatabaseUnavailable
from tasks.ingest import IngestService
from tasks.ports import Previewer, Waker
from tasks.publication import PublishingDatabase
from tasks.redis_bus import RedisBus
from tasks.schedules import ScheduleService
from tasks.service import TaskService
from tasks.store.queue import Caps
from tasks.watch import WatchService
from workers.catalogue import SourceCatalogue
from workers.preview import SourcePreviewer


@dataclass(frozen=True, slots=True)
class Services:
    """One set belongs to one event loop, because the database's connections do."""

    database: Database
    catalogue: SourceCatalogue
    tasks: TaskService
    schedules: ScheduleService
    accounts: AccountService
    ingest: IngestService
    budgets: BudgetService
    watch: WatchService
    connections: LiveConnections


class Databases:
    """Opens the database and the bus that its events go out on, for each event loop that asks.

    PostgreSQL's connections belong to a loop, and so do Redis's. SQLite's file has one writer
    thread a process, which all its loops share: they get the same object, closed with the last of
    them. Without Redis, one bus serves the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bus = ProcessBus()
        self._lock = threading.Lock()
        self._shared: Database | None = None
        self._users = 0

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[PublishingDatabase]:
        """Open the database for the running loop; what it commits is published.

        Raises:
            DatabaseUnavailable: It cannot be opened.
        """
        async with self._opened_bus() as bus, self._opened_database() as database:
            yield PublishingDatabase(database, bus)

    @contextlib.asynccontextmanager
    async def _opened_bus(self) -> AsyncGenerator[Bus]:
        if self._settings.redis_url is None:
            yield self._bus
            return
        async with RedisBus.open(self._settings.redis_url) as bus:
            yield bus

    @contextlib.asynccontextmanager
    async def _opened_database(self) -> AsyncGenerator[Database]:
        if not self._settings.database_is_sqlite:
            database = await open_database(self._settings.database)
            try:
                yield database
            finally:
                await database.close()
            return
        with self._lock:
            if self._shared is None:
                self._shared = SqliteDatabase(sqlite_path(self._settings.database))
            self._users += 1
            shared = self._shared
        try:
            yield shared
        finally:
            with self._lock:
                self._users -= 1
                last = self._users == 0
                if last:
                    self._shared = None
            if last:
                await shared.close()


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    waker: Waker,
    databases: Databases | None = None,
    with_previews: bool = False,
) -> AsyncGenerator[Services]:
    """Open the services on the database, and close them at the end.

    `with_previews` opens a way out to platforms too; without it, previews ask nobody.

    Raises:
        DatabaseUnavailable: The database cannot be opened.
        SettingInvalid: The default platform is none.
    """
    catalogue = sources.catalogue(settings)
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context((databases or Databases(settings)).opened())
        previewer: Previewer | None = None
        if with_previews:
            budget = BudgetLedger(database, rates=settings.rates)
            http = await stack.enter_async_context(sources.http_client(settings, budget=budget))
            previewer = SourcePreviewer(catalogue, http, rates=settings.rates)
        kept = settings.keep_events_days
        watch = await stack.enter_async_context(
            WatchService.open(
                database, database.bus, retention=None if kept is None else timedelta(days=kept)
            )
        )
        connections = await stack.enter_async_context(
            LiveConnections.open(database, most=settings.max_connections_per_token)
        )
        yield Services(
            database=database,
            catalogue=catalogue,
            tasks=TaskService(
                database,
                catalogue=catalogue,
                waker=waker,
                caps=caps(settings),
                previewer=previewer,
            ),
            schedules=ScheduleService(database, catalogue=catalogue, waker=waker),
            accounts=AccountService(database),
            ingest=IngestService(database),
            budgets=BudgetService(database, catalogue),
            watch=watch,
            connections=connections,
        )


def caps(settings: Settings) -> Caps:
    """Return how many tasks may run at a time; gateways and workers must agree on it."""
    return Caps(
        per_user=settings.max_running_per_user, per_platform=settings.max_running_per_platform
    )


async def require_database(settings: Settings) -> None:
    """Refuse a database that a command cannot work on.

    Raises:
        DatabaseUnavailable: There is none, or it cannot be opened.
        DatabaseOutdated: It lacks migrations.
        DatabaseTooNew: A newer version changed it in a way that this one cannot work with.
    """
    # Asking SQLite would make the file.
    if settings.database_is_sqlite and not (path := sqlite_path(settings.database)).exists():
        raise DatabaseUnavailable(
            f"There is no database at {path}; make it with `sluice up` or `sluice migrate`, or say "
            "where it is with --data-dir or SLUICE_DATABASE_URL."
        )
    await migrations.require_current(settings.database)
