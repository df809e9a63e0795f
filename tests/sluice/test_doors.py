"""What the doors share between processes."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.session import ProcessAttempts
from api.session.shared import redis_key
from graph.limits import ProcessBucket
from sluice import doors
from sluice.settings import load
from tests.conftest import REDIS


@pytest.fixture
async def own(redis: Any) -> AsyncIterator[str]:
    """Return a name of the test's own, where Redis can be reached."""
    key = f"test:{secrets.token_hex(8)}"
    yield key
    tried = [redis_key(*pair) for pair in ((key, key), ("", key), (key, ""))]
    await redis.delete(f"sluice:cost:{key}", *tried)


async def test_gateways_with_one_redis_share_their_buckets(tmp_path: Path, own: str) -> None:
    """At the rate that the settings name."""
    settings = load(
        data_dir=tmp_path,
        redis_url=REDIS,
        graphql_cost_capacity=100,
        graphql_cost_per_second=1,
    )

    async with doors.charging(settings) as first, doors.charging(settings) as second:
        taken = await first.take(own, 60)
        refused = await second.take(own, 60)

    assert (taken.available, taken.seconds_to_wait) == (40, None)
    assert refused.seconds_to_wait == pytest.approx(20, abs=5)


async def test_gateways_with_one_redis_count_tries_together(tmp_path: Path, own: str) -> None:
    """Somebody who guesses passwords gains nothing from a second gateway."""
    settings = load(data_dir=tmp_path, redis_url=REDIS)

    async with doors.throttling(settings) as first, doors.throttling(settings) as second:
        waits = [await side.begin(own, own) for side in (first, second) * 6]

    assert waits[:10] == [0] * 10
    assert min(waits[10:]) > 0


async def test_a_gateway_without_redis_counts_for_itself(tmp_path: Path) -> None:
    """No server is needed for one process."""
    settings = load(data_dir=tmp_path)

    async with doors.charging(settings) as bucket, doors.throttling(settings) as attempts:
        assert isinstance(bucket, ProcessBucket)
        assert isinstance(attempts, ProcessAttempts)
