"""Posts that a client sends itself, over the documented envelopes."""

from typing import Any

import httpx2
import jsonschema_rs
import pytest

from api.rest.parse import MAX_BODY_BYTES
from tasks.batch import MAX_MESSAGE
from tests.api.conftest import NOT_FOUND, Worker, assert_invalid, create
from tests.api.test_docs import assert_valid

FED = "push:my-collector"
POST = {
    "id": "post_123",
    "message": "Sample post content",
    "author": "John Doe",
    "created_time": "2024-01-01T10:00:00+01:00",
    "likes": 25,
    "comments": 5,
    "shares": None,
    "url": "https://example.com/posts/123",
}


async def add(
    client: httpx2.AsyncClient, task_id: int, *posts: Any, headers: Any = None, **fields: Any
) -> httpx2.Response:
    """Send a batch."""
    body = {"posts": list(posts), **fields}
    return await client.post(f"/api/tasks/{task_id}/posts", json=body, headers=headers)


async def test_what_was_sent_is_the_result(client: httpx2.AsyncClient) -> None:
    """From pending over processing to completed, in the shapes that are documented."""
    task_id = await create(client, group_id=FED, max_posts=5)

    first = await add(client, task_id, POST, POST)
    during = (await client.get(f"/api/tasks/{task_id}")).json()["data"]
    last = await add(client, task_id, {"id": 7}, finish=True)

    assert (first.status_code, first.json()) == (
        200,
        {
            "status": "success",
            "message": "Posts added successfully",
            "data": {
                "id": task_id,
                "status": "processing",
                "max_posts": 5,
                "posts_count": 1,
                "added": 1,
                "duplicates": 1,
                "surplus": 0,
            },
        },
    )
    assert (during["status"], during["result"]) == ("processing", None)
    assert last.json()["data"]["status"] == "completed"
    result = (await client.get(f"/api/tasks/{task_id}/result")).json()
    assert result["result"]["posts_count"] == 2
    shown = {name: value for name, value in POST.items() if name != "url"}
    expected = {**shown, "created_time": "2024-01-01T09:00:00Z", "shares": 0}
    assert result["posts"][0] == expected
    assert result["posts"][1]["id"] == "7"


async def test_a_full_task_completes(client: httpx2.AsyncClient) -> None:
    """What does not fit is left out, and said."""
    task_id = await create(client, group_id=FED, max_posts=1)

    answer = await add(client, task_id, {"id": "a"}, {"id": "b"})

    data = answer.json()["data"]
    assert (data["status"], data["added"], data["surplus"]) == ("completed", 1, 1)
    again = await add(client, task_id, {"id": "c"})
    sentence = f"Task {task_id} is completed; to add posts to it, it must be pending or processing."
    assert_invalid(again, {"status": [sentence]})


async def test_a_repeated_batch_is_answered_as_the_first(client: httpx2.AsyncClient) -> None:
    """With the same `Idempotency-Key`; another batch under it is refused."""
    task_id = await create(client, group_id=FED)
    key = {"Idempotency-Key": "batch-1"}
    first = await add(client, task_id, POST, headers=key)

    again = await add(client, task_id, POST, headers=key)
    other = await add(client, task_id, {"id": "b"}, headers=key)

    assert again.json() == first.json()
    sentence = "The idempotency key was used with another batch of this task."
    assert_invalid(other, {"idempotency_key": [sentence]})
    bad = await add(client, task_id, POST, headers={"Idempotency-Key": ""})
    assert bad.status_code == 422


async def test_what_is_wrong_is_named_post_by_post(client: httpx2.AsyncClient) -> None:
    """Nothing of the batch is stored, and the task still waits."""
    task_id = await create(client, group_id=FED)

    answer = await add(client, task_id, POST, {"message": "x", "likes": -1})

    expected = {
        "posts.1.id": ["The id field is required."],
        "posts.1.likes": ["The likes field must be at least 0."],
    }
    assert_invalid(answer, expected)
    assert (await client.get(f"/api/tasks/{task_id}")).json()["data"]["status"] == "pending"


@pytest.mark.parametrize("body", ["[]", "null", '"posts"', "{}"])
async def test_a_body_without_posts_is_refused(client: httpx2.AsyncClient, body: str) -> None:
    """Whatever else it is."""
    task_id = await create(client, group_id=FED)

    answer = await client.post(
        f"/api/tasks/{task_id}/posts", content=body, headers={"Content-Type": "application/json"}
    )

    assert_invalid(answer, {"posts": ["The posts field is required."]})


async def test_the_longest_post_fits_and_a_longer_body_does_not(
    client: httpx2.AsyncClient,
) -> None:
    """Every character of a post may be written escaped; larger batches are to be parted."""
    task_id = await create(client, group_id=FED)
    message = "\U0001f600" * MAX_MESSAGE
    escaped = r"\ud83d\ude00" * MAX_MESSAGE
    headers = {"Content-Type": "application/json"}

    stored = await client.post(
        f"/api/tasks/{task_id}/posts",
        content=f'{{"posts": [{{"id": "a", "message": "{escaped}"}}], "finish": true}}',
        headers=headers,
    )
    refused = await client.post(
        f"/api/tasks/{task_id}/posts", content=b" " * (MAX_BODY_BYTES + 1), headers=headers
    )

    assert stored.status_code == 200
    result = (await client.get(f"/api/tasks/{task_id}/result")).json()
    assert result["posts"][0]["message"] == message
    assert refused.status_code == 413


async def test_a_task_that_a_worker_collects_takes_no_posts(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """The sentence says which would; the worker finds its task as it was."""
    task_id = await create(client)

    answer = await add(client, task_id, POST)

    sentence = (
        f"Task {task_id} is of the platform sandbox, whose posts a worker collects; posts can be "
        "added to tasks of the platform push."
    )
    assert_invalid(answer, {"id": [sentence]})
    assert (await worker.complete()).id == task_id


async def test_who_may_not_write_adds_nothing(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    """As everywhere in the documented API."""
    task_id = await create(client, group_id=FED)

    foreign, unknown = await add(stranger, task_id, POST), await add(client, 999, POST)

    refused = {"status": "error", "message": "Unauthorized"}
    assert (foreign.status_code, foreign.json()) == (403, refused)
    assert (unknown.status_code, unknown.json()) == (404, NOT_FOUND)
    assert (await add(anonymous, task_id, POST)).status_code == 401
    assert (await client.get(f"/api/tasks/{task_id}/posts")).status_code == 405


#: What the schema denies.
DENIED: list[dict[str, Any]] = [
    {},
    {"posts": []},
    {"posts": None, "finish": False},
    {"posts": [], "finish": None},
    {"posts": {"id": "a"}},
    {"posts": [{"id": "a"}] * 501},
    {"posts": ["a"]},
    {"posts": [{}]},
    {"posts": [{"id": "a", "likes": -1}]},
    {"posts": [{"id": "a", "likes": "many"}]},
    {"posts": [{"id": "a", "created_time": "yesterday"}]},
    {"posts": [{"id": "a", "message": 5}]},
    {"posts": [{"id": "a"}], "finish": "yes"},
]


@pytest.mark.parametrize("body", DENIED)
async def test_the_description_and_the_validation_refuse_the_same(
    client: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    """What the schema denies, the API denies."""
    description = (await anonymous.get("/api/openapi.json")).json()
    task_id = await create(client, group_id=FED)

    with pytest.raises(jsonschema_rs.ValidationError):
        assert_valid(description, {"$ref": "#/components/schemas/NewPosts"}, body)
    assert (await client.post(f"/api/tasks/{task_id}/posts", json=body)).status_code == 422


async def test_the_answer_fits_the_description(
    client: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    """No key more, none less."""
    description = (await anonymous.get("/api/openapi.json")).json()
    task_id = await create(client, group_id=FED)

    answer = await add(client, task_id, POST)

    described = description["paths"]["/api/tasks/{id}/posts"]["post"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    assert_valid(description, schema, answer.json())
