"""The cost bucket in Redis: one balance for all processes, and each its own while Redis is away."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.limits import ProcessBucket, Rate, RedisBucket
from tests.conftest import NO_REDIS, REDIS

#: So slow that nothing comes back while a test runs.
SLOW = Rate(capacity=100, per_second=1)
MICROSECONDS = 1_000_000

#: Another process's charge: the address, the key and the cost are its arguments.
OTHER_PROCESS = """
import asyncio, sys
from graph.limits import Rate, RedisBucket

async def main():
    bucket = RedisBucket(sys.argv[1], Rate(capacity=100, per_second=1))
    print((await bucket.take(sys.argv[2], int(sys.argv[3]))).available)
    await bucket.close()

asyncio.run(main())
"""


class Store:
    """The test's own part of Redis."""

    def __init__(self, redis: Any) -> None:
        self.redis = redis
        self.prefix = f"test:{secrets.token_hex(8)}"

    def new_key(self) -> str:
        """Name a bucket that no other test, and no other example, has."""
        return f"{self.prefix}:{secrets.token_hex(4)}"

    async def since(self, key: str) -> int:
        """Return when the bucket was charged last, in microseconds of Redis' clock."""
        return int(await self.redis.hget(f"sluice:cost:{key}", "since"))

    async def age(self, key: str, *, seconds: int) -> None:
        """Make the last charge longer ago, in place of waiting."""
        await self.redis.hincrby(f"sluice:cost:{key}", "since", -seconds * MICROSECONDS)

    async def clear(self) -> None:
        """Take away what the test left."""
        async for name in self.redis.scan_iter(match=f"sluice:cost:{self.prefix}:*", count=1000):
            await self.redis.delete(name)


@pytest.fixture
async def store(redis: Any) -> AsyncIterator[Store]:
    """Return the test's own part of Redis, where that can be reached."""
    store = Store(redis)
    yield store
    await store.clear()


async def test_two_processes_share_one_balance(store: Store) -> None:
    """What one process charged is gone in the other."""
    key = store.new_key()
    bucket = RedisBucket(REDIS, SLOW)

    first = await bucket.take(key, 60)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, REDIS, key, "30", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    refused = await bucket.take(key, 60)
    await bucket.close()

    assert (first.available, first.seconds_to_wait) == (40, None)
    assert 10 <= int(said) < 40
    assert refused.available == pytest.approx(int(said), abs=5)
    assert refused.seconds_to_wait is not None


async def test_charges_at_once_never_take_more_than_there_is(store: Store) -> None:
    """The script is one step: of thirty charges of ten, ten find their points."""
    key = store.new_key()
    buckets = [RedisBucket(REDIS, SLOW) for _ in range(3)]

    charges = await asyncio.gather(*(bucket.take(key, 10) for bucket in buckets for _ in range(10)))
    for bucket in buckets:
        await bucket.close()

    assert len([charge for charge in charges if charge.seconds_to_wait is None]) == 10


async def test_a_burst_stays_in_redis(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """More charges at once than Redis' client has connections are no failure of Redis."""
    key = store.new_key()
    bucket = RedisBucket(REDIS, SLOW)

    charges = await asyncio.gather(*(bucket.take(key, 1) for _ in range(150)))
    await bucket.close()

    assert 100 <= len([charge for charge in charges if charge.seconds_to_wait is None]) < 110
    assert not caplog.records


async def test_each_key_has_its_own_bucket(store: Store) -> None:
    """One token does not pay for another."""
    bucket = RedisBucket(REDIS, SLOW)

    charges = [await bucket.take(store.new_key(), 100) for _ in range(2)]
    await bucket.close()

    assert [charge.seconds_to_wait for charge in charges] == [None, None]


async def test_a_bucket_is_kept_until_it_is_full_again(store: Store) -> None:
    """Redis holds nothing of tokens that no longer ask."""
    key = store.new_key()
    bucket = RedisBucket(REDIS, SLOW)

    await bucket.take(key, 60)
    milliseconds = await store.redis.pttl(f"sluice:cost:{key}")
    await bucket.close()

    assert 50_000 < milliseconds <= 61_000


async def test_a_clock_set_back_takes_no_points(store: Store) -> None:
    """A last charge that lies in the future counts as one of this moment."""
    key = store.new_key()
    bucket = RedisBucket(REDIS, SLOW)
    await bucket.take(key, 50)

    await store.age(key, seconds=-3600)
    charge = await bucket.take(key, 10)
    await bucket.close()

    assert (charge.available, charge.seconds_to_wait) == (40, None)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    capacity=st.integers(1, 1000),
    per_second=st.integers(1, 5),
    charges=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 1500)), min_size=1, max_size=8),
)
async def test_redis_answers_like_the_process(
    store: Store, capacity: int, per_second: int, charges: list[tuple[int, int]]
) -> None:
    """Any sequence of pauses and charges gets the same answers, by the same clock."""
    key, rate = store.new_key(), Rate(capacity=capacity, per_second=per_second)
    now = [0.0]
    shared, own = RedisBucket(REDIS, rate), ProcessBucket(rate, clock=lambda: now[0])
    started, aged = None, 0

    for pause, cost in charges:
        if started is not None:
            await store.age(key, seconds=pause)
            aged += pause
        charge = await shared.take(key, cost)
        since = await store.since(key)
        started = started or since
        now[0] = aged + (since - started) / MICROSECONDS
        expected = await own.take(key, cost)

        assert charge.formatted() == expected.formatted()
        assert charge.seconds_to_wait == pytest.approx(expected.seconds_to_wait)
    await shared.close()


async def test_without_redis_each_process_charges(caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that is away costs precision, never an operation; it is asked again later."""
    now = [1000.0]
    bucket = RedisBucket(NO_REDIS, SLOW, clock=lambda: now[0])

    charges = [await bucket.take("key", 40) for _ in range(3)]
    warned = [record.message for record in caplog.records]
    now[0] += 6
    later = await bucket.take("key", 1)
    await bucket.close()

    assert [charge.available for charge in charges] == [60, 20, 20]
    assert charges[2].seconds_to_wait == pytest.approx(20)
    assert len([message for message in warned if "Redis does not answer" in message]) == 1
    assert later.available == 25
    assert len([r for r in caplog.records if "Redis does not answer" in r.message]) == 2


async def test_a_failure_of_many_charges_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Operations that were waiting when Redis went away make one line in the log."""
    bucket = RedisBucket(NO_REDIS, SLOW)

    charges = await asyncio.gather(*(bucket.take("key", 1) for _ in range(5)))
    await bucket.close()

    assert sorted(charge.available for charge in charges) == [95, 96, 97, 98, 99]
    assert len([r for r in caplog.records if "Redis does not answer" in r.message]) == 1
