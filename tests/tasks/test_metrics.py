import asyncio
import math
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from tasks.errors import DatabaseUnavailable
from tasks.metrics import HeldHosts, Metrics, QueueDepth


class Depth:
    """A database that counts how often it is asked."""

    def __init__(self) -> None:
        self.reads = 0
        self.away = False

    async def __call__(self) -> Mapping[str, int]:
        """Count, and give three pending tasks or fail."""
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise DatabaseUnavailable("away")
        return {"pending": 3}


def tasks(registry: CollectorRegistry, state: str) -> float | None:
    """Return the gauge's value for a state."""
    return registry.get_sample_value("sluice_queue_tasks", {"state": state})


async def test_scrapes_at_the_same_time_share_one_reading() -> None:
    """Many scrapers must not become many counts in the database."""
    registry, read = CollectorRegistry(), Depth()
    depth = QueueDepth(Metrics(registry), read)

    await asyncio.gather(*(depth.refresh() for _ in range(10)))

    assert read.reads == 1
    assert (tasks(registry, "pending"), tasks(registry, "running")) == (3, 0)


async def test_a_failed_reading_leaves_no_value() -> None:
    """An old number would look like a true one."""
    registry, read = CollectorRegistry(), Depth()
    depth = QueueDepth(Metrics(registry), read, keep_seconds=0)
    await depth.refresh()
    read.away = True

    with pytest.raises(DatabaseUnavailable):
        await depth.refresh()

    assert tasks(registry, "pending") is None


async def test_held_hosts_have_no_value_while_they_are_unknown() -> None:
    """None is not 0."""
    registry, counts = CollectorRegistry(), [2]

    async def read() -> int:
        if not counts:
            raise DatabaseUnavailable("away")
        return counts.pop()

    held = HeldHosts(Metrics(registry), read, keep_seconds=0)
    await held.refresh()
    assert registry.get_sample_value("sluice_held_hosts") == 2

    with pytest.raises(DatabaseUnavailable):
        await held.refresh()

    value = registry.get_sample_value("sluice_held_hosts")
    assert value is not None
    assert math.isnan(value)
