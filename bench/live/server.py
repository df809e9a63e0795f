"""A gateway on a database of its own that changes its tasks at a given rate when asked to."""

import asyncio
import contextlib
import gc
import itertools
import os
import resource
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from graph.types.node import global_id
from sluice import settings as configuration
from sluice.app import build, counting
from sluice.garbage import collect_less, setting_aside
from sluice.instruments import new_metrics
from sluice.services import Services, open_services
from sluice.serving import configured
from tasks import migrations
from tasks.ports import Sleeper
from tasks.principal import SCOPES, Principal
from tasks.validation import NewTask, TaskChanges


class Bench:
    """The tasks, and what was committed when."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tasks: list[tuple[Principal, int]] = []
        self.commits: list[tuple[str, int, int]] = []
        self._priorities = itertools.count(1)

    async def prepare(self, request: Request) -> Response:
        """Make owners with a task each, or one owner with all; return (token, task)."""
        self._tasks.clear()
        count, owners = (int(request.query_params[name]) for name in ("tasks", "owners"))
        accounts = self._services.accounts
        made: list[tuple[str, str]] = []
        wish = NewTask.parse({"group_id": "sandbox:happy", "max_posts": 10})
        few = asyncio.Semaphore(64)  # what waits together shares a commit

        async def one_task(principal: Principal, token: str) -> None:
            async with few:
                task = await self._services.tasks.create(principal, wish)
            self._tasks.append((principal, task.id))
            made.append((token, global_id("Task", task.id)))

        async def one_owner(index: int) -> None:
            async with few:
                user = await accounts.create_user(f"{time.monotonic_ns()}-{index}@example.org")
                token = (await accounts.create_token(user.id, "bench")).token
            principal = Principal(user_id=user.id, scopes=frozenset(SCOPES))
            await asyncio.gather(*(one_task(principal, token) for _ in range(count // owners)))

        await asyncio.gather(*(one_owner(index) for index in range(owners)))
        return Response(orjson.dumps(made))

    async def change(self, request: Request) -> Response:
        """Change tasks in turn at a rate; return when which revision was committed (ns)."""
        rate, seconds = (float(request.query_params[name]) for name in ("rate", "seconds"))
        self.commits.clear()
        loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        begun = loop.time()
        for index in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + index / rate - loop.time()))
            changing = asyncio.create_task(self._change(*self._tasks[index % len(self._tasks)]))
            running.add(changing)
            changing.add_done_callback(running.discard)
            if index == int(rate * seconds) // 2:
                gc.collect()  # The window holds a full collection.
        await asyncio.gather(*running)
        return Response(orjson.dumps(self.commits))

    async def memory(self, _: Request) -> Response:
        """Return the resident bytes."""
        gc.collect()
        return Response(str(resident()))

    async def _change(self, principal: Principal, task_id: int) -> None:
        changes = TaskChanges.parse({"priority": next(self._priorities)})
        task = await self._services.tasks.update(principal, task_id, changes)
        self.commits.append((global_id("Task", task_id), task.revision, time.monotonic_ns()))


def resident() -> int:
    """Return the bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Application:
    """The gateway, with the benchmark's own paths beside it."""

    def __init__(self, settings: configuration.Settings) -> None:
        self._settings = settings
        self._inner: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] == "lifespan":
            await receive()
            async with self._opened() as inner:
                self._inner = inner
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif self._inner is not None:
            await self._inner(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncGenerator[ASGIApp]:
        async with (
            open_services(self._settings, waker=Sleeper()) as services,
            setting_aside(lambda: services.connections.count),
            counting(self._settings) as counter,
        ):
            bench = Bench(services)
            served = build(self._settings, services, counter=counter, metrics=new_metrics())
            own = Router(
                [
                    Route("/bench/prepare", bench.prepare),
                    Route("/bench/change", bench.change),
                    Route("/bench/memory", bench.memory),
                ]
            )

            async def choose(scope: Scope, receive: Receive, send: Send) -> None:
                mine = scope["path"].startswith("/bench/")
                await (own if mine else served)(scope, receive, send)

            collect_less()
            yield choose


def main() -> None:
    """Serve on the port of the first argument, on the database that the settings name."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loaded: Any = configuration.load(
        max_connections_per_token=1_000_000, graphql_cost_capacity=1_000_000_000
    )
    asyncio.run(migrations.migrate(loaded.database))
    config = configured(lambda: Application(loaded))
    config.port = int(sys.argv[1])
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
