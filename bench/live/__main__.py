"""Live subscriptions, Sluice beside graphql-yoga + graphql-ws on Node: `make bench-live`.

One server process on the first core, the load (this process) and the database on the others. Each
server has a database or a memory of its own and the same paths that prepare it, change its tasks
at a rate, and tell its memory (`bench/live/server.py`, `bench/live/peer/server.mjs`).

What is measured: memory a subscription, connects a second (upgrade, authentication and the first
update included), the delay from commit to client for subscriptions on own tasks, of so many owners
and of one, with a full garbage collection amid them; how soon one change reaches all subscribers
of a task; and whether memory grows over cycles of connects and disconnects.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import uvloop

from bench.engine.installation import REDIS, flush_redis, postgres
from bench.live.client import Client, connect

PEER: Final = Path(__file__).parent / "peer"
ROOT: Final = Path(__file__).parents[2]
RATE: Final = 500  #: Changes a second.
FANOUT: Final = 1_000
CYCLES: Final = 3
#: What a process needs beside its sockets.
SPARE_FILES: Final = 200

Serving = Callable[[], AbstractAsyncContextManager[int]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    subscriptions: int
    seconds: int
    only: Sequence[str]  #: Names of `MEASUREMENTS`.


class Server:
    """A server under measurement, by its own paths beside `/graphql`."""

    def __init__(self, http: httpx2.AsyncClient, port: int) -> None:
        self._http = http
        self._port = port

    async def prepare(self, *, tasks: int, owners: int) -> list[tuple[str, str]]:
        """Make tasks; returns for each its owner's token and its id."""
        params = {"tasks": tasks, "owners": owners}
        return (await self._http.get("/bench/prepare", params=params)).json()

    async def change(self, *, rate: int, seconds: int) -> list[tuple[str, int, int]]:
        """Change the tasks in turn; returns task, `seq` and the time of the commit (ns)."""
        params = {"rate": rate, "seconds": seconds}
        return (await self._http.get("/bench/change", params=params)).json()

    async def bytes(self) -> int:
        """Return the memory that the process holds."""
        return int((await self._http.get("/bench/memory")).text)

    async def connect(self, whom: Sequence[tuple[str, str]]) -> tuple[list[Client], float]:
        """Subscribe; returns how long it took (s), too."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        clients = await connect(self._port, whom)
        return clients, loop.time() - begun

    async def leave(self, clients: Sequence[Client]) -> None:
        """Hang up, and give the server a moment to notice."""
        for client in clients:
            client.close()
        await asyncio.sleep(2)


def delays(
    commits: Sequence[tuple[str, int, int]], clients: Sequence[Client]
) -> tuple[list[float], int]:
    """Return how long updates took (ms, sorted), and how many never came."""
    came: dict[tuple[str, int], list[int]] = {}
    for client in clients:
        for seq, at in client.told:
            came.setdefault((client.task_id, seq), []).append(at)
    found = [
        (at - committed) / 1e6
        for task_id, seq, committed in commits
        for at in came.get((task_id, seq), ())
    ]
    return sorted(found), sum((task_id, seq) not in came for task_id, seq, _ in commits)


async def measure_delays(server: Server, plan: Plan, *, owners: int) -> None:
    """Measure subscriptions on own tasks, of so many owners."""
    count = plan.subscriptions
    made = await server.prepare(tasks=count, owners=owners)
    before = await server.bytes()
    clients, seconds = await server.connect(made)
    each = (await server.bytes() - before) / count / 1024
    print(
        f"  {count:,} subscriptions of {owners:,} owner{'s' * (owners > 1)}: "
        f"{count / seconds:,.0f} connects/s, {each:.1f} KiB each"
    )
    gc.collect()
    gc.freeze()  # Of the load's own collections, none is to be measured.
    gc.disable()
    commits = await server.change(rate=RATE, seconds=plan.seconds)
    await asyncio.sleep(3)
    gc.enable()
    found, lost = delays(commits, clients)
    p50, p99 = (found[int(len(found) * share)] for share in (0.5, 0.99))
    print(
        f"    {RATE} changes/s for {plan.seconds} s: p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"most {found[-1]:.1f} ms, lost {lost}"
    )
    await server.leave(clients)


async def measure_owner(server: Server, plan: Plan) -> None:
    """Measure subscriptions of one owner."""
    await measure_delays(server, plan, owners=1)


async def measure_owners(server: Server, plan: Plan) -> None:
    """Measure subscriptions of an owner each."""
    await measure_delays(server, plan, owners=plan.subscriptions)


async def measure_fanout(server: Server, plan: Plan) -> None:
    """Measure one task with many subscribers, always as many."""
    del plan
    clients, _ = await server.connect(await server.prepare(tasks=1, owners=1) * FANOUT)
    reached: list[float] = []
    for _ in range(20):
        ((_, seq, committed),) = await server.change(rate=1, seconds=1)
        await asyncio.sleep(0.3)
        last = max(at for client in clients for told, at in client.told if told == seq)
        reached.append((last - committed) / 1e6)
    middle = statistics.median(reached)
    print(f"  one change to {FANOUT:,} subscribers: all within {middle:.1f} ms (median)")
    await server.leave(clients)


async def measure_cycles(server: Server, plan: Plan) -> None:
    """Measure whether the memory at the peak grows with every cycle."""
    made = await server.prepare(tasks=plan.subscriptions, owners=1)
    peaks: list[float] = []
    for _ in range(CYCLES):
        clients, _ = await server.connect(made)
        peaks.append(await server.bytes() / 2**20)
        await server.leave(clients)
    shown = ", ".join(f"{peak:.0f}" for peak in peaks)
    growth = (peaks[-1] / peaks[0] - 1) * 100
    print(f"  {CYCLES} cycles, peaks {shown} MiB: the last is {growth:+.1f} % of the first")


MEASUREMENTS: Final = {
    "fanout": measure_fanout,
    "owners": measure_owners,
    "owner": measure_owner,
    "cycles": measure_cycles,
}


async def measure(name: str, serving: Serving, plan: Plan) -> None:
    """Measure one server. It starts anew each time: what it has freed hides what comes next."""
    print(name, flush=True)
    for measuring in (MEASUREMENTS[each] for each in plan.only):
        async with (
            serving() as port,
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                trust_env=False,
                timeout=httpx2.Timeout(600),
            ) as http,
        ):
            await answers(http)
            await measuring(Server(http, port), plan)
            sys.stdout.flush()


async def answers(http: httpx2.AsyncClient) -> None:
    """Wait until a server answers."""
    for _ in range(300):
        with contextlib.suppress(httpx2.TransportError):
            await http.get("/bench/memory")
            return
        await asyncio.sleep(0.1)


@contextlib.contextmanager
def running(command: Sequence[str], **environment: str) -> Generator[int]:
    """Run a server on the first core until the block ends; returns its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command, str(port)],
        cwd=ROOT,
        env={**inherited, **environment},
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


OURS: Final = (sys.executable, "-m", "bench.live.server")


@contextlib.asynccontextmanager
async def in_process() -> AsyncGenerator[int]:
    """Serve as `sluice up` does: SQLite, and events within the process."""
    with tempfile.TemporaryDirectory() as folder, running(OURS, SLUICE_DATA_DIR=folder) as port:
        yield port


@contextlib.asynccontextmanager
async def over_redis() -> AsyncGenerator[int]:
    """Serve from PostgreSQL, with every event going through Redis."""
    flush_redis()
    async with postgres() as url:
        with (
            tempfile.TemporaryDirectory() as folder,
            running(
                OURS, SLUICE_DATA_DIR=folder, SLUICE_DATABASE_URL=url, SLUICE_REDIS_URL=REDIS
            ) as port,
        ):
            yield port


def install_peer() -> None:
    """Install what the peer is made of, once."""
    if not (PEER / "node_modules" / ".package-lock.json").exists():
        npm = shutil.which("npm") or "npm"
        subprocess.run([npm, "ci", "--ignore-scripts", "--silent"], cwd=PEER, check=True)


@contextlib.asynccontextmanager
async def yoga() -> AsyncGenerator[int]:
    """Serve with the peer: no database, no authentication."""
    await asyncio.to_thread(install_peer)
    command = ("node", "--expose-gc", str(PEER / "server.mjs"))
    with running(command, NODE_ENV="production") as port:
        yield port


SERVERS: Final[dict[str, tuple[str, Serving]]] = {
    "process": ("Sluice, SQLite, events in process", in_process),
    "redis": ("Sluice, PostgreSQL, events over Redis", over_redis),
    "yoga": ("graphql-yoga + graphql-ws, nothing behind it", yoga),
}


def main() -> None:
    """Measure what is asked for, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < given.subscriptions + SPARE_FILES:
        raise SystemExit(f"{given.subscriptions} sockets need more open files than {hard} (ulimit)")
    if (cores := os.sched_getaffinity(0)) != {0}:
        os.sched_setaffinity(0, cores - {0})
    plan = Plan(given.subscriptions, given.seconds, given.only)
    for name in given.servers:
        uvloop.run(measure(*SERVERS[name], plan))


if __name__ == "__main__":
    main()
