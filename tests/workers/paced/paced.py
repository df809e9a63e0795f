"""Reads a test's own server: three pages a target."""

from collections.abc import AsyncIterator
from typing import Final

import pydantic

from workers.budget import Rate
from workers.http import Http
from workers.source import Page, Source, SourceInfo, SourcePost, Walk

PAGES: Final = 3
IDS: Final = pydantic.TypeAdapter(list[str])
#: What the tests' server grants; the calls of a test take longer than one window.
LIMIT: Final = Rate(calls=120, seconds=8.0)
#: Below it, as sources are: a worker's first calls have connections to open, so they arrive later
#: than they were counted, and the calls after them come closer.
RATE: Final = Rate(calls=108, seconds=8.0, burst=20)


class PacedSource(Source):
    """`port/name`, at the loopback address."""

    info = SourceInfo(
        name="paced",
        title="paced server",
        target_help="A port and a name.",
        examples=("8080/one",),
        rate=RATE,
    )

    def normalise(self, target: str) -> str:
        """Take every target as it is."""
        return target

    def host(self, target: str) -> str | None:
        """Name the one host."""
        del target
        return "127.0.0.1"

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Ask for the pages one by one."""
        port, _, name = walk.target.partition("/")
        for number in range(int(walk.cursor or 0), PAGES):
            reply = await http.get(f"http://127.0.0.1:{port}/{name}", params={"page": number})
            ids = await reply.parse(IDS)
            yield Page(
                posts=[SourcePost(id=one) for one in ids],
                next_cursor=str(number + 1) if number + 1 < PAGES else None,
            )
