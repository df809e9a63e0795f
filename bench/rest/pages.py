"""Deep pages of long lists: `make bench-pages`.

One user's 1,000,000 tasks on PostgreSQL; page 1 and page 1,000 of 15, in every order, with and
without a filter, through the service that REST calls. Prints medians in milliseconds.
"""

import asyncio
import itertools
import secrets
import statistics
import time
from typing import Any

import asyncpg
from run import admin, named

from tasks.accounts import AccountService
from tasks.database import open_database
from tasks.migrations import migrate
from tasks.ports import Sleeper, Target
from tasks.principal import SCOPES, Principal
from tasks.service import TaskService
from tasks.validation import Listing

TASKS, ROUNDS = 1_000_000, 5
driver: Any = asyncpg  # asyncpg ships no types
SEED = f"""
INSERT INTO task (user_id, group_id, platform, target, max_posts, priority, status, attempt,
                  failures, cursor_state, posts_count, created_at, updated_at, revision)
SELECT 1, 'sandbox:' || n, 'sandbox', n::text, 100, n * 31 % 11,
       (ARRAY['completed', 'completed', 'completed', 'failed', 'pending', 'processing'])
       [1 + (n::bigint * 7919) % 6],
       1, 0, 'exhausted', n % 100, now() - make_interval(secs => n), now(), 4
FROM generate_series(1, {TASKS}) AS n
"""


class NoCatalogue:
    """Lists ask no catalogue."""

    def resolve(self, group_id: str) -> Target:
        """Never called."""
        raise NotImplementedError(group_id)


async def measure(name: str) -> None:
    """Fill the database and print a row for each list."""
    await migrate(named(name))
    database = await open_database(named(name))
    user = await AccountService(database).create_user("bench@example.org")
    connection: Any = await driver.connect(named(name))
    await connection.execute(SEED)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    service = TaskService(database, catalogue=NoCatalogue(), waker=Sleeper())
    principal = Principal(user_id=user.id, scopes=frozenset(SCOPES))
    print(f"{'status':12}{'sort_by':12}{'order':7}{'page':>6}{'median ms':>11}")
    for status, sort_by, order, page in itertools.product(
        ("all", "completed", "failed"),
        ("created_at", "status", "priority"),
        ("asc", "desc"),
        (1, 1000),
    ):
        wanted = {"status": status, "sort_by": sort_by, "sort_order": order, "page": page}
        times: list[float] = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            await service.summaries(principal, Listing.parse(wanted))
            times.append((time.perf_counter() - started) * 1000)
        print(f"{status:12}{sort_by:12}{order:7}{page:>6}{statistics.median(times):>11.1f}")
    await database.close()


def main() -> None:
    """Make a database, measure, and drop it."""
    name = f"sluice_bench_{secrets.token_hex(4)}"
    asyncio.run(admin(f'CREATE DATABASE "{name}"'))
    try:
        asyncio.run(measure(name))
    finally:
        asyncio.run(admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


if __name__ == "__main__":
    main()
