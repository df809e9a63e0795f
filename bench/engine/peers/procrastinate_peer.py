"""No-op jobs through procrastinate: one worker process at concurrency 10, deferred one by one.

Prints jobs a second, deferred to succeeded. Runs in an environment of its own.
"""

import asyncio
import sys
import time

import procrastinate

#: Jobs before those that are measured.
WARM_UP = 100
WORKER = "worker"


def app_on(url: str) -> procrastinate.App:
    """Return the application."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=20))

    @app.task(name="nothing")
    async def nothing() -> None:
        """Do nothing."""

    return app


async def work(url: str) -> None:
    """Work until the process is ended."""
    app = app_on(url)
    async with app.open_async():
        await app.run_worker_async(concurrency=10)


async def main(url: str, jobs: int) -> None:
    """Measure."""
    app = app_on(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = await asyncio.create_subprocess_exec(sys.executable, __file__, url, WORKER)
        await succeed(app, WARM_UP, before=0)
        begun = time.monotonic()
        await succeed(app, jobs, before=WARM_UP)
        seconds = time.monotonic() - begun
        worker.terminate()
        await worker.wait()
    print(jobs / seconds)


async def succeed(app: procrastinate.App, jobs: int, *, before: int) -> None:
    """Defer jobs, some at once, and wait until all have succeeded."""
    left = iter(range(jobs))

    async def creator() -> None:
        for _ in left:
            await app.tasks["nothing"].defer_async()

    await asyncio.gather(*(creator() for _ in range(16)))
    while True:
        queues = await app.job_manager.list_queues_async()
        if sum(each["succeeded"] for each in queues) >= before + jobs:
            return
        await asyncio.sleep(0.05)


if sys.argv[2] == WORKER:
    asyncio.run(work(sys.argv[1]))
else:
    asyncio.run(main(sys.argv[1], int(sys.argv[3])))
