"""What the garbage collector looks at."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice import workforce
from sluice.garbage import LOT, collect_less, setting_aside
from sluice.instruments import new_metrics
from sluice.settings import load
from tests.tasks.watch.world import until


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Let other tests have the collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_the_start_made_is_set_aside() -> None:
    """No collection looks at it again."""
    collect_less()

    assert gc.get_freeze_count() > 10_000


async def test_live_connections_are_set_aside_as_they_come() -> None:
    """So many at a time; fewer are left to the collector."""
    collect_less()
    connections: list[object] = []
    async with setting_aside(lambda: len(connections), seconds=0.01):
        before = gc.get_freeze_count()
        connections += [[number] for number in range(LOT)]

        await until(lambda: gc.get_freeze_count() >= before + LOT)


def test_a_worker_collects_less(tmp_path: Path, sqlite_template: Path) -> None:
    """As servers do; it is so when the worker takes tasks."""
    shutil.copy(sqlite_template, tmp_path / "sluice.db")
    seen: list[tuple[int, int]] = []

    def end() -> None:
        seen.append((gc.get_freeze_count(), gc.get_threshold()[0]))
        os.kill(os.getpid(), signal.SIGTERM)

    workforce.work(load(data_dir=tmp_path), new_metrics(), on_start=end)

    assert seen[0][0] > 10_000
    assert seen[0][1] > 700
