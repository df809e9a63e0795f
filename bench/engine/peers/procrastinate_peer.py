"""No-op jobs through procrastinate: one worker at concurrency 10, deferred one by one.

Prints jobs a second, deferred to succeeded. Runs in an environment of its own.
"""

import asyncio
import sys
import time

import procrastinate


async def main(url: str, jobs: int) -> None:
    """Measure."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=20))

    @app.task(name="nothing")
    async def nothing() -> None:
        """Do nothing."""

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(
            app.run_worker_async(concurrency=10, install_signal_handlers=False)
        )
        begun = time.monotonic()
        left = iter(range(jobs))

        async def creator() -> None:
            for _ in left:
                await nothing.defer_async()

        await asyncio.gather(*(creator() for _ in range(16)))
        while True:
            counts = {each["name"]: each for each in await app.job_manager.list_queues_async()}
            if sum(each["succeeded"] for each in counts.values()) >= jobs:
                break
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - begun
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    print(jobs / seconds)


asyncio.run(main(sys.argv[1], int(sys.argv[3])))
