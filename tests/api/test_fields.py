"""What a task is created and changed with, where the document is silent."""

from datetime import datetime
from typing import Any

import httpx2
import pytest

from tests.api.conftest import (
    CREATED_KEYS,
    GROUP_ID,
    assert_invalid,
    create,
    ids,
)


async def test_a_created_task_has_the_documented_keys_alone(client: httpx2.AsyncClient) -> None:
    """Creating and updating answer with the same seven keys, the time as documented."""
    created = await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 1})
    data = created.json()["data"]
    updated = await client.put(f"/api/tasks/{data['id']}", json={})

    assert list(data) == CREATED_KEYS
    assert updated.json() == {
        "status": "success",
        "message": "Task updated successfully",
        "data": data,
    }
    assert datetime.strptime(data["created_at"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - Z is in it


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"group_id": "bare"}, "Set SLUICE_DEFAULT_PLATFORM to use a bare group id."),
        (
            {"group_id": "mastodn:example.org/#python"},
            "There is no platform mastodn; did you mean mastodon?",
        ),
        ({"group_id": "facebook:1"}, "Facebook closed its groups API; use push instead."),
    ],
)
async def test_a_target_that_leads_nowhere_is_named(
    client: httpx2.AsyncClient, fields: dict[str, str], errors: str
) -> None:
    """The sentence says the setting, the suggestion or the way out."""
    answer = await client.post("/api/tasks", json={"max_posts": 1, **fields})

    assert_invalid(answer, {"group_id": [errors]})
    assert await ids(client) == []


async def test_all_failing_fields_are_answered_at_once(client: httpx2.AsyncClient) -> None:
    """With the original framework's sentences."""
    answer = await client.post(
        "/api/tasks", json={"group_name": 5, "max_posts": 501, "priority": 2**31}
    )

    assert_invalid(
        answer,
        {
            "group_id": ["The group id field is required."],
            "group_name": ["The group name field must be a string."],
            "max_posts": ["The max posts field must not be greater than 500."],
            "priority": ["The priority field must not be greater than 2147483647."],
        },
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"group_id": "a\0b"},
        {"group_id": "x" * 2049},
        {"group_name": "x" * 256},
        {"group_name": "a\0"},
        {"priority": -(2**31) - 1},
        {"priority": 2**40},
        {"priority": 2**70},
        {"priority": 1.5},
        {"priority": True},
        {"max_posts": [1]},
        {"max_posts": {"a": 1}},
    ],
)
async def test_what_the_database_cannot_hold_is_refused(
    client: httpx2.AsyncClient, fields: dict[str, Any]
) -> None:
    """422 on the field, never 500."""
    body = {"group_id": GROUP_ID, "max_posts": 1, **fields}

    answer = await client.post("/api/tasks", json=body)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == list(fields)


async def test_numbers_may_be_texts_and_ids_numbers(client: httpx2.AsyncClient) -> None:
    """As the original framework takes them; they are answered in the documented types."""
    answer = await client.post(
        "/api/tasks", json={"group_id": 123456789, "max_posts": "100", "priority": "-3"}
    )

    data = answer.json()["data"]
    assert (data["group_id"], data["max_posts"], data["priority"]) == ("123456789", 100, -3)


@pytest.mark.parametrize("absent", [{}, {"priority": None, "group_name": None}])
async def test_absent_and_null_are_the_defaults(
    client: httpx2.AsyncClient, absent: dict[str, None]
) -> None:
    """Priority 0, no name."""
    body = {"group_id": GROUP_ID, "max_posts": 1, **absent}

    data = (await client.post("/api/tasks", json=body)).json()["data"]

    assert (data["priority"], data["group_name"]) == (0, None)


async def test_the_extremes_are_kept(client: httpx2.AsyncClient) -> None:
    """Limits are inclusive, and text is text."""
    body = {
        "group_id": "sandbox:" + "ü" * 2040,
        "group_name": "🐘" * 255,
        "max_posts": 500,
        "priority": -(2**31),
    }

    answer = await client.post("/api/tasks", json=body)

    assert answer.status_code == 201
    data = answer.json()["data"]
    assert {key: data[key] for key in body} == body
    shown = (await client.get(f"/api/tasks/{data['id']}")).json()["data"]
    assert {key: shown[key] for key in body} == body


async def test_an_update_changes_the_given_fields_alone(client: httpx2.AsyncClient) -> None:
    """Null clears the name and sets the priority to 0; the rest stays."""
    task = await create(client, group_name="Name", priority=4)

    first = (await client.put(f"/api/tasks/{task}", json={"max_posts": "150"})).json()["data"]
    nulls = {"group_name": None, "priority": None}
    second = (await client.put(f"/api/tasks/{task}", json=nulls)).json()["data"]

    assert (first["group_name"], first["max_posts"], first["priority"]) == ("Name", 150, 4)
    assert (second["group_name"], second["max_posts"], second["priority"]) == (None, 150, 0)
    refused = await client.put(f"/api/tasks/{task}", json={"max_posts": None, "priority": "x"})
    assert_invalid(
        refused,
        {
            "max_posts": ["The max posts field must be an integer."],
            "priority": ["The priority field must be an integer."],
        },
    )


async def test_unknown_and_server_owned_fields_are_ignored(client: httpx2.AsyncClient) -> None:
    """A client cannot complete a task by saying so, nor move it to another group."""
    task = await create(client, id=999, status="completed", user_id=7, colour="red")

    changed = await client.put(
        f"/api/tasks/{task}", json={"group_id": "other", "status": "failed", "id": 5}
    )

    data = changed.json()["data"]
    assert (data["id"], data["group_id"], data["status"]) == (task, GROUP_ID, "pending")
