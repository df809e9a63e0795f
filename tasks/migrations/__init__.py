"""Schema migrations: applying them, and saying how a database stands to this code.

Migrations only go forward and run on SQLite and PostgreSQL. One that old code cannot work with
(it drops or narrows something) is marked `contract = True` in its file: applying it leaves a
mark in the database, by which older code knows to stay away. Everything else rolls: expand,
deploy, contract.

Alembic and what it needs are 12 MB, which a server that only asks how its database stands does
without: they are imported by what applies, compares and writes migrations (`applying.py`).
"""

import asyncio
import importlib
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tasks import models
from tasks.database.opening import describe, sqlite_path
from tasks.errors import DatabaseOutdated, DatabaseTooNew, DatabaseUnavailable

T = TypeVar("T")

FOLDER = Path(__file__).parent
#: Any number that no other advisory lock of the installation uses.
_LOCK_KEY = 7_402_060
_log = logging.getLogger(__name__)

#: The tables' declaration, with every model imported.
METADATA = models.Record.metadata
#: Where Alembic notes the revision; none of ours to make.
_REVISION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.Text()))
_MARKS = sa.Table("schema_contract", METADATA, sa.Column("revision", sa.Text(), primary_key=True))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a database stands to this code."""

    current: str | None  #: The database's revision; None when it is empty.
    head: str  #: This code's newest revision.
    pending: tuple[str, ...]  #: What `migrate` would apply, in order.
    too_new: tuple[str, ...]  #: Contract migrations in the database that this code does not know.


async def migrate(url: str) -> Standing:
    """Bring a database to this code's schema, under a lock; returns how it stood before.

    Raises:
        DatabaseUnavailable: It cannot be opened.
        DatabaseTooNew: It is past a migration that this code does not know.
    """
    from tasks.migrations import applying  # noqa: PLC0415 - see above

    return await _run(url, lambda connection: _migrate(connection, applying.upgrade))


async def standing(url: str) -> Standing:
    """Say how a database stands to this code. Changes nothing."""
    return await _run(url, _standing)


async def refuse_too_new(url: str) -> Standing:
    """Return the database's standing unless this code must not touch it.

    Raises:
        DatabaseTooNew: It is past a `contract` migration that this code does not know.
    """
    found = await standing(url)
    if found.too_new:
        raise _too_new(found)
    return found


async def require_current(url: str) -> None:
    """Refuse a database that lacks migrations.

    Raises:
        DatabaseOutdated: It does; the message says what to run.
    """
    found = await refuse_too_new(url)
    if found.pending:
        raise DatabaseOutdated(
            f"The database {describe(url)} lacks {len(found.pending)} migration(s);"
            " run `sluice migrate`."
        )


async def differences(url: str) -> list[Any]:
    """Return where a migrated database and the models disagree. Empty when all is well.

    SQLite does not tell whether an index's column descends: there, an index that both sides
    have under one name counts as the same.
    """
    from tasks.migrations import applying  # noqa: PLC0415 - see above

    return await _run(url, lambda connection: applying.compare(connection, METADATA))


async def generate(name: str, url: str) -> str:
    """Write a migration that brings `url`, migrated to the head, to the models' state."""
    from tasks.migrations import applying  # noqa: PLC0415 - see above

    return await _run(url, lambda connection: applying.write(connection, METADATA, name))


def revisions() -> tuple[str, ...]:
    """Return this code's migrations in their order: they are one line, and numbered."""
    names = sorted(path.name for path in (FOLDER / "versions").glob("[0-9]*_*.py"))
    return tuple(name.partition("_")[0] for name in names)


def _standing(connection: sa.Connection) -> Standing:
    known = revisions()
    tables = set(sa.inspect(connection).get_table_names())
    current: str | None = None
    if _REVISION.name in tables:
        current = connection.scalar(sa.select(_REVISION.c.version_num))
    marks: set[str] = set()
    if _MARKS.name in tables:
        marks = set(connection.scalars(sa.select(_MARKS.c.revision)))
    pending: tuple[str, ...] = ()
    if current is None:
        pending = known
    elif current in known:
        pending = known[known.index(current) + 1 :]
    return Standing(current, known[-1], pending, tuple(sorted(marks - set(known))))


def _migrate(
    connection: sa.Connection, upgrade: Callable[[sa.Connection, sa.MetaData], None]
) -> Standing:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
    before = _standing(connection)
    if before.too_new:
        raise _too_new(before)
    if before.pending:
        upgrade(connection, METADATA)
        _mark(connection, before.pending)
        _log.info("migrated", extra={"applied": list(before.pending)})
    return before


def _mark(connection: sa.Connection, applied: tuple[str, ...]) -> None:
    for revision in applied:
        (path,) = (FOLDER / "versions").glob(f"{revision}_*.py")
        module = importlib.import_module(f"{__name__}.versions.{path.stem}")
        if getattr(module, "contract", False):
            connection.execute(sa.insert(_MARKS).values(revision=revision))


def _too_new(found: Standing) -> DatabaseTooNew:
    return DatabaseTooNew(
        f"The database is past the migration {', '.join(found.too_new)}, which this version of"
        " Sluice cannot work with; run the version that made it, or a newer one."
    )


async def _run(url: str, body: Callable[[sa.Connection], T]) -> T:
    """Run `body` on a connection, in one transaction that is committed at the end."""
    try:
        if url.startswith("sqlite:"):
            return await asyncio.to_thread(_on_sqlite, sqlite_path(url), body)
        address = sa.make_url(url).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(address, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(body)
        finally:
            await engine.dispose()
    except (OSError, DBAPIError, ArgumentError) as error:
        cause = error.__cause__ or error
        raise DatabaseUnavailable(f"Cannot open the database {describe(url)}: {cause}.") from error


def _on_sqlite(path: Path, body: Callable[[sa.Connection], T]) -> T:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:  # pyright: ignore[reportUnusedFunction] - the decorator registers it
        # The module would begin its transactions late, and commit before DDL.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 30000")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:  # pyright: ignore[reportUnusedFunction] - the decorator registers it
        # The write lock from the start: two processes that migrate do so one after the other.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            return body(connection)
    finally:
        engine.dispose()
