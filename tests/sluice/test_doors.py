"""What the doors share between processes."""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from graph import ProcessBucket
from sluice import doors
from sluice.settings import load
from tests.conftest import missing

REDIS = os.environ.get("SLUICE_TEST_REDIS", "redis://127.0.0.1:6379/15")


@pytest.fixture
async def cost_key() -> AsyncIterator[str]:
    """Return the key of a bucket of the test's own, where Redis can be reached."""
    redis: Any = Redis.from_url(REDIS)  # pyright: ignore[reportUnknownMemberType] - its **kwargs
    key = f"test:{secrets.token_hex(8)}"
    try:
        await redis.ping()
    except (RedisError, OSError):
        await redis.aclose()
        missing("Redis")
    yield key
    await redis.delete(f"sluice:cost:{key}")
    await redis.aclose()


async def test_gateways_with_one_redis_share_their_buckets(tmp_path: Path, cost_key: str) -> None:
    """At the rate that the settings name."""
    settings = load(
        data_dir=tmp_path,
        redis_url=REDIS,
        graphql_cost_capacity=100,
        graphql_cost_per_second=1,
    )

    async with doors.charging(settings) as first, doors.charging(settings) as second:
        taken = await first.take(cost_key, 60)
        refused = await second.take(cost_key, 60)

    assert (taken.available, taken.seconds_to_wait) == (40, None)
    assert refused.seconds_to_wait == pytest.approx(20, abs=5)


async def test_a_gateway_without_redis_keeps_its_own_buckets(tmp_path: Path) -> None:
    """No server is needed for one process."""
    async with doors.charging(load(data_dir=tmp_path)) as bucket:
        assert isinstance(bucket, ProcessBucket)
