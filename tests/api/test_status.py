"""What each status allows, and what it shows."""

import asyncio

import httpx2
import pytest

from tasks.work import WorkService
from tests.api.conftest import (
    CREATED_KEYS,
    NOT_FOUND,
    Worker,
    assert_invalid,
    create,
)


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_only_a_pending_task_can_be_updated(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """In every other status nothing changes, and the answer says why."""
    task = await create(client)
    await into(worker, state)

    answer = await client.put(f"/api/tasks/{task}", json={"priority": 9})

    if state == "pending":
        assert answer.json()["data"]["priority"] == 9
    else:
        assert_invalid(answer, {"status": ["Only pending tasks can be updated."]})
        shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
        assert (shown["status"], shown["priority"]) == (state, 0)


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_only_an_ended_task_can_be_reset(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """Completed and failed tasks start again; the others are left alone."""
    task = await create(client)
    await into(worker, state)

    answer = await client.post(f"/api/tasks/{task}/reset")

    if state in ("completed", "failed"):
        assert answer.json()["message"] == "Task reset successfully"
        assert await status_of(client, task) == "pending"
    else:
        assert_invalid(answer, {"status": ["Only completed or failed tasks can be reset."]})
        assert await status_of(client, task) == state


async def test_an_update_that_races_with_the_worker_has_one_outcome(
    client: httpx2.AsyncClient, work: WorkService
) -> None:
    """Either the worker gets the changed task, or the client is refused; never both."""
    for _ in range(10):
        task = await create(client)

        answer, claim = await asyncio.gather(
            client.put(f"/api/tasks/{task}", json={"max_posts": 7}), work.claim("worker-1")
        )

        assert claim is not None
        if answer.status_code == 200:
            assert claim.task.max_posts == 7
        else:
            assert_invalid(answer, {"status": ["Only pending tasks can be updated."]})
            assert claim.task.max_posts == 100


async def into(worker: Worker, state: str) -> None:
    """Take the only task to a status."""
    if state == "assigned":
        await worker.assign()
    elif state == "processing":
        await worker.start()
    elif state == "completed":
        await worker.complete()
    elif state == "failed":
        await worker.fail()


async def status_of(client: httpx2.AsyncClient, task: int) -> str:
    """Return a task's status."""
    return (await client.get(f"/api/tasks/{task}")).json()["data"]["status"]


async def test_a_failed_task_has_no_result(client: httpx2.AsyncClient, worker: Worker) -> None:
    """Also when it collected posts before it failed."""
    task = await create(client)
    await worker.fail(posts=3)

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
    listed = (await client.get("/api/tasks")).json()["data"][0]
    result = await client.get(f"/api/tasks/{task}/result")

    assert (shown["status"], shown["result"]) == ("failed", None)
    assert shown["completed_at"] is not None
    assert (listed["has_result"], listed["posts_count"]) == (False, 0)
    expected = {"message": "No result available for this task"}
    assert (result.status_code, result.json()) == (404, expected)


@pytest.mark.parametrize("state", ["pending", "assigned", "processing"])
async def test_an_unfinished_task_has_no_result(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """`completed_at` and `result` are null, `/result` is 404."""
    task = await create(client)
    await into(worker, state)

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]

    assert list(shown) == [*CREATED_KEYS, "completed_at", "result"]
    assert (shown["status"], shown["completed_at"], shown["result"]) == (state, None, None)
    assert (await client.get(f"/api/tasks/{task}/result")).status_code == 404


async def test_what_a_post_does_not_say_is_empty(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """Unknown numbers are 0, unknown texts empty; the order is that of the source."""
    task = await create(client)
    await worker.complete(posts=3)

    body = (await client.get(f"/api/tasks/{task}/result")).json()

    assert [post["id"] for post in body["posts"]] == ["post_0", "post_1", "post_2"]
    assert body["posts"][1] == {
        "id": "post_1",
        "message": "",
        "author": "",
        "created_time": None,
        "likes": 0,
        "comments": 0,
        "shares": 0,
    }
    assert body["result"]["posts_count"] == 3
    listed = (await client.get("/api/tasks")).json()["data"][0]
    assert (listed["has_result"], listed["posts_count"]) == (True, 3)


async def test_a_reset_starts_from_scratch(client: httpx2.AsyncClient, worker: Worker) -> None:
    """The result is gone until there is a new one."""
    task = await create(client)
    await worker.complete(posts=3)

    await client.post(f"/api/tasks/{task}/reset")

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
    assert (shown["completed_at"], shown["result"]) == (None, None)
    await worker.complete(posts=2)
    assert len((await client.get(f"/api/tasks/{task}/result")).json()["posts"]) == 2


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_any_task_can_be_deleted_at_once(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """Also while a worker holds it."""
    task = await create(client)
    await into(worker, state)

    answer = await client.delete(f"/api/tasks/{task}")

    assert (answer.status_code, answer.json()) == (200, {"message": "Task deleted successfully"})
    again = await client.delete(f"/api/tasks/{task}")
    assert (again.status_code, again.json()) == (404, NOT_FOUND)
