"""No-op tasks a second, created to completed: ours, procrastinate's, and bare Dramatiq's."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from tasks.publication import PublishingDatabase
from tasks.redis_bus import RedisBus
from tasks.service import TaskService
from tasks.validation import NewTask
from workers.broker import open_broker, wake_up
from workers.waker import BrokerWaker

PEERS: Final = Path(__file__).parent / "peers"
#: Tasks that are measured, by each in turn: who is fast with few may be slow with many.
SIZES: Final = (1000, 5000)
ROUNDS: Final = 2
#: Tasks before those that are measured: connections are made, statements prepared.
WARM_UP: Final = 100
#: Creations that are under way at once, as of a gateway with that many clients.
CREATORS: Final = 16
UNFINISHED: Final = "SELECT count(*) FROM task WHERE status <> 'completed'"


class Sandbox:
    """The catalogue of a gateway that is asked for the sandbox alone."""

    def resolve(self, group_id: str) -> Target:
        """Split at the colon."""
        platform, _, target = group_id.partition(":")
        return Target(platform, target)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Creates no-op tasks as a gateway does."""

    service: TaskService
    owners: Sequence[Principal]

    async def create(self, tasks: int) -> None:
        """Create tasks, some at once."""
        new = NewTask.parse({"group_id": "sandbox:instant", "max_posts": 1})
        left = iter(range(tasks))

        async def creator() -> None:
            for number in left:
                await self.service.create(self.owners[number % len(self.owners)], new)

        await asyncio.gather(*(creator() for _ in range(CREATORS)))


@asynccontextmanager
async def gateway(
    url: str, *, owners: int = 1, waker: Waker | None = None
) -> AsyncGenerator[Gateway]:
    """Open a gateway, which publishes its events on Redis."""
    async with RedisBus.open(REDIS) as bus:
        database = PublishingDatabase(await open_database(url), bus)
        try:
            service = TaskService(database, catalogue=Sandbox(), waker=waker or Sleeper())
            accounts = AccountService(database)
            users = [await accounts.create_user(f"{each}@example.org") for each in range(owners)]
            scopes = frozenset(SCOPES)
            yield Gateway(service, [Principal(user_id=user.id, scopes=scopes) for user in users])
        finally:
            await database.close()


async def ours(tasks: int) -> float:
    """Measure Sluice: one gateway's creations, one worker process; both are warm."""
    flush_redis()
    async with postgres() as url:
        broker = open_broker(REDIS)
        waker = BrokerWaker(broker, wake_up)
        with worker(environment(url)) as process:
            async with gateway(url, waker=waker) as entrance:
                await entrance.create(WARM_UP)
                await until_none(url, UNFINISHED)
                processes = {"gateway": [os.getpid()], "worker": [process.pid]}
                processes["PostgreSQL"] = backends(url)
                spent = {name: cpu_of(*each) for name, each in processes.items()}
                begun = time.monotonic()
                await entrance.create(tasks)
                created = time.monotonic() - begun
                seconds = await until_none(url, UNFINISHED) - begun
                cost = {name: cpu_of(*each) - spent[name] for name, each in processes.items()}
        await check(url, WARM_UP + tasks)
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


async def main(python: str | None, *, rounds: int = ROUNDS) -> dict[int, dict[str, float]]:
    """Measure in turns, so that what else the machine does hits all alike; by number of tasks."""
    found: dict[int, dict[str, list[float]]] = {tasks: {} for tasks in SIZES}
    for tasks in SIZES * rounds:
        rates = found[tasks]
        rates.setdefault("sluice", []).append(await ours(tasks))
        if python is not None:
            for name in ("procrastinate", "dramatiq"):
                rate = await peer(python, f"{name}_peer.py", tasks)
                rates.setdefault(name, []).append(rate)
    for tasks, by_name in found.items():
        for name, rates in by_name.items():
            shown = " ".join(f"{rate:.0f}" for rate in rates)
            middle = statistics.median(rates)
            print(f"  {tasks:,} tasks, {name:<15} {middle:8.0f} a second   ({shown})")
    return {
        tasks: {name: statistics.median(rates) for name, rates in by_name.items()}
        for tasks, by_name in found.items()
    }


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None, rounds=1))
