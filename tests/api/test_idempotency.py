"""A repeated create, after a lost answer."""

import asyncio

import httpx2
import pytest

from tests.api.conftest import (
    GROUP_ID,
    ids,
)


async def test_a_repeated_key_gives_the_first_answer_again(client: httpx2.AsyncClient) -> None:
    """The same key and body create once, also when the first answer was lost on the way."""
    body = {"group_id": GROUP_ID, "max_posts": 5}
    key = {"Idempotency-Key": "order 7"}

    first = await client.post("/api/tasks", json=body, headers=key)
    again = await client.post(
        "/api/tasks", content=b'{"max_posts": 5, "group_id": "123456789"}', headers=key
    )

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert len(await ids(client)) == 1


async def test_concurrent_repeats_create_once(client: httpx2.AsyncClient) -> None:
    """A client that is too impatient still has one task."""
    body = {"group_id": GROUP_ID, "max_posts": 5}
    key = {"Idempotency-Key": "k"}

    answers = await asyncio.gather(
        *(client.post("/api/tasks", json=body, headers=key) for _ in range(5))
    )

    assert {answer.json()["data"]["id"] for answer in answers} == set(await ids(client))
    assert {answer.status_code for answer in answers} == {201}


async def test_a_key_with_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    """A key names one request."""
    key = {"Idempotency-Key": "k"}
    await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 5}, headers=key)

    other = {"group_id": GROUP_ID, "max_posts": 6}
    answer = await client.post("/api/tasks", json=other, headers=key)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["idempotency_key"]
    assert len(await ids(client)) == 1


async def test_the_same_key_of_another_user_is_another_key(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """Keys belong to their user."""
    key = {"Idempotency-Key": "k"}
    await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 5}, headers=key)

    theirs = {"group_id": GROUP_ID, "max_posts": 6}
    answer = await stranger.post("/api/tasks", json=theirs, headers=key)

    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_bad_key_is_refused(client: httpx2.AsyncClient, key: str) -> None:
    """It is stored, so it has a length and an alphabet."""
    body = {"group_id": GROUP_ID, "max_posts": 5}

    answer = await client.post("/api/tasks", json=body, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["idempotency_key"]
