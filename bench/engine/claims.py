"""How long a claim takes with few and with very many pending tasks, owners and dead rows."""

import asyncio
import statistics
import time
from typing import Any, Final

from bench.engine.installation import driver, postgres
from tasks.claim import Limits
from tasks.database import open_database
from tasks.ports import Sleeper
from tasks.work import WorkService

CLAIMS: Final = 400
OWNERS: Final = 1000
PENDING: Final = """
    INSERT INTO task (user_id, group_id, platform, target, max_posts, priority, status, attempt,
                      failures, posts_count, cursor_state, revision, created_at, updated_at)
    SELECT u.id, 'sandbox:instant', 'sandbox', 'instant', 1, n % 10, 'pending', 0,
           0, 0, 'start', 1, now(), now()
    FROM user_account u, generate_series(1, $1) n WHERE u.email LIKE 'owner%'
"""


async def main(*, many: int = 1000, claimed: int = 100_000, idle: int = 100_000) -> None:
    """Measure one after the other in one database that grows."""
    async with postgres() as url:
        connection: Any = await driver.connect(url)
        database = await open_database(url)
        work = WorkService(database, waker=Sleeper(), limits=Limits(lease_seconds=3600))
        await connection.execute(
            "INSERT INTO user_account (email, is_admin, created_at)"
            f" SELECT 'owner' || n, false, now() FROM generate_series(1, {OWNERS}) n"
        )
        few = await _claims(connection, work, "1,000 pending tasks of 1,000 owners", each=1)
        base = await _claims(connection, work, f"{many * OWNERS:,} pending", each=many - 1)
        for _ in range(claimed // 16):
            await work.claim_many("w", most=16)
        after = await _claims(connection, work, f"after {claimed:,} claims")
        await connection.execute(
            "INSERT INTO user_account (email, is_admin, created_at)"
            f" SELECT 'idle' || n, false, now() FROM generate_series(1, {idle}) n"
        )
        idle_too = await _claims(connection, work, f"with {idle:,} idle owners beside them")
        worst = max(base, after, idle_too) / few
        print(f"  worst against the first: {worst:.2f} times (target: at most 1.5)")
        await database.close()
        await connection.close()


async def _claims(connection: Any, work: WorkService, title: str, *, each: int = 0) -> float:
    """Add pending tasks for each owner, then return the median milliseconds of a claim of one."""
    if each:
        await connection.execute(PENDING, each)
        await connection.execute(
            "INSERT INTO queue_owner SELECT id, 1 FROM user_account WHERE email LIKE 'owner%'"
            " ON CONFLICT DO NOTHING"
        )
    await connection.execute("VACUUM ANALYZE")
    for _ in range(20):
        await work.claim_many("w", most=1)
    took: list[float] = []
    for _ in range(CLAIMS):
        begun = time.perf_counter()
        found = await work.claim_many("w", most=1)
        took.append(1000 * (time.perf_counter() - begun))
        assert len(found.claims) == 1
    median = statistics.median(took)
    print(f"  {title:<45} {median:6.2f} ms a claim (p95 {sorted(took)[-CLAIMS // 20]:.2f})")
    return median


if __name__ == "__main__":
    asyncio.run(main())
