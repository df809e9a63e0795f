"""A worker process on the in-memory broker: from a wake-up to a completed task."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from tasks.claim import Limits
from tasks.database import open_database
from tasks.metrics import Metrics
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from tasks.work import WorkService
from workers.broker import open_broker, wake_up
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.process import Opened, Options, WorkerProcess
from workers.runner import Tools
from workers.waker import BrokerWaker


def opening(
    url: str, waker: Callable[[], BrokerWaker]
) -> Callable[[], AbstractAsyncContextManager[Opened]]:
    """Return what opens a worker's tools on its own loop."""

    @asynccontextmanager
    async def open_tools() -> AsyncGenerator[Opened]:
        database = await open_database(url)
        async with HttpClient(version="test") as http:
            tools = Tools(
                work=WorkService(database, waker=waker(), limits=Limits()),
                catalogue=SourceCatalogue(),
                http=http,
                waker=waker(),
                metrics=Metrics(CollectorRegistry()),
            )
            yield Opened(database=database, tools=tools)
        await database.close()

    return open_tools


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 20.0) -> None:
    """Wait until an async condition holds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


@pytest.mark.enable_socket
async def test_a_wake_up_completes_a_task(
    database_url: str, service: TaskService, principal: Principal
) -> None:
    """Tasks that were created before the worker started complete, and the worker stops cleanly."""
    wakers: list[BrokerWaker] = []
    process = WorkerProcess(opening(database_url, lambda: wakers[0]), Options(concurrency=4))
    broker = open_broker("memory://", middleware=process.middleware)
    wakers.append(BrokerWaker(broker, wake_up))
    tasks = [
        await service.create(principal, NewTask.parse({"group_id": target, "max_posts": 30}))
        for target in ("sandbox:instant", "sandbox:empty", "sandbox:not-found")
    ]

    await asyncio.to_thread(process.start, broker)
    try:

        async def ended() -> bool:
            left = [await service.get(principal, task.id) for task in tasks]
            return all(task.status in ("completed", "failed") for task in left)

        await until(ended)
    finally:
        await asyncio.to_thread(process.stop)
        wakers[0].close()
        broker.close()

    instant, empty, missing = [await service.get(principal, task.id) for task in tasks]
    assert (instant.status, instant.posts_count, instant.stop_reason) == (
        "completed",
        30,
        "reached_max",
    )
    assert (empty.status, empty.posts_count, empty.stop_reason) == ("completed", 0, "end_of_source")
    assert (missing.status, missing.error_code) == ("failed", "SOURCE_NOT_FOUND")
