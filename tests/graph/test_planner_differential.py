"""Planned and ordinary answers are the same, byte for byte.

`make test` compares a bounded number of documents, each for three callers; `make fuzz-planner` as
many as it is told, with new data for each batch. Hypothesis prints what reproduces a failure. What
is left to chance in production is not here: the bucket's clock stands still, and reads come one
after the other, since the order of several errors is that in which their reads end. Ids of
incidents are blanked.
"""

import asyncio
import logging
import os
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from graph.schema import build_schema
from tasks.database import Database, open_database
from tasks.database.sqlite import SqliteDatabase
from tests.conftest import missing
from tests.graph.generated import documents
from tests.graph.world import World, open_world
from tests.postgres import create_database, drop_database, named

SCHEMA: Final = build_schema()
CASES: Final = int(os.environ.get("SLUICE_FUZZ_CASES", "300"))
#: Shrinking runs for minutes; a document that fails is printed as it is.
PHASES: Final = [Phase.generate, *([Phase.shrink] if os.environ.get("SLUICE_FUZZ_SHRINK") else [])]
SEED: Final = int(os.environ.get("SLUICE_FUZZ_SEED", "1"))
#: Of the answers that hold data, so many are a plan's at least.
PLANNED_PART: Final = 0.5
_INCIDENT: Final = re.compile(rb"[0-9a-f]{32}")


class Running:
    """A world on a loop of its own, since Hypothesis runs tests that are no coroutines."""

    def __init__(self, opening: Callable[[], Awaitable[Database]]) -> None:
        self.loop = asyncio.new_event_loop()
        self.counts: Counter[str] = Counter()
        self.world: World = self.loop.run_until_complete(self._open(opening))

    async def _open(self, opening: Callable[[], Awaitable[Database]]) -> World:
        return await open_world(await opening(), SCHEMA, SEED)

    def compare(self, caller: int, query: str, variables: dict[str, Any]) -> None:
        """Execute both ways, and compare everything that a client is sent."""
        found = self.loop.run_until_complete(self.world.ask(caller, query, variables))
        ours, theirs = found.ours, found.theirs
        assert _INCIDENT.sub(b"-", ours.json()) == _INCIDENT.sub(b"-", theirs.json())
        assert (ours.executed, ours.status, ours.headers) == (
            theirs.executed,
            theirs.status,
            theirs.headers,
        )
        if theirs.executed:
            self.counts["planned" if found.planned else "ordinary"] += 1
            self.counts["errors"] += b'"errors":' in theirs.json()
        self.counts["all"] += 1

    def close(self) -> None:
        """Close the database."""
        self.loop.run_until_complete(self.world.database.close())
        self.loop.close()


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Leave the log out: the data holds what cannot be shown, on purpose."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def sqlite_world(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Running]:
    """Return a world on SQLite."""
    path = tmp_path_factory.mktemp("differential") / "sluice.db"
    shutil.copy(sqlite_template, path)

    async def opening() -> Database:
        return SqliteDatabase(path, readers=1)

    running = Running(opening)
    yield running
    running.close()


@pytest.fixture(scope="module")
def postgres_world(postgres_template: str | None) -> Iterator[Running]:
    """Return a world on PostgreSQL."""
    if postgres_template is None:
        missing("PostgreSQL")
    name = f"{postgres_template}_differential_{os.getpid()}"
    asyncio.run(create_database(name, template=postgres_template))
    running = Running(lambda: open_database(named(name), connections=2))
    yield running
    running.close()
    asyncio.run(drop_database(name))


def check(running: Running, cases: int) -> None:
    """Compare generated documents, and see that plans did answer them."""

    @seed(SEED)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=PHASES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.data())
    def compared(data: st.DataObject) -> None:
        query, variables = data.draw(documents(SCHEMA.core, running.world.pool))
        for caller in data.draw(st.lists(st.integers(0, 11), min_size=3, max_size=3, unique=True)):
            running.compare(caller, query, variables)

    compared()
    counts = running.counts
    print(f"seed {SEED}: {dict(counts)}")  # noqa: T201 - shown where the test fails, and by -s
    executed = counts["planned"] + counts["ordinary"]
    assert counts["planned"] >= PLANNED_PART * executed, counts
    assert counts["errors"] > 0


@pytest.mark.timeout(0)
def test_generated_documents_are_answered_alike_on_sqlite(sqlite_world: Running) -> None:
    """Selections, arguments, variables, callers and data of all kinds."""
    check(sqlite_world, CASES)


@pytest.mark.timeout(0)
def test_generated_documents_are_answered_alike_on_postgresql(postgres_world: Running) -> None:
    """The same, where the columns' types are the driver's."""
    check(postgres_world, max(CASES // 4, 1))
