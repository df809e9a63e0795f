"""The rate limit: per token, per process or in Redis."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from api.limit import WINDOW_SECONDS, ProcessCounter, RedisCounter, Usage
from tasks import models
from tasks.accounts import AccountService
from tests.api.conftest import client_of
from tests.conftest import NO_REDIS, REDIS


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter here."""
    return "sqlite"


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


@pytest.fixture
async def redis_key(redis: Any) -> AsyncIterator[str]:
    """Return a key of the test's own, where Redis can be reached."""
    key = f"test:{secrets.token_hex(8)}"
    yield key
    await redis.delete(f"sluice:rate:{key}")


async def test_each_answer_says_what_is_left(build: Callable[..., ASGIApp], token: str) -> None:
    """Refusals of a known token count too."""
    async with client_of(build(limit=3), token) as client:
        answers = [await client.get(f"/api/{path}") for path in ("tasks", "nothing", "tasks/1")]

    assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["3", "3", "3"]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0"]


async def test_above_the_limit_is_429(build: Callable[..., ASGIApp], token: str) -> None:
    """In the original framework's words, with the seconds to wait."""
    async with client_of(build(limit=1), token) as client:
        await client.get("/api/tasks")
        answer = await client.post("/api/tasks", content=b"{", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.json()) == (429, {"message": "Too Many Attempts."})
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS
    assert answer.headers["x-ratelimit-limit"] == "1"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.headers["content-type"] == "application/json"


async def test_the_limit_ends_with_its_window(build: Callable[..., ASGIApp], token: str) -> None:
    """After the seconds that were announced, the token may ask again."""
    clock = Clock()
    app = build(limit=1, counter=ProcessCounter(clock))
    async with client_of(app, token) as client:
        await client.get("/api/tasks")
        refused = await client.get("/api/tasks")
        clock.seconds += int(refused.headers["retry-after"])

        assert (await client.get("/api/tasks")).status_code == 200


async def test_each_token_has_its_own_limit(
    build: Callable[..., ASGIApp], accounts: AccountService, user: models.User, token: str
) -> None:
    """One program does not slow down another of the same user."""
    app = build(limit=1)
    other = (await accounts.create_token(user.id, "other")).token
    async with client_of(app, token) as first, client_of(app, other) as second:
        assert (await first.get("/api/tasks")).status_code == 200
        assert (await first.get("/api/tasks")).status_code == 429

        assert (await second.get("/api/tasks")).status_code == 200


async def test_what_has_no_token_is_not_counted(build: Callable[..., ASGIApp]) -> None:
    """401 stays 401, and the reference stays open."""
    async with client_of(build(limit=1)) as client:
        statuses = [(await client.get("/api/tasks")).status_code for _ in range(3)]
        open_statuses = [(await client.get("/docs")).status_code for _ in range(3)]

    assert statuses == [401, 401, 401]
    assert open_statuses == [200, 200, 200]


async def test_pages_outside_the_api_are_not_counted(
    build: Callable[..., ASGIApp], token: str
) -> None:
    """The limit is the API's."""
    async with client_of(build(limit=1), token) as client:
        answers = [await client.get("/docs") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "x-ratelimit-limit" not in answers[0].headers


async def test_a_process_forgets_the_oldest_windows_first() -> None:
    """The memory of the counter has a bound."""
    counter = ProcessCounter(Clock())
    await counter.count("first")
    for number in range(10_000):
        await counter.count(str(number))

    assert (await counter.count("9999")).count == 2
    assert (await counter.count("first")).count == 1


async def test_redis_counts_over_processes(redis_key: str) -> None:
    """Two counters share a window, which ends by itself."""
    first, second = RedisCounter(REDIS), RedisCounter(REDIS)

    usages = [await first.count(redis_key), await second.count(redis_key)]

    assert [usage.count for usage in usages] == [1, 2]
    assert all(0 < usage.seconds_left <= WINDOW_SECONDS for usage in usages)
    await first.close()
    await second.close()


async def test_a_burst_is_counted_in_redis_to_the_last(
    redis_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that outnumber the connections wait for one; none is counted elsewhere."""
    counter = RedisCounter(REDIS)

    usages = await asyncio.gather(*(counter.count(redis_key) for _ in range(300)))

    assert sorted(usage.count for usage in usages) == list(range(1, 301))
    assert caplog.records == []
    await counter.close()


async def test_without_redis_each_process_counts(caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that is away costs precision, never a request; it is asked again later."""
    clock = Clock()
    counter = RedisCounter(NO_REDIS, clock)

    usages = [await counter.count("key") for _ in range(3)]

    assert [usage.count for usage in usages] == [1, 2, 3]
    assert len([r for r in caplog.records if "Redis does not answer" in r.message]) == 1
    clock.seconds += 6
    assert (await counter.count("key")).count == 4
    assert len([r for r in caplog.records if "Redis does not answer" in r.message]) == 2
    await counter.close()


async def test_the_key_names_the_token(build: Callable[..., ASGIApp], token: str) -> None:
    """A count is a token's, by its id, not by its text."""
    keys: list[str] = []

    class Noting:
        async def count(self, key: str) -> Usage:
            keys.append(key)
            return Usage(1, 1.0)

    counter: Any = Noting()
    async with client_of(build(counter=counter), token) as client:
        await client.get("/api/tasks")

    assert keys[0].startswith("token:")
    assert token not in keys[0]


async def test_the_description_is_limited_like_the_rest(
    build: Callable[..., ASGIApp], token: str
) -> None:
    """With a token it is a request like any other."""
    async with client_of(build(limit=1), token) as client:
        answers: list[httpx2.Response] = [await client.get("/api/openapi.json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
