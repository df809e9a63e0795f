"""Carrying everything from one database into another, empty one: SQLite or PostgreSQL, each way.

The copy reads one moment of the source and is one transaction in the target: it is there whole,
with the numbers of rows compared, or not at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from tasks import migrations
from tasks.database import Database, Row, Session, describe, open_database
from tasks.errors import TransferRefused
from tasks.store import transfer

#: Rows that are in memory at a time; an event has about a kilobyte, a post at most some.
BATCH: Final = 1000

#: Is told of each batch: the table, its rows that are copied, and how many it has.
Progress: TypeAlias = Callable[[str, int, int], None]

#: The names of the tables that are carried.
TABLES: Final = tuple(table.name for table in transfer.TABLES)


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was carried."""

    rows: Mapping[str, int]  #: By table, as counted in the source and found in the target.
    released: int  #: Tasks that workers of the source held, and that are pending again.


async def prepare(url: str) -> None:
    """Bring an empty database to this code's schema.

    Raises:
        DatabaseOutdated: It is none that is empty: it holds an older version's tables.
        DatabaseTooNew, DatabaseUnavailable: As they say.
    """
    standing = await migrations.standing(url)
    if standing.current is None:
        await migrations.migrate(url)
    else:
        await migrations.require_current(url)


async def copy(
    source_url: str, target_url: str, *, progress: Progress, settles: bool
) -> Transferred:
    """Copy everything from a database into an empty one; both have this code's schema.

    With `settles`, tasks that a worker of the source held are given back in the target, where
    that worker is not.

    Raises:
        TransferRefused: The target is not empty, or did not take every row; it is unchanged.
        StorageError: One of them does not answer; the target is unchanged.
    """
    source = await open_database(source_url, connections=1)
    try:
        target = await open_database(target_url, connections=1)
        try:
            return await _copy(source, target, progress, describe(target_url), settles=settles)
        finally:
            await target.close()
    finally:
        await source.close()


async def settle(url: str) -> Transferred:
    """Make a database, which is a copy, fit to be worked on: no worker holds anything."""
    database = await open_database(url, connections=1)
    try:
        async with database.session(writes=True) as session:
            rows = await session.run(transfer.counts)
            return Transferred(rows, await session.run(transfer.settle))
    finally:
        await database.close()


async def _copy(
    source: Database, target: Database, progress: Progress, name: str, *, settles: bool
) -> Transferred:
    async with source.session(writes=False) as reading, target.session(writes=True) as writing:
        await writing.run(transfer.lock, target.dialect)
        _refuse_full(await writing.run(transfer.counts), name)
        expected = await reading.run(transfer.counts)
        for table in transfer.TABLES:
            await _copy_table(reading, writing, table, expected[table.name], progress)
        last_ids = await reading.run(transfer.last_ids, source.dialect)
        await writing.run(transfer.set_last_ids, target.dialect, last_ids)
        _compare(expected, await writing.run(transfer.counts))
        released = await writing.run(transfer.settle) if settles else 0
    return Transferred(expected, released)


async def _copy_table(
    reading: Session, writing: Session, table: transfer.Table, total: int, progress: Progress
) -> None:
    last: Row | None = None
    done = 0
    progress(table.name, 0, total)
    while rows := await reading.run(transfer.page, table, last, limit=BATCH):
        await writing.run(transfer.insert, table, rows)
        last = rows[-1]
        done += len(rows)
        progress(table.name, done, total)


def _refuse_full(found: Mapping[str, int], name: str) -> None:
    held = [f"{rows} of {table}" for table, rows in found.items() if rows]
    if held:
        raise TransferRefused(
            f"The database {name} is not empty (it has {', '.join(held)}), and nothing is"
            " overwritten; name an empty one."
        )


def _compare(expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    wrong = [
        f"{found[table]} instead of {rows} of {table}"
        for table, rows in expected.items()
        if found[table] != rows
    ]
    if wrong:
        raise TransferRefused(f"The copy has {', '.join(wrong)}, so it was undone.")
