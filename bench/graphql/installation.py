"""What the servers stand on: databases filled alike, and a token of the first user."""

import contextlib
import itertools
import os
import secrets
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import sqlalchemy as sa

from tasks import models
from tasks.accounts import AccountService
from tasks.database import Database, Statement, open_database
from tasks.migrations import migrate

POSTGRES: Final = os.environ.get(
    "SLUICE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres"
)
USERS: Final = 100
#: Whose tasks are asked for.
USER: Final = 1
TASKS: Final = 100_000
#: A completed task of the first user, with its posts.
TASK: Final = USERS * 480
POSTS: Final = 120
driver: Any = asyncpg  # asyncpg ships no types

#: Rows that are inserted together.
_LOT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Stand:
    """Filled databases. `url` is PostgreSQL's, `sqlite` that of a file with the same rows."""

    url: str
    sqlite: str
    tokens: tuple[str, str]  #: Of the user `USER`, one a database.
    now: datetime  #: The newest tasks are a second older.


@contextlib.asynccontextmanager
async def stand(folder: Path) -> AsyncGenerator[Stand]:
    """Make and fill both databases; PostgreSQL's is dropped in the end."""
    name = f"sluice_bench_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    sqlite = f"sqlite:///{folder / 'bench.db'}"
    await _admin(POSTGRES, f'CREATE DATABASE "{name}"')
    try:
        now = datetime.now(UTC)
        tokens = await _filled(url, now), await _filled(sqlite, now)
        stood = Stand(url, sqlite, tokens, now)
        await _admin(url, f"SELECT setval('task_id_seq', {TASKS})", "VACUUM ANALYZE", "CHECKPOINT")
        yield stood
    finally:
        await _admin(POSTGRES, f'DROP DATABASE "{name}" WITH (FORCE)')


async def created(url: str) -> tuple[int, int]:
    """Count what a round created: tasks, and events of tasks that became."""
    connection: Any = await driver.connect(url)
    try:
        return (
            await connection.fetchval(f"SELECT count(*) FROM task WHERE id > {TASKS}"),
            await connection.fetchval("SELECT count(*) FROM task_event WHERE type = 'created'"),
        )
    finally:
        await connection.close()


async def tidy(url: str) -> None:
    """Delete what a round created, so that every server meets the same."""
    await _admin(
        url,
        f"DELETE FROM task WHERE id > {TASKS}",
        "DELETE FROM queue_owner",
        "TRUNCATE task_event",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    )


async def pin(url: str, cores: Collection[int]) -> None:
    """Keep PostgreSQL's processes for this database on some cores, where it runs on this machine.

    A connection that is made later is not kept there.
    """
    connection: Any = await driver.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    for row in rows:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(row["pid"], cores)


async def _filled(url: str, now: datetime) -> str:
    """Fill a new database; returns a token of the first user."""
    await migrate(url)
    database = await open_database(url)
    try:
        accounts = AccountService(database)
        for number in range(USERS):
            await accounts.create_user(f"user{number}@example.org")
        await _insert(database, models.Task, (task(n, now) for n in range(1, TASKS + 1)))
        await _insert(database, models.Post, (post(n, now) for n in range(POSTS)))
        return (await accounts.create_token(USER, "bench")).token
    finally:
        await database.close()


async def _insert(
    database: Database, model: type[models.Record], rows: Iterator[Mapping[str, Any]]
) -> None:
    """Insert rows which all have the same columns."""
    first = next(rows)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in first}
    statement = Statement(sa.insert(model.table()).values(values))
    rows = itertools.chain([first], rows)
    while lot := list(itertools.islice(rows, _LOT)):
        await database.execute(statement.each(lot))


def task(number: int, now: datetime) -> Mapping[str, Any]:
    """Return the columns of a task; the smaller the number, the newer."""
    moment = now - timedelta(seconds=number)
    return {
        "id": number,
        "user_id": 1 + number % USERS,
        "group_id": f"sandbox:group{number}",
        "group_name": f"Group {number}",
        "platform": "sandbox",
        "target": f"group{number}",
        "max_posts": 200,
        "priority": number % 5,
        "status": "failed" if number // USERS % 4 == 1 else "completed",
        "attempt": 1,
        "failures": 0,
        "cursor_state": "exhausted",
        "posts_count": POSTS if number == TASK else 0,
        "created_at": moment,
        "assigned_at": moment + timedelta(seconds=1),
        "started_at": moment + timedelta(seconds=2),
        "completed_at": moment + timedelta(seconds=9),
        "updated_at": moment + timedelta(seconds=9),
        "stop_reason": "end_of_source",
        "receipt": {"collected": POSTS, "pages": 3, "calls": 3, "complete": True},
        "revision": 4,
    }


def post(number: int, now: datetime) -> Mapping[str, Any]:
    """Return the columns of a post of the task `TASK`, counted from 0."""
    return {
        "task_id": TASK,
        "position": number,
        "post_id": f"p{number}",
        "message": f"Post {number}: " + "the plain words of a post of the usual length, " * 4,
        "author": f"author{number % 7}",
        "url": f"https://social.example/p/{number}",
        "created_time": now - timedelta(minutes=number),
        "likes": number * 3,
        "comments": number % 11,
        "shares": None,
    }


async def _admin(url: str, *statements: str) -> None:
    connection: Any = await driver.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
