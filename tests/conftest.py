"""Fixtures shared by all tests: an empty database of each kind that is reachable."""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tasks import models
from tasks.accounts import AccountService
from tasks.claim import Limits
from tasks.database import Database, open_database
from tasks.errors import TargetInvalid
from tasks.migrations import migrate
from tasks.ports import Sleeper, Target
from tasks.principal import SCOPES, Principal
from tasks.service import TaskService
from tasks.work import WorkService
from tests.postgres import Shelf, create_database, drop_database, named

#: CI sets it: a test that would be skipped because something is missing fails instead.
REQUIRED = os.environ.get("SLUICE_TEST_REQUIRE_ALL") == "1"
#: Each use has a database number of its own, so that an installation on it is left alone.
REDIS_SERVER = os.environ.get("SLUICE_TEST_REDIS", "redis://127.0.0.1:6379")
REDIS = f"{REDIS_SERVER}/15"
#: Port 1 is reserved, and nothing listens on it.
NO_REDIS = "redis://127.0.0.1:1/0"


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`, or fail where everything is required."""
    if REQUIRED:
        pytest.fail(f"{what} is required here and cannot be reached")
    pytest.skip(f"{what} cannot be reached")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str | None]:
    """Return the name of a migrated, empty PostgreSQL database to copy; None without a server."""
    name = f"sluice_test_{secrets.token_hex(6)}"
    try:
        asyncio.run(create_database(name))
    except (OSError, asyncpg.PostgresError):
        yield None
        return
    asyncio.run(migrate(named(name)))
    yield name
    asyncio.run(drop_database(name))


@pytest.fixture(scope="session")
def shelf(postgres_template: str | None) -> Iterator[Shelf | None]:
    """Return what gives out PostgreSQL databases; None without a server."""
    if postgres_template is None:
        yield None
        return
    databases = Shelf(postgres_template)
    yield databases
    asyncio.run(databases.clear())


@pytest.fixture
def uses_processes() -> bool:
    """Say whether processes of the product's own use the test's database."""
    return False


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Name the kind of database that this run of the test is on."""
    return request.param


@pytest.fixture
async def database_url(
    backend: str,
    tmp_path: Path,
    sqlite_template: Path,
    shelf: Shelf | None,
    uses_processes: bool,  # noqa: FBT001 - a fixture
) -> AsyncIterator[str]:
    """Return the address of a migrated, empty database of the test's own."""
    if backend == "sqlite":
        path = tmp_path / "sluice.db"
        shutil.copy(sqlite_template, path)
        yield f"sqlite:///{path}"
        return
    if shelf is None:
        missing("PostgreSQL")
    name = await shelf.take()
    yield named(name)
    await shelf.give_back(name, used_by_processes=uses_processes)


@contextlib.asynccontextmanager
async def copy_of(template: str | None) -> AsyncGenerator[str]:
    """Copy a PostgreSQL database, give the copy's address, and remove it. None has no server."""
    if template is None:
        missing("PostgreSQL")
    name = f"{template}_{secrets.token_hex(6)}"
    await create_database(name, template=template)
    try:
        yield named(name)
    finally:
        await drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open the test's database."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def redis() -> AsyncIterator[Any]:
    """Open `REDIS`, where it can be reached. Tests share it, each with keys of its own."""
    client: Any = Redis.from_url(REDIS)  # pyright: ignore[reportUnknownMemberType] - its **kwargs
    try:
        await client.ping()
    except (RedisError, OSError):
        await client.aclose()
        missing("Redis")
    yield client
    await client.aclose()


class AnyTarget:
    """A catalogue that knows `platform:target` and takes every platform."""

    def resolve(self, group_id: str) -> Target:
        """Split at the first colon."""
        platform, colon, target = group_id.partition(":")
        if not colon:
            raise TargetInvalid(f"{group_id!r} has no platform.")
        return Target(platform, target)

    def budget_key(self, target: Target) -> str | None:
        """Name a host for each target."""
        return f"{target.target}.{target.platform}.example"


@pytest.fixture
def service(database: Database) -> TaskService:
    """Return the task service, which wakes nobody."""
    return TaskService(database, catalogue=AnyTarget(), waker=Sleeper())


@pytest.fixture
def work(database: Database) -> WorkService:
    """Return the worker's side of the service."""
    return WorkService(database, waker=Sleeper(), limits=Limits())


@pytest.fixture
def accounts(database: Database) -> AccountService:
    """Return the account service."""
    return AccountService(database)


@pytest.fixture
async def user(accounts: AccountService) -> models.User:
    """Return a user."""
    return await accounts.create_user("ada@example.org")


def principal_of(user: models.User) -> Principal:
    """Return a user who may do everything."""
    return Principal(user_id=user.id, scopes=frozenset(SCOPES))


@pytest.fixture
def principal(user: models.User) -> Principal:
    """Return the user as one who may do everything."""
    return principal_of(user)
