"""The live campaign: clients watch tasks run while gateways, workers and Redis are killed.

Each client breaks its own connection, too, and goes on with what it has seen. In the end, what it
was told of every task must be what the log holds: no gap, no repeat, no reorder, the terminal
event last.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx2
import orjson
import websockets

from graph.types.node import read_global_id
from tests.chaos.installation import Installation, environment, run_cli
from tests.chaos.servers import Postgres, Redis, folder
from tests.chaos.verdict import driver

WATCH: Final = """subscription($id: ID!, $since: BigInt) {
    taskUpdated(id: $id, since: $since) { seq type } }"""
STREAM: Final = """subscription($since: String) {
    tasksUpdated(since: $since) { position reset update { seq type taskId } } }"""
CREATE: Final = """mutation($input: CreateTaskInput!) {
    createTask(input: $input) { task { id databaseId } } }"""
GROUPS: Final = ("sandbox:a", "sandbox:slow", "sandbox:instant", "sandbox:fails-after-120")
PROTOCOLS: Final[Any] = ["graphql-transport-ws"]
TERMINAL: Final = ("COMPLETED", "FAILED")
#: Each task's events: `seq` and type, in order.
Log: TypeAlias = dict[int, list[tuple[int, str]]]
#: What a connection that breaks raises.
BROKEN: Final = (OSError, TimeoutError, websockets.WebSocketException, httpx2.HTTPError)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How big a campaign is."""

    tasks: int = 200
    seconds: float = 20.0  #: In which faults strike.
    calm_seconds: float = 90.0  #: How long the rest may take.
    with_bus: bool = True
    seed: int = field(default_factory=lambda: random.randrange(1 << 32))  # noqa: S311 - guards nothing


@dataclass
class Report:
    """What happened, and a sentence for each promise that was broken."""

    plan: Plan
    faults: Counter[str] = field(default_factory=Counter[str])
    connects: int = 0
    events: int = 0  #: That clients were told.
    broken: list[str] = field(default_factory=list[str])


@dataclass
class Record:
    """What one client was told of one task."""

    task_id: str
    number: int
    told: list[tuple[int, str | None]] = field(default_factory=list[tuple[int, str | None]])
    is_over: bool = False

    @property
    def since(self) -> int | None:
        """What the client has seen last."""
        return self.told[-1][0] if self.told else None


class Campaign:
    """One run of a plan."""

    def __init__(self, plan: Plan, place: Path) -> None:
        self.plan = plan
        self.report = Report(plan)
        self._random = random.Random(plan.seed)  # noqa: S311 - repeats a campaign, guards nothing
        for name in ("postgres", "redis"):
            (place / name).mkdir()
        self._postgres = Postgres(place / "postgres")
        self._redis = Redis(place / "redis")
        bus = {"SLUICE_REDIS_URL": self._redis.url} if plan.with_bus else {}
        self._env = environment(
            SLUICE_DATABASE_URL=self._postgres.url,
            SLUICE_BROKER_URL=self._redis.url,
            SLUICE_MAX_CONNECTIONS_PER_TOKEN="10000",
            SLUICE_GRAPHQL_COST_CAPACITY="100000000",
            **bus,
        )
        self._installation = Installation(self._env, place, workers=2, gateways=2, skewed=False)
        self._records: list[Record] = []
        self._streamed: set[tuple[int, int]] = set()
        self._began = asyncio.Event()

    def run(self) -> Report:
        """Run the campaign."""
        self._postgres.start()
        self._redis.start()
        try:
            run_cli(self._env, "migrate")
            run_cli(self._env, "user", "create", "chaos@example.org")
            self._token = run_cli(self._env, "token", "create", "--name", "chaos", "--quiet")
            self._installation.start()
            asyncio.run(self._under_fire())
        finally:
            self._installation.stop()
            self._redis.stop(signal.SIGKILL)
            self._postgres.stop(signal.SIGKILL)
        return self.report

    async def _under_fire(self) -> None:
        streaming = asyncio.create_task(self._follow_all())
        await self._began.wait()  # What was before the stream is none of its events.
        striking = asyncio.create_task(asyncio.to_thread(self._strike))
        watching = [
            asyncio.create_task(self._watch(await self._create(number)))
            for number in range(self.plan.tasks)
        ]
        await striking
        log: Log = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.calm_seconds):
                await asyncio.gather(*watching)
                log = await self._log()
                while _events(log) - self._streamed:  # noqa: ASYNC110 - what it waits for sets no event
                    await asyncio.sleep(0.1)
        streaming.cancel()
        self._judge(log or await self._log())

    async def _create(self, number: int) -> Record:
        """Create a task, as often as it takes. One that a gateway died over has no watcher."""
        variables = {"input": {"groupId": GROUPS[number % len(GROUPS)], "maxPosts": 40}}
        headers = {"Authorization": f"Bearer {self._token}"}
        while True:
            try:
                async with httpx2.AsyncClient(trust_env=False, timeout=5, headers=headers) as http:
                    address = f"{self._installation.address()}/graphql"
                    body = {"query": CREATE, "variables": variables}
                    answer = (await http.post(address, json=body)).json()
                task = answer["data"]["createTask"]["task"]
                self._records.append(Record(task["id"], task["databaseId"]))
                return self._records[-1]
            except (*BROKEN, KeyError, TypeError, orjson.JSONDecodeError):
                await asyncio.sleep(0.1)

    async def _watch(self, record: Record) -> None:
        """Watch a task to its end, by one connection after the other."""
        while not record.is_over:
            variables = {"id": record.task_id, "since": record.since}
            try:
                async with asyncio.timeout(self._random.uniform(0.3, 6)):
                    async with aclosing(self._subscribed(WATCH, variables)) as given:
                        async for payload in given:
                            update = payload["taskUpdated"]
                            record.told.append((update["seq"], update["type"]))
                            self.report.events += 1
                record.is_over = True
            except BROKEN:
                await asyncio.sleep(self._random.uniform(0, 0.3))

    async def _follow_all(self) -> None:
        """Follow the owner's stream, by one connection after the other, for ever."""
        position: str | None = None
        while True:
            try:
                async with asyncio.timeout(self._random.uniform(0.5, 4)):
                    order: dict[str, int] = {}
                    async with aclosing(self._subscribed(STREAM, {"since": position})) as given:
                        async for payload in given:
                            position = self._take(payload["tasksUpdated"], position, order)
            except BROKEN:
                await asyncio.sleep(self._random.uniform(0, 0.3))

    def _take(self, item: Mapping[str, Any], position: str | None, order: dict[str, int]) -> str:
        """Note an item of the stream, and return the position after it."""
        self.report.events += 1
        self._began.set()
        if item["reset"] and position is not None:
            self.report.broken.append("the stream began again")
        if (update := item["update"]) is not None:
            seq, task_id = update["seq"], update["taskId"]
            if seq <= order.get(task_id, 0):
                self.report.broken.append(f"out of order in the stream: {update}")
            order[task_id] = seq
            self._streamed.add((_number(task_id), seq))
        return item["position"]

    async def _subscribed(self, query: str, variables: Mapping[str, Any]) -> AsyncGenerator[Any]:
        """Yield what a subscription gives, until it completes or its connection breaks."""
        address = self._installation.address().replace("http", "ws") + "/graphql"
        async with websockets.connect(
            address, subprotocols=PROTOCOLS, proxy=None, open_timeout=3, close_timeout=0.1
        ) as socket:
            self.report.connects += 1
            init = {"Authorization": f"Bearer {self._token}"}
            await _say(socket, type="connection_init", payload=init)
            payload = {"query": query, "variables": variables}
            await _say(socket, type="subscribe", id="1", payload=payload)
            while (message := orjson.loads(await socket.recv()))["type"] != "complete":
                if message["type"] == "next":
                    if (data := message["payload"]["data"]) is None:
                        raise OSError(message)
                    yield data
                elif message["type"] == "error":
                    raise OSError(message)

    def _strike(self) -> None:
        """Let faults strike, each kind once before any comes again."""
        installation = self._installation
        faults = {
            "gateway killed": lambda: self._random.choice(installation.gateways).kill(),
            "gateway restarted": lambda: self._random.choice(installation.gateways).restart(),
            "worker killed": lambda: self._random.choice(installation.workers).kill(),
            "Redis killed": self._restart_redis,
        }
        until = time.monotonic() + self.plan.seconds
        rest: list[str] = []
        while time.monotonic() < until:
            time.sleep(self._random.uniform(0.3, 1.5))
            rest = rest or self._random.sample(sorted(faults), len(faults))
            name = rest.pop()
            faults[name]()
            self.report.faults[name] += 1
            installation.revive()

    def _restart_redis(self) -> None:
        self._redis.stop(signal.SIGKILL)
        time.sleep(self._random.uniform(0.0, 2.0))
        self._redis.start()

    async def _log(self) -> Log:
        connection: Any = await driver.connect(self._postgres.url)
        rows = await connection.fetch("SELECT task_id, seq, type FROM task_event ORDER BY seq")
        await connection.close()
        log: Log = {}
        for row in rows:
            log.setdefault(row["task_id"], []).append((row["seq"], row["type"].upper()))
        return log

    def _judge(self, log: Log) -> None:
        """Compare every record with the log, from where it began, and the stream with all."""
        for record in self._records:
            events = log.get(record.number, [])
            first = record.told[0][0] if record.told else 0
            told = [(seq, kind or events[seq - 1][1]) for seq, kind in record.told]
            if not record.is_over:
                self.report.broken.append(f"task {record.number} has not ended for its client")
            if not told or told != events[first - 1 :] or told[-1][1] not in TERMINAL:
                self.report.broken.append(f"task {record.number}: told {told}, log {events}")
        unseen = sorted(_events(log) - self._streamed)
        self.report.broken += [f"the stream lacks (task, seq) {each}" for each in unseen[:20]]


def _events(log: Log) -> set[tuple[int, int]]:
    return {(number, seq) for number, events in log.items() for seq, _ in events}


async def _say(socket: Any, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


def _number(task_id: str) -> int:
    """Return the number in a global id."""
    return int(read_global_id(task_id)[1])


def run(plan: Plan) -> Report:
    """Run a campaign in a folder of its own.

    Raises:
        Missing: A server is not installed.
    """
    with folder() as place:
        return Campaign(plan, place).run()
