"""How single values are printed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from api.rest import shapes
from tasks import models

BEGUN = datetime(2024, 1, 1, 10, 13, tzinfo=UTC)


def completed(**values: datetime | None) -> models.Task:
    """Return a task that waited long, began at `BEGUN` and ended two minutes later."""
    times: dict[str, Any] = {
        "created_at": BEGUN - timedelta(hours=3),
        "assigned_at": BEGUN,
        "started_at": BEGUN + timedelta(seconds=30),
        "completed_at": BEGUN + timedelta(seconds=120, milliseconds=900),
        "updated_at": BEGUN,
        **values,
    }
    return models.Task(
        id=1,
        user_id=1,
        group_id="123456789",
        platform="sandbox",
        target="123456789",
        max_posts=100,
        posts_count=85,
        status="completed",
        **times,
    )


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, 120),
        ({"assigned_at": None}, 90),
        ({"assigned_at": None, "started_at": None}, 0),
        ({"completed_at": BEGUN + timedelta(milliseconds=999)}, 0),
        ({"completed_at": BEGUN - timedelta(seconds=1)}, 0),
    ],
)
def test_a_duration_counts_whole_seconds_of_work(
    values: dict[str, datetime | None], seconds: int
) -> None:
    """From the first assignment, not from the creation; never less than nothing."""
    printed = shapes.detail(completed(**values))

    assert printed["result"] == {"posts_count": 85, "duration_seconds": seconds}


@pytest.mark.parametrize(
    "at",
    [
        datetime(2024, 1, 1, 10, tzinfo=UTC),
        datetime(2024, 1, 1, 10, 0, 0, 999_999, tzinfo=UTC),
    ],
)
def test_times_are_utc_in_whole_seconds(at: datetime) -> None:
    """As the document prints them, microseconds cut off."""
    body = shapes.JsonResponse(shapes.created(completed(created_at=at))).body

    assert orjson.loads(body)["created_at"] == "2024-01-01T10:00:00Z"
