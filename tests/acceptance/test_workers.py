"""Worker processes as operators and fate treat them: stopped, frozen, killed by a task."""

import os
import signal
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pika import BlockingConnection, URLParameters
from pika.exceptions import AMQPError

from tasks import models
from tasks.database import Database
from tasks.models import User
from tasks.ports import Sleeper
from tasks.service import TaskService
from tasks.validation import NewTask
from tests.acceptance.conftest import SECONDS, Start
from tests.conftest import AnyTarget, missing, principal_of
from tests.workers.test_process import until
from workers.broker import queue_name
from workers.runner import GRACE_SECONDS

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.parametrize("backend", ["postgresql"], indirect=True),
]

AMQP = os.environ.get("SLUICE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
#: A source that does one thing when its first page is asked for.
SOURCE = '''
    import asyncio, os
    from collections.abc import AsyncIterator

    from workers.http import Http
    from workers.source import Page, Source, SourceInfo, Walk


    class OddSource(Source):
        """Does something odd."""

        info = SourceInfo(
            name="odd", title="Odd", target_help="Anything.", examples=("x",), rate=None
        )

        def normalise(self, target: str) -> str:
            """Take anything."""
            return target

        def host(self, target: str) -> str | None:
            """Call nobody."""

        async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
            """Do it."""
            {does}
            yield Page()
'''
#: As a fault in a library's C code would.
DIES = "os.kill(os.getpid(), 9)"
HANGS = "await asyncio.sleep(3600)"
#: Makes the folder's sources part of the product, in the processes that start with it.
JOIN = """
    import pathlib
    import workers.sources

    workers.sources.__path__.append(str(pathlib.Path(__file__).parent / "sources"))
"""


@pytest.fixture
def settings(environment: dict[str, str]) -> dict[str, str]:
    """Return what the worker processes share."""
    return {**environment, "SLUICE_LEASE_SECONDS": "5"}


def with_source(does: str, folder: Path) -> dict[str, str]:
    """Return the settings of processes that know the platform `odd`, which does that."""
    (folder / "sources").mkdir()
    (folder / "sources" / "odd.py").write_text(textwrap.dedent(SOURCE).format(does=does))
    (folder / "sitecustomize.py").write_text(textwrap.dedent(JOIN))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{Path.cwd()}"}


class Client:
    """A client beside the processes: on the database, waking nobody."""

    def __init__(self, database: Database, user: User) -> None:
        self.service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper())
        self.principal = principal_of(user)

    async def create(self, group_id: str, *, max_posts: int = 40) -> int:
        """Create a task, as the command line does."""
        new = NewTask.parse({"group_id": group_id, "max_posts": max_posts})
        return (await self.service.create(self.principal, new)).id

    async def get(self, task_id: int) -> models.Task:
        """Return a task."""
        return await self.service.get(self.principal, task_id)

    async def until(self, task_id: int, holds: Callable[[models.Task], bool]) -> models.Task:
        """Wait until something holds of a task."""

        async def met() -> bool:
            return holds(await self.get(task_id))

        await until(met, seconds=2 * SECONDS)
        return await self.get(task_id)


@pytest.fixture
async def client(database: Database, user: User) -> Client:
    """Return a client."""
    return Client(database, user)


async def test_a_frozen_worker_that_comes_back_writes_nothing(
    start: Start, client: Client, settings: dict[str, str]
) -> None:
    """A worker that was stopped past its lease finds its task with another, and lets go."""
    task_id = await client.create("sandbox:slow", max_posts=100)
    frozen = start("worker", **settings)
    before = await client.until(task_id, lambda task: task.posts_count > 0)
    os.kill(frozen.pid, signal.SIGSTOP)
    other = start("worker", **settings)
    moved = await client.until(task_id, lambda task: task.attempt > before.attempt)
    os.kill(frozen.pid, signal.SIGCONT)

    ended = await client.until(task_id, lambda task: task.status == "completed")

    assert moved.worker_id != before.worker_id
    assert (ended.attempt, ended.worker_id) == (moved.attempt, moved.worker_id)
    events = await client.service.events(client.principal, task_id)
    assert [event.seq for event in events] == list(range(1, ended.revision + 1))
    late = events[[event.data["attempt"] for event in events].index(moved.attempt) :]
    assert {event.data["worker_id"] for event in late} == {moved.worker_id}
    result = await client.service.result(client.principal, task_id)
    assert [post.position for post in result.posts] == list(range(100))
    assert [frozen.signal(signal.SIGTERM), other.signal(signal.SIGTERM)] == [0, 0]
    assert "Traceback" not in frozen.err() + other.err()


async def test_a_task_that_kills_its_workers_is_given_up(
    start: Start, client: Client, settings: dict[str, str], tmp_path: Path
) -> None:
    """After as many dead processes as the setting allows, the task has failed and says why."""
    settings |= {"SLUICE_MAX_FAILURES": "2", **with_source(DIES, tmp_path)}
    task_id = await client.create("odd:x")

    for _ in range(2):
        assert start("worker", **settings).wait() == -signal.SIGKILL
    survivor = start("worker", **settings)
    failed = await client.until(task_id, lambda task: task.status == "failed")

    assert failed.error_code == "WORKER_LOST"
    assert failed.error_message is not None
    assert "2 times" in failed.error_message
    assert survivor.signal(signal.SIGTERM) == 0


async def test_a_stop_gives_tasks_back_at_once(
    start: Start, client: Client, settings: dict[str, str]
) -> None:
    """SIGTERM finishes the page and releases the lease; it counts as no failure."""
    task_id = await client.create("sandbox:slow", max_posts=100)
    worker = start("worker", **settings)
    await client.until(task_id, lambda task: task.posts_count > 0)

    begun = time.monotonic()
    code = worker.signal(signal.SIGTERM)
    seconds = time.monotonic() - begun

    left = await client.get(task_id)
    assert (code, left.status, left.failures, left.lease_expires_at) == (0, "pending", 0, None)
    assert left.posts_count > 0
    assert seconds < 8
    assert "Traceback" not in worker.err()


async def test_a_second_signal_breaks_off_a_page_that_does_not_come(
    start: Start, client: Client, settings: dict[str, str], tmp_path: Path
) -> None:
    """Who asks twice does not wait for the platform; the task is given back all the same."""
    task_id = await client.create("odd:x")
    worker = start("worker", **settings, **with_source(HANGS, tmp_path))
    await client.until(task_id, lambda task: task.status == "processing")

    begun = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)

    async def stopping() -> bool:
        return "a second signal" in worker.err()

    await until(stopping)
    code = worker.signal(signal.SIGTERM)
    seconds = time.monotonic() - begun

    left = await client.get(task_id)
    assert (code, left.status, left.failures, left.lease_expires_at) == (0, "pending", 0, None)
    assert seconds < GRACE_SECONDS
    assert "Traceback" not in worker.err()


async def test_postgresql_and_rabbitmq_are_enough(
    start: Start, client: Client, settings: dict[str, str]
) -> None:
    """Without Redis, wake-ups go through RabbitMQ, also when the queue has been deleted."""
    try:
        connection = BlockingConnection(URLParameters(AMQP))
    except (AMQPError, OSError):
        missing("RabbitMQ")
    del settings["SLUICE_REDIS_URL"]
    worker = start("worker", **{**settings, "SLUICE_BROKER_URL": AMQP})
    worker.line_with("takes tasks")
    for deleted in (False, True):
        if deleted:
            connection.channel().queue_delete(queue_name("sluice"))
        task_id = await client.create("sandbox:instant")
        await client.until(task_id, lambda task: task.status == "completed")
    connection.close()

    assert worker.signal(signal.SIGTERM) == 0
    assert "Traceback" not in worker.err()
