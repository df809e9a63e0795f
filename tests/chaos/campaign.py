"""The campaign: work is made, faults strike, and in the end everything must be in order."""

import asyncio
import contextlib
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx2
import orjson
import redis
from dramatiq import Broker
from dramatiq.errors import BrokerConnectionError
from pika.exceptions import AMQPError

from tests.chaos.installation import Installation, environment, run_cli
from tests.chaos.servers import Postgres, Rabbitmq, Redis, Server, folder, until
from tests.chaos.verdict import UNFINISHED, Verdict, driver, judge
from workers.broker import open_broker, queue_name, wake_up

Fault: TypeAlias = Callable[[], None]
#: What clients ask for: group, posts, and how often among the rest.
WORK: Final = (
    ("sandbox:{}", 60, 50),
    ("sandbox:instant", 500, 25),
    ("sandbox:slow", 40, 8),
    ("sandbox:fails-after-120", 200, 5),
    ("sandbox:not-found", 10, 4),
    ("sandbox:empty", 10, 4),
    ("sandbox:rate-limited", 40, 4),
)
CLIENTS: Final = 4
_TRACEBACK: Final = "Traceback (most recent call last)"
LONG_CALM_SECONDS: Final = 120.0
STRAGGLERS: Final = """
    SELECT id, group_id, status, attempt, failures, not_before - now() AS waits,
           lease_expires_at - now() AS leased,
           user_id IN (SELECT user_id FROM queue_owner) AS in_line
    FROM task WHERE status NOT IN ('completed', 'failed') ORDER BY not_before DESC NULLS LAST
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How big a campaign is."""

    seconds: float
    tasks: int
    workers: int
    gateways: int
    broker: str = "rabbitmq"
    skewed: bool = True
    seed: int = field(default_factory=lambda: random.randrange(1 << 32))  # noqa: S311 - guards nothing
    #: How long the last tasks may take when the faults have ended.
    calm_seconds: float = 180.0


@dataclass
class Report:
    """What happened and what was checked."""

    plan: Plan
    faults: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[str] = field(default_factory=Counter[str])
    created: set[int] = field(default_factory=set[int])
    refused: int = 0
    revived: int = 0
    calm_seconds: float = 0.0
    slowest_stop_seconds: float = 0.0
    stragglers: list[str] = field(default_factory=list[str])
    tracebacks: list[str] = field(default_factory=list[str])
    verdict: Verdict = field(default_factory=Verdict)

    def text(self) -> str:
        """Return it for a person."""
        rows = [
            f"Fault campaign: {self.plan}",
            f"tasks created {len(self.created)}, requests refused or cut {self.refused}",
            "faults: " + ", ".join(f"{name} {n}" for name, n in sorted(self.faults.items())),
            "ends: " + ", ".join(f"{name} {n}" for name, n in sorted(self.ends.items())),
            f"processes that ended by themselves: {self.revived}",
            f"all ended {self.calm_seconds:.1f} s after the last fault",
            *(f"still unfinished then: {each}" for each in self.stragglers[:10]),
            f"the slowest graceful stop took {self.slowest_stop_seconds:.1f} s",
            "checked: " + ", ".join(f"{name} {n}" for name, n in self.verdict.checked.items()),
            f"tracebacks in the logs: {len(self.tracebacks)}",
            *(
                f"{number} times {each}"
                for each, number in Counter(self.tracebacks).most_common(20)
            ),
            f"broken promises: {len(self.verdict.broken)}",
            *self.verdict.broken[:20],
        ]
        return "\n".join(rows)


class Campaign:
    """One run of a plan."""

    def __init__(self, plan: Plan, place: Path) -> None:
        self.plan = plan
        self.report = Report(plan)
        self._random = random.Random(plan.seed)  # noqa: S311 - repeats a campaign, guards nothing
        self._postgres = Postgres(_made(place / "postgres"))
        self._redis = Redis(_made(place / "redis"))
        self._rabbitmq = Rabbitmq(_made(place / "rabbit")) if plan.broker == "rabbitmq" else None
        self._broker_url = self._rabbitmq.url if self._rabbitmq else self._redis.url
        self._env = environment(
            SLUICE_DATABASE_URL=self._postgres.url,
            SLUICE_BROKER_URL=self._broker_url,
            SLUICE_REDIS_URL=self._redis.url,
        )
        self._installation = Installation(
            self._env, place, workers=plan.workers, gateways=plan.gateways, skewed=plan.skewed
        )

    @property
    def servers(self) -> list[Server]:
        """List the servers."""
        return [each for each in (self._postgres, self._redis, self._rabbitmq) if each]

    def run(self) -> Report:
        """Run the campaign."""
        for server in self.servers:
            server.start()
        try:
            run_cli(self._env, "migrate")
            run_cli(self._env, "user", "create", "chaos@example.org")
            token = run_cli(self._env, "token", "create", "--name", "chaos", "--quiet")
            self._installation.start()
            asyncio.run(self._under_fire(token))
            self.report.tracebacks = self._tracebacks()
        finally:
            self._installation.stop()
            for server in self.servers:
                server.stop(signal.SIGKILL)
        return self.report

    async def _under_fire(self, token: str) -> None:
        until_time = time.monotonic() + self.plan.seconds
        faults = asyncio.create_task(asyncio.to_thread(self._strike_until, until_time))
        left = iter(range(self.plan.tasks))
        pace = 0.8 * self.plan.seconds * CLIENTS / self.plan.tasks
        await asyncio.gather(*(self._client(token, left, pace) for _ in range(CLIENTS)))
        await faults
        calm = time.monotonic()
        await self._until_ended()
        self.report.calm_seconds = time.monotonic() - calm
        self.report.verdict = await judge(self._postgres.url, self.report.created)

    async def _client(self, token: str, left: Any, pace: float) -> None:
        """Create tasks, each until a gateway says that it has."""
        # The time of a refusal is of a worker's clock: read by a slower one, it is a minute off.
        patient = self.plan.calm_seconds > LONG_CALM_SECONDS
        work = [each for each in WORK if patient or each[0] != "sandbox:rate-limited"]
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=10) as client:
            for number in left:
                ((group, most, _),) = self._random.choices(work, [each[2] for each in work])
                body = {
                    "group_id": group.format(f"group-{number}"),
                    "max_posts": most,
                    "priority": number % 3,
                }
                while (task_id := await self._create(client, body)) is None:
                    self.report.refused += 1
                    await asyncio.sleep(0.3)
                self.report.created.add(task_id)
                await asyncio.sleep(pace * self._random.random() * 2)

    async def _create(self, client: httpx2.AsyncClient, body: dict[str, Any]) -> int | None:
        try:
            answer = await client.post(f"{self._installation.address()}/api/tasks", json=body)
        except httpx2.HTTPError:
            return None
        return answer.json()["data"]["id"] if answer.status_code == 201 else None

    async def _until_ended(self) -> None:
        deadline = time.monotonic() + self.plan.calm_seconds
        connection: Any = await driver.connect(self._postgres.url)
        unfinished = await connection.fetch(STRAGGLERS)
        self.report.stragglers = [", ".join(map(str, row.values())) for row in unfinished]
        while await connection.fetchval(UNFINISHED):
            self.report.revived += self._installation.revive()
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        rows = await connection.fetch(
            "SELECT coalesce(error_code, stop_reason, status) AS how, count(*) AS n"
            " FROM task GROUP BY 1"
        )
        self.report.ends = Counter({row["how"]: row["n"] for row in rows})
        await connection.close()

    def _strike_until(self, moment: float) -> None:
        """Strike at random moments."""
        faults = self._faults()
        rest: list[str] = []
        while time.monotonic() < moment:
            time.sleep(self._random.uniform(0.3, 1.5))
            # Each kind once before any comes again, so that a short campaign has them all.
            rest = rest or self._random.sample(sorted(faults), len(faults))
            name = rest.pop()
            faults[name]()
            self.report.faults[name] += 1
            self.report.revived += self._installation.revive()

    def _faults(self) -> dict[str, Fault]:
        worker = lambda: self._random.choice(self._installation.workers)  # noqa: E731 - short
        gateway = lambda: self._random.choice(self._installation.gateways)  # noqa: E731 - short
        faults: dict[str, Fault] = {
            "worker killed": lambda: worker().kill(),
            "worker killed again": lambda: worker().kill(),
            "worker stopped past its lease": self._pause_worker,
            "worker restarted": self._restart_worker,
            "gateway killed": lambda: gateway().kill(),
            "PostgreSQL restarted": lambda: self._restart(self._postgres, signal.SIGINT),
            "PostgreSQL killed": lambda: self._restart(self._postgres, signal.SIGQUIT),
            "Redis restarted": lambda: self._restart(self._redis, signal.SIGKILL),
            "Redis flushed": self._redis.flush,
            "messages dropped": self._drop,
            "messages doubled": self._double,
        }
        if (rabbitmq := self._rabbitmq) is not None:
            faults["RabbitMQ restarted"] = lambda: self._restart(rabbitmq, signal.SIGTERM)
            faults["RabbitMQ flushed"] = rabbitmq.flush
        return faults

    def _restart(self, server: Server, number: signal.Signals) -> None:
        server.stop(number)
        time.sleep(self._random.uniform(0.0, 2.0))
        server.start()

    def _pause_worker(self) -> None:
        worker = self._random.choice(self._installation.workers)
        worker.send(signal.SIGSTOP)
        time.sleep(7.0)
        worker.send(signal.SIGCONT)

    def _restart_worker(self) -> None:
        worker = self._random.choice(self._installation.workers)
        try:
            seconds = worker.end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.report.verdict.broken.append(f"{worker.name} did not end on SIGTERM")
            worker.end(signal.SIGKILL)
        else:
            longest = max(self.report.slowest_stop_seconds, seconds)
            self.report.slowest_stop_seconds = longest
        worker.start()

    def _drop(self) -> None:
        self._at_broker(lambda broker: broker.flush(queue_name("sluice")))

    def _double(self) -> None:
        def enqueue(broker: Broker) -> None:
            for _ in range(50):
                broker.enqueue(wake_up())  # pyright: ignore[reportUnknownMemberType] - Dramatiq leaves the result's type open

        self._at_broker(enqueue)

    def _at_broker(self, act: Callable[[Broker], None]) -> None:
        """Do something to the messages, once the broker is there: it may have just come back."""

        def done() -> bool:
            broker = open_broker(self._broker_url)
            try:
                act(broker)
            except (AMQPError, BrokerConnectionError, redis.RedisError, OSError):
                return False
            finally:
                with contextlib.suppress(AMQPError, BrokerConnectionError, OSError):
                    broker.close()
            return True

        until(done, "the broker takes no connection")

    def _tracebacks(self) -> list[str]:
        """Name the tracebacks that our processes logged, one by one: by what, and the error."""
        return [
            named
            for process in self._installation.processes
            for line in process.log().splitlines()
            if (named := _traceback(line)) is not None
        ]


def _traceback(line: str) -> str | None:
    """Return what a line of the log says of an error, if it has a traceback."""
    if _TRACEBACK not in line:
        return None
    if not line.startswith("{"):
        return "printed past the log"
    logged = orjson.loads(line)
    text = str(logged.get("exception", "")).strip()
    chain = [part.strip().splitlines()[-1] for part in text.split(_TRACEBACK)[1:]]
    frames = [each.strip() for each in text.splitlines() if each.lstrip().startswith("File ")]
    return f"{logged['logger']}: {logged['event']}: {' | '.join(chain)} | at {frames[-1:]}"


def run(plan: Plan) -> Report:
    """Run a campaign in a folder of its own.

    Raises:
        Missing: A server or libfaketime is not installed.
    """
    with folder() as place:
        return Campaign(plan, place).run()


def _made(path: Path) -> Path:
    path.mkdir()
    return path
