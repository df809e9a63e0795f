"""A worker process's life: Dramatiq's threads, one event loop, and what is opened on it.

The actor is a shell around `Runner.wake`. Dramatiq's AsyncIO middleware brings the event loop;
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
import uvloop
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.middleware import AsyncIO, Middleware

from tasks.database import Database
from tasks.ending import end
from workers.broker import ACTOR, queue_name
from workers.run import Bounds
from workers.runner import Runner, Tools
from workers.sweeper import Chore, Sweeper

#: How long Dramatiq's threads sleep between two looks: also how late a stop is noticed.
WORKER_TIMEOUT_MS = 100
#: Dramatiq's threads hand wake-ups to the event loop, where all tasks run; one is enough.
WAKING_THREADS = 1
#: How long a stop waits for Dramatiq's threads, after the runs were given back. They end at
#: once, unless the broker is away and they wait for it.
STOP_TIMEOUT_MS = 3_000

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
        self.middleware: tuple[Middleware, ...] = (_Loop(), self._lifespan)

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
            await lifespan.runner.wake()

        actor = dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=self._queue)
        actor(work)
        self._worker = dramatiq.Worker(
            broker,
            worker_timeout=WORKER_TIMEOUT_MS,
            worker_threads=WAKING_THREADS,
        )
        self._worker.start()
        if lifespan.failure is not None:
            self.stop()
            raise lifespan.failure

    def stop(self) -> None:
        """Give every task back, then stop; blocks for at most half a minute."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        try:
            worker.stop(timeout=STOP_TIMEOUT_MS)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
            # The tasks were given back before; what is lost is wake-ups.
            _log.warning("the broker was not told of the stop: %s", error)
            self._lifespan.close()

    def cut(self) -> None:
        """Hurry a stop that is under way: running pages are not waited for."""
        self._lifespan.cut()


class _Loop(AsyncIO):
    """Dramatiq's event loop thread, on uvloop."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start it."""
        del broker, worker
        thread = EventLoopThread(self.logger)
        thread.loop.close()
        thread.loop = uvloop.new_event_loop()
        thread.start(timeout=5.0)
        set_event_loop_thread(thread)


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
        self.close()

    def close(self) -> None:
        """Close what was opened; the second time it does nothing."""
        _on_loop(self._close())

    def cut(self) -> None:
        """Break running pages off; may be called from any thread, and at any time."""
        thread = get_event_loop_thread()
        if self._runner is not None and thread is not None:
            with contextlib.suppress(RuntimeError):  # The loop has ended meanwhile.
                thread.loop.call_soon_threadsafe(self._runner.cut)

    async def _open(self) -> None:
        opened = await self._stack.enter_async_context(self._open_tools())
        tools = opened.tools
        self._runner = runner = Runner(
            tools,
            worker_id=self.worker_id,
            bounds=self._options.bounds,
            concurrency=self._options.concurrency,
        )
        sweeper = Sweeper(opened.database, tools.work, tools.waker, opened.chores)
        for name, body in (
            ("claimer", runner.run),
            ("lease keeper", runner.keeper.run),
            ("sweeper", sweeper.run),
        ):
            self._background.append(asyncio.create_task(_forever(name, body)))

    async def _close(self) -> None:
        await end(*self._background)
        self._background.clear()
        await self._stack.aclose()


async def _forever(name: str, body: Callable[[], Any]) -> None:
    """Run a loop that must not end by a fault of ours; after one it begins again."""
    while True:
        try:
            return await body()
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
