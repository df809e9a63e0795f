"""A worker process's life: Dramatiq's threads, one event loop, and what is opened on it.

The actor is a shell around `Runner.work`. Dramatiq's AsyncIO middleware brings the event loop;
ours opens the tools on it before the first message and closes them after the last.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO, Middleware

from tasks.database import Database
from workers.broker import ACTOR, queue_name
from workers.run import Bounds
from workers.runner import Runner, Tools
from workers.sweeper import Chore, Sweeper

#: How long Dramatiq's threads sleep between two looks: also how late a stop is noticed.
WORKER_TIMEOUT_MS = 100
#: How long a stop waits for Dramatiq's threads, after the runs were given back.
STOP_TIMEOUT_MS = 15_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the composition root opens for a worker process, on the worker's own loop."""

    database: Database
    tools: Tools
    chores: Sequence[Chore] = ()  #: What the sweeper does besides, when this process leads.


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a worker process works."""

    concurrency: int = 16
    bounds: Bounds = field(default_factory=Bounds)
    namespace: str = "sluice"


class WorkerProcess:
    """Dramatiq's one `Worker` of this process.

    `open_tools` is entered on the worker's event loop when it starts and left when it stops.
    `middleware` must be among the broker's before `start`.
    """

    def __init__(
        self, open_tools: Callable[[], AbstractAsyncContextManager[Opened]], options: Options
    ) -> None:
        self._options = options
        self._lifespan = _Lifespan(open_tools, options)
        self._queue = queue_name(options.namespace)
        self._worker: dramatiq.Worker | None = None
        self.middleware: tuple[Middleware, ...] = (AsyncIO(), self._lifespan)

    @property
    def worker_id(self) -> str:
        """Name this process as tasks do: host, process, and a part that no other start has."""
        return self._lifespan.worker_id

    def start(self, broker: dramatiq.Broker) -> None:
        """Start taking messages; returns when everything is open.

        Raises:
            Exception: Whatever opening the tools raised.
        """
        lifespan = self._lifespan

        # Declared here, not at import: an actor belongs to a broker, and ours to this object.
        async def work() -> None:
            await lifespan.runner.work()

        actor = dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=self._queue)
        actor(work)
        self._worker = dramatiq.Worker(
            broker,
            worker_timeout=WORKER_TIMEOUT_MS,
            worker_threads=self._options.concurrency,
        )
        self._worker.start()
        if lifespan.failure is not None:
            self.stop()
            raise lifespan.failure

    def stop(self) -> None:
        """Give every task back, then stop; blocks for at most half a minute."""
        if self._worker is not None:
            self._worker.stop(timeout=STOP_TIMEOUT_MS)
            self._worker = None


class _Lifespan(Middleware):
    """Opens and closes what the actors use, on their event loop."""

    def __init__(
        self, open_tools: Callable[[], AbstractAsyncContextManager[Opened]], options: Options
    ) -> None:
        self._open_tools = open_tools
        self._options = options
        self._stack = contextlib.AsyncExitStack()
        self._runner: Runner | None = None
        self._background: list[asyncio.Task[Any]] = []
        self.failure: Exception | None = None
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    @property
    def runner(self) -> Runner:
        """The runner; there is one between start and stop."""
        if self._runner is None:
            raise RuntimeError("the worker process is not started")
        return self._runner

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Open. Dramatiq swallows what a hook raises, so it is kept for `start` to raise."""
        del broker, worker
        try:
            _on_loop(self._open())
        except Exception as error:  # noqa: BLE001 - handed to who started the process
            self.failure = error

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Give every task back; the actors then end by themselves."""
        del broker, worker
        if self._runner is not None:
            _on_loop(self._runner.stop())

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Close, while the event loop still runs."""
        del broker, worker
        _on_loop(self._close())

    async def _open(self) -> None:
        opened = await self._stack.enter_async_context(self._open_tools())
        tools = opened.tools
        self._runner = Runner(tools, worker_id=self.worker_id, bounds=self._options.bounds)
        sweeper = Sweeper(opened.database, tools.work, tools.waker, opened.chores)
        for name, body in (("lease keeper", self._runner.keeper.run), ("sweeper", sweeper.run)):
            self._background.append(asyncio.create_task(_forever(name, body)))

    async def _close(self) -> None:
        for background in self._background:
            background.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._stack.aclose()


async def _forever(name: str, body: Callable[[], Any]) -> None:
    """Run a loop that must not end; after a fault of ours it begins again."""
    while True:
        try:
            await body()
        except Exception:  # noqa: BLE001 - nothing else would take the loop's place
            _log.exception("the %s failed by a fault and begins again", name)
            await asyncio.sleep(1.0)


def _on_loop(body: Any) -> None:
    """Run a coroutine on the actors' event loop, and wait for it."""
    thread = get_event_loop_thread()
    if thread is None:
        body.close()
        raise RuntimeError("Dramatiq's event loop is not running")
    future: Future[Any] = asyncio.run_coroutine_threadsafe(body, thread.loop)
    future.result()
