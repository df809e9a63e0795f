"""Posts a second through the real page write: checkpoint, event and posts in one transaction."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from bench.engine.installation import postgres
from bench.engine.throughput import gateway
from tasks.claim import Checkpoint, Claim, Limits
from tasks.database import open_database
from tasks.migrations import migrate
from tasks.models import CursorState
from tasks.ports import Sleeper
from tasks.receipt import Receipt
from tasks.work import WorkService
from workers.http import HttpClient
from workers.source import SourcePost, Walk
from workers.sources.sandbox import SandboxSource

TASKS: Final = 100
PAGE: Final = 100
PAGES: Final = 5
TARGETS: Final = {"postgresql": 20_000, "sqlite": 10_000}


@contextlib.asynccontextmanager
async def sqlite() -> AsyncGenerator[str]:
    """Make a database file, and remove it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        await migrate(url)
        yield url


async def posts() -> list[SourcePost]:
    """Return posts as a source gives them."""
    async with HttpClient(version="bench") as http:
        walk = Walk(target="instant", max_posts=PAGE * PAGES)
        pages = [page async for page in SandboxSource().pages(walk, http.run())]
    return [post for page in pages for post in page.posts]


async def main() -> None:
    """Measure both databases."""
    for name, opened in (("postgresql", postgres()), ("sqlite", sqlite())):
        async with opened as url:
            rate = await measure(url, await posts())
            print(f"  {name:<12} {rate:8,.0f} posts/s (target: {TARGETS[name]:,})")


async def measure(url: str, collected: list[SourcePost]) -> float:
    """Store five pages of 100 posts for each of 100 tasks, ten tasks at a time."""
    async with gateway(url) as entrance:
        await entrance.create(TASKS)
    database = await open_database(url)
    work = WorkService(database, waker=Sleeper(), limits=Limits(lease_seconds=3600))
    claims: list[Claim] = []
    while (found := await work.claim_many("w", most=16)).claims:
        claims += found.claims
    for claim in claims:
        await work.start(claim)
    left = iter(claims)

    async def store() -> None:
        for claim in left:
            for page in range(PAGES):
                count = (page + 1) * PAGE
                checkpoint = Checkpoint(
                    cursor_state=CursorState.AT,
                    cursor=str(count),
                    posts_count=count,
                    receipt=Receipt(requested=500, collected=count, pages=page + 1),
                )
                await work.record(claim, checkpoint, collected[count - PAGE : count])

    begun = time.monotonic()
    await asyncio.gather(*(store() for _ in range(10)))
    seconds = time.monotonic() - begun
    await database.close()
    return TASKS * PAGES * PAGE / seconds


if __name__ == "__main__":
    asyncio.run(main())
