"""Posts that clients send themselves, over GraphQL, on both databases."""

from typing import Any

from tasks.principal import TASKS_READ
from tests.graph.conftest import Client, Worker
from tests.graph.test_mutation import change

PAYLOAD = """
task { id status postsCount stopReason waiting { reason ahead } }
added duplicates surplus
userErrors { field message code }
"""
FINISHED = "task { status stopReason result { complete } } userErrors { field message code }"
POST = {
    "id": "p1",
    "message": "text",
    "author": "Ada",
    "url": "https://example.org/1",
    "createdTime": "2026-01-01T10:00:00+01:00",
    "likes": 2**40,
    "comments": 0,
}


async def fed(client: Client, **values: Any) -> str:
    """Create a task whose posts the client sends."""
    (task,) = await client.create(groupId="push:mine", **values)
    return task


async def add(client: Client, task: str, *posts: Any, **values: Any) -> dict[str, Any]:
    """Send a batch and return the payload."""
    wish = {"id": task, "posts": list(posts), **values}
    return (await client.data(change("addPosts", PAYLOAD), input=wish))["addPosts"]


async def test_what_was_sent_can_be_read(client: Client) -> None:
    """Every field comes back; what was not said is null."""
    task = await fed(client, maxPosts=3)

    first = await add(client, task, POST, {"id": "p2"}, {"id": "p2"})
    finish = await client.data(change("finishTask", FINISHED), input={"id": task})

    assert first["userErrors"] == []
    assert (first["added"], first["duplicates"], first["surplus"]) == (2, 1, 0)
    assert (first["task"]["status"], first["task"]["postsCount"]) == ("PROCESSING", 2)
    assert finish["finishTask"]["task"] == {
        "status": "COMPLETED",
        "stopReason": "FINISHED_BY_CLIENT",
        "result": {"complete": True},
    }
    fields = "sourceId message author url createdTime likes comments shares"
    query = f"query($id: ID!) {{ task(id: $id) {{ posts(first: 5) {{ nodes {{ {fields} }} }} }} }}"
    one, two = (await client.data(query, id=task))["task"]["posts"]["nodes"]
    said = {name: value for name, value in POST.items() if name != "id"}
    assert one == {"sourceId": "p1", "shares": None, **said, "createdTime": "2026-01-01T09:00:00Z"}
    assert two == {"sourceId": "p2", **dict.fromkeys(fields.split()[1:])}


async def test_a_pending_task_says_that_it_waits_for_posts(client: Client) -> None:
    """Not for a worker, so nobody is ahead of it."""
    task = await fed(client)

    found = await client.data(
        "query($id: ID!) { task(id: $id) { waiting { reason ahead } } }", id=task
    )

    assert found["task"]["waiting"] == {"reason": "POSTS", "ahead": None}


async def test_a_repeated_batch_is_answered_as_the_first(client: Client) -> None:
    """Also after the task has ended."""
    task = await fed(client)
    wish: dict[str, Any] = {"finish": True, "idempotencyKey": "1"}

    first = await add(client, task, POST, **wish)
    again = await add(client, task, POST, **wish)
    other = await add(client, task, **wish)

    assert first == again
    assert first["task"]["stopReason"] == "FINISHED_BY_CLIENT"
    assert other["userErrors"][0]["field"] == ["input", "idempotencyKey"]


async def test_what_is_refused_stands_in_the_payload(
    client: Client, stranger: Client, worker: Worker
) -> None:
    """By the way to the input that is to blame."""
    task = await fed(client, maxPosts=1)
    (plain,) = await client.create()

    bad = await add(client, task, POST, {"id": "", "url": "x"})
    foreign = await add(stranger, task, POST)
    collected = await add(client, plain, POST)
    await add(client, task, POST)
    full = await add(client, task, POST)
    over = await client.data(change("finishTask", FINISHED), input={"id": task})

    assert [(each["field"], each["code"]) for each in bad["userErrors"]] == [
        (["input", "posts", "1", "id"], "VALIDATION_FAILED"),
        (["input", "posts", "1", "url"], "VALIDATION_FAILED"),
    ]
    assert [each["code"] for each in foreign["userErrors"]] == ["NOT_FOUND"]
    assert "whose posts a worker collects" in collected["userErrors"][0]["message"]
    assert [each["code"] for each in full["userErrors"]] == ["CONFLICT"]
    assert [each["code"] for each in over["finishTask"]["userErrors"]] == ["CONFLICT"]
    assert (await worker.complete()).status == "completed"


async def test_a_token_that_only_reads_sends_nothing(connect: Any) -> None:
    """The scope is that of every other change."""
    task = await fed(await connect("ada@example.org"))
    reader = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await reader.send(
        change("addPosts", "added"), input={"id": task, "posts": [{"id": "a"}]}
    )

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
