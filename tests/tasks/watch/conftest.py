"""A world over a bus that works, on each kind of database."""

from collections.abc import AsyncIterator

import pytest

from tasks.bus import ProcessBus
from tasks.database import Database
from tasks.watch import WatchService
from tests.tasks.watch.world import World


@pytest.fixture
def bus() -> ProcessBus:
    """Return a bus."""
    return ProcessBus()


@pytest.fixture
def world(database: Database, bus: ProcessBus) -> World:
    """Return a world whose events go out on the bus."""
    return World(database, bus)


@pytest.fixture
async def watching(world: World, bus: ProcessBus) -> AsyncIterator[WatchService]:
    """Return the watch service."""
    async with WatchService.open(world.database, bus) as service:
        yield service
