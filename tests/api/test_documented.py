"""The documented examples, as they stand in the document.

A task's id and its times differ from one run to the next, so those alone are compared by shape.
"""

import json
import re
from datetime import timedelta
from typing import Any, cast

import httpx2

from api.openapi import example
from tasks.work import WorkService
from tests.api.conftest import Worker, create

LIST = """
{
  "status": "success",
  "data": [
    {
      "id": 1,
      "group_id": "123456789",
      "group_name": "Test Group",
      "max_posts": 100,
      "priority": 0,
      "status": "completed",
      "created_at": "2024-01-01T10:00:00Z",
      "has_result": true,
      "posts_count": 85
    }
  ],
  "meta": {
    "total": 50,
    "per_page": 15,
    "current_page": 1,
    "last_page": 4
  },
  "links": {
    "first": "http://example.com/api/tasks?page=1",
    "last": "http://example.com/api/tasks?page=4",
    "prev": null,
    "next": "http://example.com/api/tasks?page=2"
  }
}
"""
CREATE = """
{
  "group_id": "123456789",
  "group_name": "Laravel Developers Vietnam",
  "max_posts": 100,
  "priority": 5
}
"""
CREATED = """
{
  "status": "success",
  "message": "Task created successfully",
  "data": {
    "id": 1,
    "group_id": "123456789",
    "group_name": "Laravel Developers Vietnam",
    "max_posts": 100,
    "priority": 5,
    "status": "pending",
    "created_at": "2024-01-01T10:00:00Z"
  }
}
"""
SHOWN = """
{
  "status": "success",
  "data": {
    "id": 1,
    "group_id": "123456789",
    "group_name": "Laravel Developers Vietnam",
    "max_posts": 100,
    "priority": 5,
    "status": "completed",
    "created_at": "2024-01-01T10:00:00Z",
    "completed_at": "2024-01-01T10:15:00Z",
    "result": {
      "posts_count": 85,
      "duration_seconds": 120
    }
  }
}
"""
CHANGE = """
{
  "group_name": "Updated Group Name",
  "max_posts": 150,
  "priority": 10
}
"""
DELETED = """
{
  "message": "Task deleted successfully"
}
"""
RESET = """
{
  "message": "Task reset successfully",
  "task": {
    "id": 1,
    "status": "pending",
    "worker_id": null,
    "completed_at": null
  }
}
"""
RESULT = """
{
  "task": {
    "id": 1,
    "group_id": "123456789",
    "status": "completed"
  },
  "result": {
    "posts_count": 85,
    "duration_seconds": 120
  },
  "posts": [
    {
      "id": "post_123",
      "message": "Sample post content",
      "author": "John Doe",
      "created_time": "2024-01-01T09:00:00Z",
      "likes": 25,
      "comments": 5,
      "shares": 2
    }
  ]
}
"""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def alike(answer: Any, documented: str, **differing: Any) -> None:
    """Compare an answer with the document: keys, their order, and values but for times.

    `differing` names keys, at any depth, whose value is another in this test.
    """
    expected = json.loads(documented)
    assert _neutral(answer, {}) == _neutral(expected, differing)
    assert _keys(answer) == _keys(expected)


def _neutral(value: Any, differing: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_neutral(item, differing) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {
            key: differing[key] if key in differing else _neutral(item, differing)
            for key, item in cast("dict[str, Any]", value).items()
        }
    return "a time" if isinstance(value, str) and _TIME.fullmatch(value) else value


def _keys(value: Any) -> list[str]:
    if isinstance(value, list):
        return _keys(cast("list[Any]", value)[0]) if value else []
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return [name for key, item in items for name in (key, *_keys(item))]
    return []


async def test_the_list_is_as_documented(client: httpx2.AsyncClient, worker: Worker) -> None:
    """Fifty tasks, the newest completed, fifteen to a page."""
    for _ in range(49):
        await create(client)
    newest = await create(client, group_name="Test Group", priority=1)  # so that it is claimed
    await worker.complete(85)

    answer = await client.get("/api/tasks")

    listed = answer.json()
    assert len(listed["data"]) == 15
    alike({**listed, "data": listed["data"][:1]}, LIST, id=newest, priority=1)


async def test_creating_is_as_documented(client: httpx2.AsyncClient) -> None:
    """The documented request gets the documented answer."""
    answer = await client.post(
        "/api/tasks", content=CREATE, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 201
    alike(answer.json(), CREATED, id=answer.json()["data"]["id"])


async def test_showing_is_as_documented(client: httpx2.AsyncClient, worker: Worker) -> None:
    """A completed task shows when it ended and what it brought."""
    task = await create(client, **json.loads(CREATE))
    ended = await worker.complete(85)
    assert ended.assigned_at is not None
    assert ended.completed_at is not None
    took = (ended.completed_at - ended.assigned_at) // timedelta(seconds=1)

    answer = await client.get(f"/api/tasks/{task}")

    assert answer.status_code == 200
    alike(answer.json(), SHOWN, id=task, duration_seconds=took)


async def test_updating_is_as_documented(client: httpx2.AsyncClient) -> None:
    """The documented changes are answered with the task, as creating answers."""
    task = await create(client, **json.loads(CREATE))

    answer = await client.put(
        f"/api/tasks/{task}", content=CHANGE, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 200
    changed = {**json.loads(CHANGE), "message": "Task updated successfully"}
    alike(answer.json(), CREATED, id=task, **changed)


async def test_deleting_is_as_documented(client: httpx2.AsyncClient) -> None:
    """A message and nothing else."""
    task = await create(client)

    answer = await client.delete(f"/api/tasks/{task}")

    assert answer.status_code == 200
    alike(answer.json(), DELETED)
    assert (await client.get(f"/api/tasks/{task}")).status_code == 404


async def test_resetting_is_as_documented(client: httpx2.AsyncClient, worker: Worker) -> None:
    """A message and the task, free again."""
    task = await create(client)
    await worker.complete()

    answer = await client.post(f"/api/tasks/{task}/reset")

    assert answer.status_code == 200
    alike(answer.json(), RESET, id=task)


async def test_the_result_is_as_documented(client: httpx2.AsyncClient, worker: Worker) -> None:
    """The posts, with what they are and what they got."""
    task = await create(client)
    await worker.complete(1)

    answer = await client.get(f"/api/tasks/{task}/result")

    assert answer.status_code == 200
    expected = json.loads(RESULT)
    expected["task"]["id"] = task
    expected["posts"][0]["id"] = "post_0"
    expected["result"] = {"posts_count": 1, "duration_seconds": 0}
    got = answer.json()
    assert got["result"]["duration_seconds"] in range(5)
    got["result"]["duration_seconds"] = 0
    assert got == expected
    assert _keys(got) == _keys(expected)


async def test_the_documented_errors_are_as_documented(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    """401, 403, 404 and 422, to the letter."""
    task = await create(client)

    assert (await anonymous.get("/api/tasks")).text == '{"message":"Unauthenticated"}'
    refused = await stranger.get(f"/api/tasks/{task}")
    assert refused.text == '{"status":"error","message":"Unauthorized"}'
    early = await client.get(f"/api/tasks/{task}/result")
    assert early.text == '{"message":"No result available for this task"}'
    invalid = await client.post("/api/tasks", json={})
    assert invalid.text.startswith('{"status":"error","message":"Validation failed","errors":{')
    assert [a.status_code for a in (refused, early, invalid)] == [403, 404, 422]


def test_the_description_shows_the_documented_examples() -> None:
    """What `/docs` and the OpenAPI description show is what the document shows."""
    shown = (
        (example.LIST, LIST),
        (example.NEW_TASK, CREATE),
        (example.CREATED, CREATED),
        (example.DETAIL, SHOWN),
        (example.CHANGES, CHANGE),
        (example.DELETED, DELETED),
        (example.RESET, RESET),
        (example.RESULT, RESULT),
    )

    assert [ours for ours, _ in shown] == [json.loads(theirs) for _, theirs in shown]


async def test_a_duration_counts_whole_seconds_from_the_first_assignment(
    client: httpx2.AsyncClient, work: WorkService, worker: Worker
) -> None:
    """A second claim of the same task does not start the clock again."""
    task = await create(client)
    claim = await worker.start()
    first = (await work.release(claim)).assigned_at
    ended = await worker.complete()

    result = (await client.get(f"/api/tasks/{task}")).json()["data"]["result"]

    assert ended.completed_at is not None
    assert ended.assigned_at is not None
    assert first is None or ended.assigned_at == first
    expected = (ended.completed_at - ended.assigned_at) // timedelta(seconds=1)
    assert result["duration_seconds"] == expected
