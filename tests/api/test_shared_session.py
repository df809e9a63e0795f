"""The sign-in throttle in Redis: one count for all processes, and each its own without Redis."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.session import ProcessAttempts, RedisAttempts
from api.session.shared import redis_key
from tests.conftest import NO_REDIS, REDIS


@pytest.fixture
async def who(redis: Any) -> AsyncIterator[tuple[str, str]]:
    """Return an account and an address of the test's own, where Redis can be reached."""
    email, address = f"{secrets.token_hex(8)}@example.org", f"test:{secrets.token_hex(8)}"
    yield email, address
    await redis.delete(redis_key(email, address), redis_key("", address), redis_key(email, ""))


async def test_tries_at_two_processes_count_together(who: tuple[str, str]) -> None:
    """Of 300 tries at once, more than there are connections, ten pass; the others wait."""
    first, second = RedisAttempts(REDIS), RedisAttempts(REDIS)

    waits = await asyncio.gather(*(side.begin(*who) for side in (first, second) * 150))
    await first.close()
    await second.close()

    assert len([wait for wait in waits if wait == 0]) == 10
    assert all(0 < wait <= 900 for wait in waits if wait)


async def test_redis_answers_like_the_process(who: tuple[str, str]) -> None:
    """A right password forgets the pair's wrong ones, and not those of the address."""
    shared, own = RedisAttempts(REDIS), ProcessAttempts()

    for round_ in range(6):
        for _ in range(11):
            waits = await shared.begin(*who) > 0, await own.begin(*who) > 0
            assert waits[0] == waits[1], round_
        await shared.succeeded(*who)
        await own.succeeded(*who)

    assert await shared.begin(*who) > 0
    assert await own.begin(*who) > 0
    await shared.close()


async def test_without_redis_each_process_counts(caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that is away costs precision, never a sign-in; it is asked again later."""
    now = [1000.0]
    attempts = RedisAttempts(NO_REDIS, clock=lambda: now[0])

    waits = [await attempts.begin("ada@example.org", "192.0.2.1") for _ in range(11)]
    await attempts.succeeded("ada@example.org", "192.0.2.1")
    now[0] += 6
    after = await attempts.begin("ada@example.org", "192.0.2.1")
    await attempts.close()

    assert (waits[:10], waits[10]) == ([0.0] * 10, 900.0)
    assert after == 0
    assert len([r for r in caplog.records if "Redis does not answer" in r.message]) == 2
