"""Status that cannot be missed: gateways, workers and the bus fail, and no client notices."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
import websockets

from tasks.database import Database
from tasks.store import event as log
from tests.acceptance.conftest import Process, Start
from tests.conftest import REDIS_SERVER, missing
from tests.tasks.watch.test_redis_bus import Line

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.timeout(170),
    pytest.mark.parametrize("backend", ["postgresql"], indirect=True),
]

BROKER = f"{REDIS_SERVER}/12"
CLIENTS = 10
TASKS_EACH = 20
#: How long things are broken; after it, everything comes to its end.
CHAOS_SECONDS = 12.0
END_SECONDS = 90.0

WATCH = """subscription($id: ID!, $since: BigInt) {
  taskUpdated(id: $id, since: $since) { seq type task { status } }
}"""
CREATE = """mutation($input: CreateTasksInput!) {
  createTasks(input: $input) { tasks { id databaseId } userErrors { message } }
}"""


class Installation:
    """A gateway and a worker that are killed and started again."""

    def __init__(self, start: Start, environment: dict[str, str]) -> None:
        self._start = start
        self._environment = environment
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.gateway = self.start_gateway()
        self.worker = self.start_worker()

    def start_gateway(self) -> Process:
        """Start a gateway on the port that clients know."""
        gateway = self._start("serve", "--port", str(self.port), **self._environment)
        gateway.line_with("http://")
        return gateway

    def start_worker(self) -> Process:
        """Start a worker."""
        worker = self._start("worker", **self._environment)
        worker.line_with("takes tasks")
        return worker

    async def restart_gateway(self) -> None:
        """Kill the gateway, and start another."""
        await asyncio.to_thread(self.gateway.kill)
        self.gateway = await asyncio.to_thread(self.start_gateway)

    async def restart_worker(self) -> None:
        """Kill the worker, and start another."""
        await asyncio.to_thread(self.worker.kill)
        self.worker = await asyncio.to_thread(self.start_worker)


class Watcher:
    """A client that watches tasks over one socket, and comes back whenever it breaks."""

    def __init__(self, port: int, token: str, tasks: dict[str, int]) -> None:
        self._port = port
        self._token = token
        self.tasks = tasks
        self.told: dict[str, list[tuple[int, str | None]]] = {task_id: [] for task_id in tasks}
        self.ended: set[str] = set()
        self.connection: Any = None

    async def run(self) -> None:
        """Watch until every task has ended."""
        while len(self.ended) < len(self.tasks):
            with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
                await self._connected()
            await asyncio.sleep(0.05)

    async def _connected(self) -> None:
        address = f"ws://127.0.0.1:{self._port}/graphql"
        protocols: Any = ["graphql-transport-ws"]
        async with websockets.connect(
            address, subprotocols=protocols, proxy=None, open_timeout=5
        ) as connection:
            self.connection = connection
            await self._say("connection_init", payload={"Authorization": f"Bearer {self._token}"})
            assert (await self._hear())["type"] == "connection_ack"
            for task_id in self.tasks:
                if task_id not in self.ended:
                    await self._subscribe(task_id)
            while len(self.ended) < len(self.tasks):
                self._take(await self._hear())

    async def _subscribe(self, task_id: str) -> None:
        told = self.told[task_id]
        variables = {"id": task_id, "since": told[-1][0] if told else None}
        await self._say("subscribe", id=task_id, payload={"query": WATCH, "variables": variables})

    def _take(self, message: dict[str, Any]) -> None:
        assert message["type"] in ("next", "complete"), message
        if message["type"] == "complete":
            self.ended.add(message["id"])
            return
        assert "errors" not in message["payload"], message
        update = message["payload"]["data"]["taskUpdated"]
        self.told[message["id"]].append((update["seq"], update["type"]))

    async def _say(self, kind: str, **parts: Any) -> None:
        await self.connection.send(orjson.dumps({"type": kind, **parts}).decode())

    async def _hear(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return orjson.loads(await self.connection.recv())


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Return the line to Redis that events travel on."""
    parts = urlsplit(BROKER)
    with socket.socket() as probe:
        if probe.connect_ex((parts.hostname or "", parts.port or 6379)):
            missing("Redis")
    line = Line()
    await line.mend()
    yield line
    await line.cut()


async def create(port: int, token: str) -> dict[str, int]:
    """Create tasks; return their database ids by their global ones."""
    wish = {"groupId": "sandbox:happy", "maxPosts": 150}
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        answer = await http.post(
            f"http://127.0.0.1:{port}/graphql",
            json={"query": CREATE, "variables": {"input": {"tasks": [wish] * TASKS_EACH}}},
            headers={"Authorization": f"Bearer {token}"},
        )
    tasks = answer.json()["data"]["createTasks"]["tasks"]
    return {task["id"]: task["databaseId"] for task in tasks}


async def break_things(
    installation: Installation, watchers: list[Watcher], line: Line | None, chance: random.Random
) -> None:
    """Break something at random, again and again, and mend it."""
    until = asyncio.get_running_loop().time() + CHAOS_SECONDS
    while asyncio.get_running_loop().time() < until:
        match chance.choice(["gateway", "worker", "bus", "client", "client", "client"]):
            case "gateway":
                await installation.restart_gateway()
            case "worker":
                await installation.restart_worker()
            case "bus" if line is not None:
                await line.cut()
                await asyncio.sleep(chance.uniform(0, 1))
                await line.mend()
            case _:
                watcher = chance.choice(watchers)
                if watcher.connection is not None:
                    watcher.connection.transport.abort()
        await asyncio.sleep(chance.uniform(0, 0.5))


@pytest.mark.parametrize("with_bus", [True, False], ids=["bus", "no-bus"])
async def test_no_client_misses_anything(
    start: Start,
    run: Callable[..., Any],
    database: Database,
    database_url: str,
    line: Line,
    *,
    with_bus: bool,
) -> None:
    """Each client's record of each task equals the log: no gap, no repeat, the end last."""
    environment = {
        "SLUICE_DATABASE_URL": database_url,
        "SLUICE_BROKER_URL": BROKER,
        "SLUICE_LEASE_SECONDS": "5",
        "SLUICE_MAX_FAILURES": "100",
        "SLUICE_RATE_LIMIT_PER_MINUTE": "100000",
        "SLUICE_GRAPHQL_COST_CAPACITY": "10000000",
        **({"SLUICE_REDIS_URL": line.url} if with_bus else {}),
    }
    run("user", "create", "ada@example.org", env=environment)
    made = await asyncio.to_thread(
        run, "token", "create", "--name", "ci", "--quiet", env=environment
    )
    token = made.stdout.strip()
    installation = await asyncio.to_thread(Installation, start, environment)
    watchers = [
        Watcher(installation.port, token, await create(installation.port, token))
        for _ in range(CLIENTS)
    ]

    seed = random.randrange(2**32)  # noqa: S311 - the course of a test
    watching = asyncio.gather(*(watcher.run() for watcher in watchers))
    chaos = break_things(
        installation,
        watchers,
        line if with_bus else None,
        random.Random(seed),  # noqa: S311 - as above
    )
    await chaos
    async with asyncio.timeout(END_SECONDS):
        await watching

    for watcher in watchers:
        for task_id, told in watcher.told.items():
            events = await database.read(log.of_task, watcher.tasks[task_id], after=0, limit=1_000)
            logged = [(event.seq, event.type.upper()) for event in events]
            first = told[0]
            assert first[1] is None, f"seed {seed}"
            assert told[1:] == logged[first[0] :], f"seed {seed}, task {task_id}"
