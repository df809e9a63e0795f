"""An installation to measure: a database of its own, a number on Redis, and a worker process."""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import redis

from tasks.migrations import migrate

#: asyncpg ships no types.
driver: Any = asyncpg
POSTGRES: Final = os.environ.get(
    "SLUICE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres"
)
REDIS: Final = os.environ.get("SLUICE_TEST_REDIS", "redis://127.0.0.1:6379") + "/12"


@contextlib.asynccontextmanager
async def postgres(*, migrated: bool = True) -> AsyncGenerator[str]:
    """Make a database with the server's own settings, and drop it in the end."""
    name = f"sluice_bench_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    await _admin(f'CREATE DATABASE "{name}"')
    try:
        if migrated:
            await migrate(url)
        yield url
    finally:
        await _admin(f'DROP DATABASE "{name}" WITH (FORCE)')


async def _admin(statement: str) -> None:
    connection: Any = await driver.connect(POSTGRES)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def flush_redis() -> None:
    """Empty our number on Redis."""
    with contextlib.closing(redis.Redis.from_url(REDIS)) as server:  # pyright: ignore[reportUnknownMemberType] - its **kwargs
        server.flushdb()  # pyright: ignore[reportUnknownMemberType] - untyped commands


def environment(database: str, **more: str) -> dict[str, str]:
    """Return the settings that a process of the installation starts with."""
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")},
        "SLUICE_DATABASE_URL": database,
        "SLUICE_BROKER_URL": REDIS,
        "SLUICE_REDIS_URL": REDIS,
        "SLUICE_LOG_LEVEL": "warning",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@contextlib.contextmanager
def worker(settings: Mapping[str, str]) -> "Generator[subprocess.Popen[str]]":
    """Run `sluice worker`, from when it takes tasks until it has given them back."""
    command = [sys.executable, "-m", "sluice", "worker"]
    with subprocess.Popen(
        command, env=dict(settings), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.terminate()


async def until_none(url: str, query: str, *, seconds: float = 300.0) -> float:
    """Wait until a count is 0; returns the monotonic time at which it was seen."""
    connection: Any = await driver.connect(url)
    deadline = time.monotonic() + seconds
    try:
        while await connection.fetchval(query):
            assert time.monotonic() < deadline, f"not 0 after {seconds} s: {query}"
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return time.monotonic()


def backends(url: str) -> list[int]:
    """Return the processes in which PostgreSQL serves a database, on this machine."""
    name = f" {urlsplit(url).path[1:]} "
    found: list[int] = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and name in (process / "cmdline").read_text():
                found.append(int(process.name))
    return found


def cpu_of(*processes: int) -> float:
    """Return the seconds of CPU that running processes have used."""
    used = 0.0
    for process in processes:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used
