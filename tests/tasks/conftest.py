"""What makes the runs of schedules."""

import pytest

from tasks.database import Database
from tasks.ports import Sleeper
from tasks.schedules import ScheduleService, Timetable
from tests.conftest import AnyTarget


@pytest.fixture
def schedules(database: Database) -> ScheduleService:
    """Return the service."""
    return ScheduleService(database, catalogue=AnyTarget(), waker=Sleeper())


@pytest.fixture
def timetable(database: Database) -> Timetable:
    """Return the chore that makes runs."""
    return Timetable(database, waker=Sleeper())
