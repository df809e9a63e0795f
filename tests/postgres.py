"""PostgreSQL for tests: databases of their own, which they use one after another.

Making and dropping one takes 0.4 seconds, most of which is the server's copying of files. What a
test has left as it found it, but for rows, is emptied instead and serves the next.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

#: asyncpg ships no types.
driver: Any = asyncpg
POSTGRES = os.environ.get("SLUICE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
#: What a test may leave behind: above it, a new database is cheaper, and has no holes.
MOST_BYTES = 4_000_000
_PATIENCE = 20
_WHOLE = """
SELECT md5(string_agg(format('%s.%s %s', attrelid::regclass, attname, atttypid), ','
                      ORDER BY attrelid::regclass::text, attnum)
           || (SELECT string_agg(version_num, ',') FROM alembic_version))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no look at references: all rows go
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'alembic_version'
                AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
END $$
"""


def named(name: str) -> str:
    """Return the address of a database by its name."""
    return urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))


async def admin(statement: str) -> None:
    """Run a statement beside the test databases."""
    async with _connected(POSTGRES) as connection:
        await connection.execute(statement)


async def create_database(name: str, *, template: str = "template1") -> None:
    """Make a database whose commits do not wait for the disk: a test is not about power cuts."""
    await admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    await admin(f'ALTER DATABASE "{name}" SET synchronous_commit = off')


async def drop_database(name: str) -> None:
    """Remove a database, whoever is still connected."""
    await admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[Any]:
    connection: Any = await driver.connect(url, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


class Shelf:
    """Databases copied from a template, given out and taken back."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._whole: str | None = None
        self._free: list[str] = []

    async def take(self) -> str:
        """Return the name of an empty database."""
        if self._free:
            return self._free.pop()
        name = f"{self._template}_{secrets.token_hex(6)}"
        await create_database(name, template=self._template)
        if self._whole is None:
            async with _connected(named(name)) as connection:
                self._whole = await connection.fetchval(_WHOLE)
        return name

    async def give_back(self, name: str, *, used_by_processes: bool) -> None:
        """Take a database back; one that others may still reach for is dropped."""
        if not used_by_processes and await self._is_emptied(name):
            self._free.append(name)
        else:
            await drop_database(name)

    async def clear(self) -> None:
        """Drop what stands here."""
        while self._free:
            await drop_database(self._free.pop())

    async def _is_emptied(self, name: str) -> bool:
        try:
            async with _connected(named(name)) as connection:
                for _ in range(_PATIENCE):
                    if not await connection.fetchval(_OTHERS):
                        break
                    await asyncio.sleep(0.01)  # a closed connection is gone soon
                else:
                    return False
                if await connection.fetchval(_SIZE) > MOST_BYTES:
                    return False
                if await connection.fetchval(_WHOLE) != self._whole:
                    return False
                await connection.execute(_EMPTY)
        except (OSError, asyncpg.PostgresError):
            return False
        return True
