"""The list: its filters, orders, pages and links."""

from datetime import datetime, timedelta

import httpx2
import pytest

from tests.api.conftest import (
    GROUP_ID,
    LISTED_KEYS,
    Worker,
    create,
    ids,
)


async def test_the_list_has_the_documented_keys_alone(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """A task that has not ended has no result and no posts yet."""
    await create(client)
    await worker.start()

    body = (await client.get("/api/tasks")).json()

    assert list(body) == ["status", "data", "meta", "links"]
    assert list(body["data"][0]) == LISTED_KEYS
    assert (body["data"][0]["has_result"], body["data"][0]["posts_count"]) == (False, 0)


async def test_a_list_can_be_filtered_by_status(client: httpx2.AsyncClient, worker: Worker) -> None:
    """Each status lists its own, `all` and nothing list everything."""
    done = await create(client)
    await worker.complete()
    failed = await create(client)
    await worker.fail()
    waiting = await create(client)

    assert await ids(client, status="completed") == [done]
    assert await ids(client, status="failed") == [failed]
    assert await ids(client, status="pending") == [waiting]
    assert await ids(client, status="assigned") == []
    assert await ids(client, status="all") == [waiting, failed, done]
    assert await ids(client, status="") == [waiting, failed, done]


async def test_ties_are_broken_by_the_newest_in_every_order(client: httpx2.AsyncClient) -> None:
    """Among equals the newest is first, so the pages of an unchanged list never overlap."""
    low = [await create(client, priority=1) for _ in range(5)]
    high = [await create(client, priority=2) for _ in range(5)]
    newest_first = [*reversed(high), *reversed(low)]

    assert await ids(client) == newest_first
    assert await ids(client, sort_order="asc") == [*low, *high]
    assert await ids(client, sort_by="priority") == newest_first
    assert await ids(client, sort_by="priority", sort_order="asc") == [
        *reversed(low),
        *reversed(high),
    ]
    assert await ids(client, sort_by="status", sort_order="asc") == newest_first
    for sort_by in ("created_at", "status", "priority"):
        for sort_order in ("asc", "desc"):
            order = {"sort_by": sort_by, "sort_order": sort_order, "per_page": 3}
            pages = [await ids(client, page=page, **order) for page in (1, 2, 3, 4)]
            assert sorted(task for page in pages for task in page) == sorted(newest_first)


async def test_pages_link_to_each_other(client: httpx2.AsyncClient) -> None:
    """Links are absolute and keep the other parameters."""
    for _ in range(5):
        await create(client)
    query = {"status": "pending", "per_page": "2", "page": "2", "mine": "a b&c=ü"}

    body = (await client.get("/api/tasks", params=query)).json()

    base = "http://example.com/api/tasks?status=pending&per_page=2&mine=a+b%26c%3D%C3%BC&page="
    assert body["meta"] == {"total": 5, "per_page": 2, "current_page": 2, "last_page": 3}
    assert body["links"] == {
        "first": f"{base}1",
        "last": f"{base}3",
        "prev": f"{base}1",
        "next": f"{base}3",
    }
    following = (await client.get(body["links"]["next"])).json()
    assert (following["meta"]["current_page"], len(following["data"])) == (3, 1)
    assert following["links"]["next"] is None


async def test_an_empty_list_has_one_page(client: httpx2.AsyncClient) -> None:
    """`last_page` is 1, and there is nothing before or after."""
    body = (await client.get("/api/tasks")).json()

    assert body == {
        "status": "success",
        "data": [],
        "meta": {"total": 0, "per_page": 15, "current_page": 1, "last_page": 1},
        "links": {
            "first": "http://example.com/api/tasks?page=1",
            "last": "http://example.com/api/tasks?page=1",
            "prev": None,
            "next": None,
        },
    }


@pytest.mark.parametrize("page", [3, 2**53])
async def test_a_page_past_the_end_is_empty(client: httpx2.AsyncClient, page: int) -> None:
    """It is no error; its `prev` leads back to the last page."""
    await create(client)
    await create(client)

    body = (await client.get("/api/tasks", params={"per_page": 1, "page": page})).json()

    assert body["data"] == []
    assert body["meta"] == {"total": 2, "per_page": 1, "current_page": page, "last_page": 2}
    assert body["links"]["next"] is None
    assert body["links"]["prev"] == "http://example.com/api/tasks?per_page=1&page=2"


async def test_a_task_waits_no_time_to_be_listed(client: httpx2.AsyncClient) -> None:
    """What was created is in the very next list, with its creation's time."""
    created = await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 1})

    listed = (await client.get("/api/tasks")).json()["data"][0]

    assert listed["created_at"] == created.json()["data"]["created_at"]
    age = datetime.now().astimezone() - datetime.fromisoformat(listed["created_at"])
    assert abs(age) < timedelta(minutes=1)
