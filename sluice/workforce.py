"""The one place where the workers' side is joined: wake-ups, and the worker itself."""

import contextlib
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import FrameType
from typing import Final

import structlog

from sluice import sources
from sluice.garbage import collect_less
from sluice.services import Databases, caps
from sluice.settings import Settings
from tasks.budget import BudgetLedger
from tasks.claim import Limits
from tasks.ingest import Silence
from tasks.metrics import Metrics
from tasks.ports import Waker
from tasks.retention import Keep, Retention
from tasks.schedules import Timetable
from tasks.work import WorkService
from workers.broker import open_broker, wake_up
from workers.process import Opened, Options, WorkerProcess
from workers.run import Bounds
from workers.runner import Tools
from workers.waker import BrokerWaker

log = structlog.stdlib.get_logger(__name__)

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def waking(settings: Settings) -> Generator[Waker]:
    """Open what wakes the workers of other processes through the broker."""
    broker = open_broker(settings.broker_url)
    waker = BrokerWaker(broker, wake_up)
    try:
        yield waker
    finally:
        waker.close()
        broker.close()


@contextlib.contextmanager
def working(
    settings: Settings, metrics: Metrics, *, databases: Databases | None = None
) -> Generator[Waker]:
    """Run a worker in this process; what is yielded wakes it, and those elsewhere.

    Leaving lets pages that are being read come to their end, for a few seconds at most, and
    gives every task back; a signal while that lasts breaks the pages off.
    """
    wakers: list[Waker] = []
    process = WorkerProcess(
        _opening(settings, metrics, databases or Databases(settings), waker=lambda: wakers[0]),
        Options(
            concurrency=settings.worker_concurrency,
            bounds=Bounds(page_cap=settings.page_cap, seconds=settings.max_run_seconds),
        ),
    )
    # The broker wants the process's middleware, and the process's tools want the broker's waker.
    broker = open_broker(settings.broker_url, middleware=process.middleware)
    waker = BrokerWaker(broker, wake_up)
    wakers.append(waker)
    try:
        process.start(broker)
        yield waker
    finally:
        with _on_signal(process.cut):
            log.info("stopping: pages that are being read may end; a second signal breaks them off")
            process.stop()
        waker.close()
        broker.close()


def work(settings: Settings, metrics: Metrics, *, on_start: Callable[[], None]) -> None:
    """Run a worker until SIGINT or SIGTERM; `on_start` is called when it takes tasks."""
    ended = threading.Event()
    with _on_signal(ended.set), working(settings, metrics):
        # A run makes some thousand objects: collecting them in small lots took a quarter of the
        # worker's time.
        collect_less()
        on_start()
        ended.wait()


@contextlib.contextmanager
def _on_signal(react: Callable[[], object]) -> Generator[None]:
    """Call `react` for each signal that asks the process to end, inside the block."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        react()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _opening(
    settings: Settings, metrics: Metrics, databases: Databases, *, waker: Callable[[], Waker]
) -> Callable[[], AbstractAsyncContextManager[Opened]]:
    """Return what opens a worker's tools, on the event loop that will use them."""

    @contextlib.asynccontextmanager
    async def open_tools() -> AsyncGenerator[Opened]:
        catalogue = sources.catalogue(settings)
        limits = Limits(
            lease_seconds=settings.lease_seconds,
            max_failures=settings.max_failures,
            caps=caps(settings),
        )
        async with (
            databases.opened() as database,
            sources.http_client(
                settings, budget=BudgetLedger(database, rates=settings.rates)
            ) as http,
        ):
            tools = Tools(
                work=WorkService(database, waker=waker(), limits=limits),
                catalogue=catalogue,
                http=http,
                waker=waker(),
                metrics=metrics,
            )
            chores = (
                Timetable(database, waker=waker()),
                Retention(database, keep(settings)),
                Silence(database, idle=timedelta(seconds=settings.push_idle_seconds)),
            )
            yield Opened(database=database, tools=tools, chores=chores)

    return open_tools


def keep(settings: Settings) -> Keep:
    """Return how long what is kept."""
    return Keep(
        events=_days(settings.keep_events_days),
        posts=_days(settings.keep_posts_days),
        tasks=_days(settings.keep_tasks_days),
        tombstones=_days(settings.keep_tombstones_days),
    )


def _days(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)
