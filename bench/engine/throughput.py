"""No-op tasks a second, created to completed: ours, procrastinate's, and bare Dramatiq's."""

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.engine.installation import (
    REDIS,
    backends,
    cpu_of,
    driver,
    environment,
    flush_redis,
    postgres,
    until_none,
    worker,
)
from tasks.accounts import AccountService
from tasks.database import open_database
from tasks.ports import Sleeper, Target, Waker
from tasks.principal import SCOPES, Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from workers.broker import open_broker, wake_up
from workers.waker import BrokerWaker

PEERS: Final = Path(__file__).parent / "peers"
#: Creations that are under way at once, as of a gateway with that many clients.
CREATORS: Final = 16


class Sandbox:
    """The catalogue of a gateway that is asked for the sandbox alone."""

    def resolve(self, group_id: str) -> Target:
        """Split at the colon."""
        platform, _, target = group_id.partition(":")
        return Target(platform, target)


async def create(url: str, *, tasks: int, owners: int = 1, waker: Waker | None = None) -> None:
    """Create no-op tasks as a gateway does."""
    database = await open_database(url)
    service = TaskService(database, catalogue=Sandbox(), waker=waker or Sleeper())
    accounts = AccountService(database)
    users = [await accounts.create_user(f"{number}@example.org") for number in range(owners)]
    everybody = [Principal(user_id=user.id, scopes=frozenset(SCOPES)) for user in users]
    new = NewTask.parse({"group_id": "sandbox:instant", "max_posts": 1})
    left = iter(range(tasks))

    async def creator() -> None:
        for number in left:
            await service.create(everybody[number % owners], new)

    await asyncio.gather(*(creator() for _ in range(CREATORS)))
    await database.close()


async def ours(tasks: int) -> float:
    """Measure Sluice: one gateway's creations, one worker process."""
    flush_redis()
    async with postgres() as url:
        broker = open_broker(REDIS)
        waker = BrokerWaker(broker, wake_up)
        with worker(environment(url)) as process:
            begun, spent = time.monotonic(), time.process_time()
            await create(url, tasks=tasks, waker=waker)
            created = time.monotonic() - begun
            query = "SELECT count(*) FROM task WHERE status <> 'completed'"
            seconds = await until_none(url, query) - begun
            cost = {
                "gateway": time.process_time() - spent,
                "worker": cpu_of(process.pid),
                "PostgreSQL": cpu_of(*backends(url)),
            }
        await check(url, tasks)
        waker.close()
        broker.close()
    shown = ", ".join(f"{name} {1000 * used / tasks:.2f}" for name, used in cost.items())
    print(f"    milliseconds of CPU a task: {shown}")
    print(f"    created in {created:.1f} s, completed after {seconds:.1f} s")
    return tasks / seconds


async def check(url: str, tasks: int) -> None:
    """Make sure that the work was done: four events, one post and a receipt a task."""
    connection: Any = await driver.connect(url)
    counts = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM task WHERE receipt IS NOT NULL),"
        " (SELECT count(*) FROM task_event), (SELECT count(*) FROM post)"
    )
    await connection.close()
    assert tuple(counts) == (tasks, 4 * tasks, tasks), tuple(counts)


async def peer(python: str, module: str, tasks: int) -> float:
    """Measure a peer in its own environment; it prints its rate."""
    flush_redis()
    async with postgres(migrated=False) as url:
        run = await asyncio.create_subprocess_exec(
            python, str(PEERS / module), url, REDIS, str(tasks), stdout=subprocess.PIPE
        )
        out, _ = await run.communicate()
        assert run.returncode == 0, f"{module} failed"
        return float(out.split()[-1])


async def main(python: str | None, *, tasks: int = 5000, rounds: int = 3) -> dict[str, float]:
    """Measure in turns, so that what else the machine does hits all alike."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        found.setdefault("sluice", []).append(await ours(tasks))
        if python is not None:
            rate = await peer(python, "procrastinate_peer.py", min(tasks, 1000))
            found.setdefault("procrastinate", []).append(rate)
            found.setdefault("dramatiq", []).append(await peer(python, "dramatiq_peer.py", tasks))
    for name, rates in found.items():
        shown = " ".join(f"{rate:.0f}" for rate in rates)
        print(f"  {name:<15} {statistics.median(rates):8.0f} tasks/s   ({shown})")
    return {name: statistics.median(rates) for name, rates in found.items()}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None, rounds=1))
