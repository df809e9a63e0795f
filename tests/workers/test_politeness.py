"""Many tasks, several workers, one host that counts: its limit is never exceeded."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from tasks import models
from tasks.budget import BudgetLedger
from tasks.claim import Limits
from tasks.database import Database, open_database
from tasks.metrics import Metrics
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.validation import Listing, NewTask
from tasks.work import WorkService
from tests.workers.paced.paced import LIMIT, PAGES
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.http import Limits as HttpLimits
from workers.run import Bounds
from workers.runner import Runner, Tools

TASKS = 50
WORKERS = 3
SLOTS = 4  # of each worker
CATALOGUE = SourceCatalogue(packages=("tests.workers.paced",))


class CountingServer:
    """Grants `LIMIT`, wherever the window is laid, and notes what it refused."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.refused = 0

    def answer(self) -> tuple[int, dict[str, str]]:
        """Count one call; returns its status and headers."""
        now = time.monotonic()
        if sum(now - at < LIMIT.seconds for at in self.arrivals) >= LIMIT.calls:
            self.refused += 1
            return 429, {"retry-after": "1"}
        self.arrivals.append(now)
        return 200, {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request with two posts."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        status, headers = self.answer()
        body = f'["{path}&post=1", "{path}&post=2"]'
        lines = [
            f"HTTP/1.1 {status} Status",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await writer.drain()
        writer.close()


class TellingServer(CountingServer):
    """Grants 30 calls in each two seconds by the clock, and says how many are left."""

    CALLS = 30
    SECONDS = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._ends = 0.0
        self._left = 0

    def answer(self) -> tuple[int, dict[str, str]]:
        """Count one call in its window."""
        now = time.time()
        if now >= self._ends:
            self._ends, self._left = now + self.SECONDS, self.CALLS
        self._left -= 1
        status = 200
        if self._left < 0:
            self.refused += 1
            status = 429
        else:
            self.arrivals.append(now)
        return status, {
            "x-ratelimit-remaining": str(max(self._left, 0)),
            "x-ratelimit-reset": datetime.fromtimestamp(self._ends + 0.01, UTC).isoformat(),
        }


@asynccontextmanager
async def listening(server: CountingServer) -> AsyncGenerator[int]:
    """Serve on a free port."""
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1]


@asynccontextmanager
async def workers(url: str) -> AsyncGenerator[list[Runner]]:
    """Open workers as processes have them: each with connections of its own."""
    async with AsyncExitStack() as stack:
        runners: list[Runner] = []
        # SQLite serves one process, so its workers share what they have.
        shared = await open_database(url)
        stack.push_async_callback(shared.close)
        for number in range(WORKERS):
            database = shared
            if shared.dialect == "postgresql":
                database = await open_database(url)
                stack.push_async_callback(database.close)
            http = await stack.enter_async_context(
                HttpClient(
                    version="test",
                    allow_hosts=["127.0.0.1"],
                    limits=HttpLimits(max_wait_seconds=0.4),
                    budget=BudgetLedger(database),
                )
            )
            tools = Tools(
                work=WorkService(database, waker=Sleeper(), limits=Limits()),
                catalogue=CATALOGUE,
                http=http,
                waker=Sleeper(),
                metrics=Metrics(CollectorRegistry()),
            )
            runner = Runner(tools, worker_id=f"worker-{number}", bounds=Bounds(), concurrency=SLOTS)
            claiming = asyncio.create_task(runner.run())
            stack.push_async_callback(asyncio.wait, [claiming])
            stack.push_async_callback(runner.stop)
            runners.append(runner)
        yield runners


async def work_off(
    runners: Sequence[Runner], work: WorkService, service: TaskService, principal: Principal
) -> list[models.Task]:
    """Let workers claim and wait until every task has ended."""
    deadline = time.monotonic() + 60
    while True:
        await work.sweep()
        await asyncio.gather(*(runner.wake() for runner in runners))
        page = await service.page(principal, Listing(per_page=TASKS))
        if all(task.status in models.ENDED for task in page.tasks):
            return page.tasks
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


async def create(service: TaskService, principal: Principal, port: int) -> None:
    """Create the tasks."""
    for number in range(TASKS):
        wish = {"group_id": f"paced:{port}/{number}", "max_posts": 100}
        await service.create(principal, NewTask.parse(wish))


def waits(events: list[models.TaskEvent]) -> list[models.TaskEvent]:
    """Return those that gave the task back to wait."""
    return [event for event in events if event.type == models.EventType.WAITING]


@pytest.mark.enable_socket
@pytest.mark.parametrize("kind", [CountingServer, TellingServer])
async def test_the_hosts_limit_holds_over_all_workers(
    kind: type[CountingServer],
    database: Database,
    database_url: str,
    service: TaskService,
    principal: Principal,
) -> None:
    """Nothing is refused, every task completes, and each that waited says for whom.

    One server grants what the source expects and says nothing; the other grants less and tells.
    """
    server = kind()
    work = WorkService(database, waker=Sleeper(), limits=Limits())

    async with listening(server) as port, workers(database_url) as runners:
        await create(service, principal, port)
        ended = await work_off(runners, work, service, principal)

    assert server.refused == 0
    assert len(server.arrivals) == TASKS * PAGES
    assert [task.status for task in ended] == ["completed"] * TASKS
    assert {task.posts_count for task in ended} == {2 * PAGES}
    waited = [wait for task in ended for wait in waits(await service.events(principal, task.id))]
    assert waited
    for wait in waited:
        assert wait.data["error_code"] == "SOURCE_RATE_LIMITED"
        assert "127.0.0.1" in wait.data["error_message"]
        assert wait.data["not_before"]
