"""200 tasks that wait for their platform, at a time in one worker process: its memory."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from bench.engine.installation import driver, environment, flush_redis, postgres, until_none, worker
from bench.engine.throughput import Sandbox
from tasks.accounts import AccountService
from tasks.database import open_database
from tasks.ports import Sleeper
from tasks.principal import SCOPES, Principal
from tasks.service import TaskService
from tasks.validation import NewTask

AT_ONCE: Final = 200


async def main(*, seconds: float = 60.0) -> None:
    """Keep 200 slow tasks running, and read the process's memory while they do."""
    flush_redis()
    async with postgres() as url:
        database = await open_database(url)
        service = TaskService(database, catalogue=Sandbox(), waker=Sleeper())
        user = await AccountService(database).create_user("ada@example.org")
        principal = Principal(user_id=user.id, scopes=frozenset(SCOPES))
        # 20 pages of 25 posts, a second each: more than runs out in the time measured.
        new = NewTask.parse({"group_id": "sandbox:slow", "max_posts": 500})
        for _ in range(int(AT_ONCE * (2 + seconds / 20))):
            await service.create(principal, new)
        connection: Any = await driver.connect(url)
        running = "SELECT count(*) FROM task WHERE lease_expires_at IS NOT NULL"
        with worker(environment(url, SLUICE_WORKER_CONCURRENCY=str(AT_ONCE))) as process:
            await until_none(url, f"SELECT {AT_ONCE} - ({running})")
            begun = time.monotonic()
            memory: list[int] = []
            while time.monotonic() - begun < seconds:
                memory.append(_megabytes(process.pid))
                await asyncio.sleep(1)
            stored = await connection.fetchval("SELECT count(*) FROM post")
        await connection.close()
        await database.close()
    quarter = len(memory) // 4
    print(f"  {AT_ONCE} runs at a time, {stored / seconds:,.0f} posts/s stored")
    print(
        f"  resident memory: {max(memory[:quarter])} MiB in the first quarter,"
        f" {max(memory[-quarter:])} MiB in the last"
    )


def _megabytes(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    raise RuntimeError("the worker has ended")


if __name__ == "__main__":
    asyncio.run(main())
