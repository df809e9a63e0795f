"""What can be read, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.principal import TASKS_READ
from tests.graph.conftest import Client, CountingDatabase, Worker
from tests.tasks.test_service import Sample

EVERYTHING = """
query($first: Int!) {
  viewer { id databaseId email isAdmin createdAt scopes }
  tasks(first: $first) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { ...Whole } }
  }
}
fragment Whole on Task {
  id databaseId groupId groupName platform target maxPosts priority status workerId attempt
  failures postsCount notBefore createdAt assignedAt startedAt completedAt updatedAt stopReason
  error { code message } revision
  progress { collected requested ratio }
  waiting { reason until ahead aheadIsCapped }
  result { endedAt complete stopReason receipt { ...All } }
  posts(first: 20, orderBy: { field: LIKES, direction: DESC }) {
    totalCount
    pageInfo { hasNextPage }
    nodes { id sourceId position message author url createdTime likes comments shares }
  }
  events(first: 20) { nodes { seq type at snapshot { status receipt { ...All } } } }
}
fragment All on Receipt {
  requested collected duplicates skipped { reason count } pages calls waitedSeconds newestAt
  oldestAt authMode stopReason complete
}
"""


async def test_everything_that_there_is_can_be_read_at_once(client: Client, worker: Worker) -> None:
    """One document reads the viewer, the tasks and all that hangs on them."""
    await client.create(2)
    await worker.complete([Sample(id="a", likes=1), Sample(id="b", likes=2**40)])

    data = await client.data(EVERYTHING, first=10)

    assert data["viewer"]["email"] == "ada@example.org"
    assert data["tasks"]["totalCount"] == 2
    waiting, done = (edge["node"] for edge in data["tasks"]["edges"])
    assert done["status"] == "COMPLETED"
    assert done["progress"] == {"collected": 2, "requested": 10, "ratio": 1.0}
    assert done["result"]["stopReason"] == "END_OF_SOURCE"
    assert done["result"]["complete"] is True
    assert [post["likes"] for post in done["posts"]["nodes"]] == [2**40, 1]
    assert [event["type"] for event in done["events"]["nodes"]] == [
        "CREATED",
        "ASSIGNED",
        "STARTED",
        "COMPLETED",
    ]
    assert done["createdAt"].endswith("Z")
    assert waiting["waiting"] == {
        "reason": "QUEUED",
        "until": None,
        "ahead": 0,
        "aheadIsCapped": False,
    }
    assert waiting["result"] is None


async def test_a_hundred_tasks_cost_as_many_statements_as_one(
    client: Client, counting: CountingDatabase, worker: Worker
) -> None:
    """No resolver sends a statement for each task."""
    await client.create(1)
    await worker.complete([Sample(id="a")])
    before = counting.statements
    await client.data(EVERYTHING.replace("first: 20", "first: 2"), first=10)
    for_one = counting.statements - before
    await client.create(99)

    before = counting.statements
    await client.data(EVERYTHING.replace("first: 20", "first: 2"), first=100)

    assert counting.statements - before == for_one + 1  # the place in line
    assert for_one == 5  # viewer, tasks, their number, posts, events


async def test_nodes_of_every_type_are_fetched_again_by_id(
    connect: Callable[..., Any], worker: Worker, counting: CountingDatabase
) -> None:
    """`node` and `nodes` find what was read before, tasks by one statement."""
    client = await connect("ada@example.org")
    ids = await client.create(3)
    await worker.complete([Sample(id="a:b/ü")])
    data = await client.data(
        "{ viewer { id tokens { id } } platforms { id } "
        "tasks(last: 1) { nodes { posts(first: 1) { nodes { id } } } } }"
    )
    wanted = [
        *ids,
        data["viewer"]["id"],
        data["viewer"]["tokens"][0]["id"],
        data["platforms"][0]["id"],
        data["tasks"]["nodes"][0]["posts"]["nodes"][0]["id"],
    ]

    before = counting.statements
    found = await client.data(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=wanted
    )
    one = await client.data("query($id: ID!) { node(id: $id) { id } }", id=wanted[-1])

    assert [node["id"] for node in found["nodes"]] == wanted
    kinds = {node["__typename"] for node in found["nodes"]}
    assert kinds == {"Task", "User", "ApiToken", "Platform", "Post"}
    assert one["node"]["id"] == wanted[-1]
    assert counting.statements - before == 5  # tasks, user, token, post; then post


async def test_a_task_is_found_by_either_id(client: Client) -> None:
    """By the global id, or by REST's."""
    (global_id,) = await client.create()
    data = await client.data("query($id: ID!) { task(id: $id) { databaseId } }", id=global_id)

    again = await client.data(
        "query($id: BigInt!) { task(databaseId: $id) { id } }", id=data["task"]["databaseId"]
    )

    assert again["task"]["id"] == global_id


@pytest.mark.parametrize(
    "node_id",
    ["", "x", "…", "VGFzazo=", "VGFzazoxeA==", "VGFzazo5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "Tm9wZTox"],
)
async def test_a_malformed_id_is_refused_in_words(node_id: str, client: Client) -> None:
    """The rest of the answer stays, and the error is a sentence about the id."""
    answer = await client.send(
        "query($id: ID!) { node(id: $id) { id } viewer { email } }", id=node_id
    )

    assert answer["data"] == {"node": None, "viewer": {"email": "ada@example.org"}}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "VALIDATION_FAILED"
    assert error["path"] == ["node"]
    assert "padding" not in error["message"]


async def test_a_malformed_cursor_is_refused_in_words(client: Client) -> None:
    """Likewise a cursor."""
    answer = await client.send('{ tasks(first: 1, after: "nonsense") { totalCount } }')

    assert answer["data"] == {"tasks": None}
    assert answer["errors"][0]["message"].startswith("The after argument is no cursor")


async def test_tasks_are_filtered_and_ordered(client: Client, worker: Worker) -> None:
    """Filter and order reach the service."""
    await client.create(1, groupId="feed:x", priority=5)
    (second,) = await client.create(1, priority=1)
    await worker.complete()

    data = await client.data(
        """
        { pending: tasks(first: 9, filter: { status: [PENDING] }) { nodes { id } totalCount }
          feed: tasks(first: 9, filter: { platform: ["feed"] }) { nodes { status } }
          low: tasks(first: 1, orderBy: { field: PRIORITY, direction: ASC }) { nodes { id } }
          none: tasks(first: 9, filter: { createdBefore: "2020-01-01T00:00:00Z" }) { totalCount } }
        """
    )

    assert data == {
        "pending": {"nodes": [{"id": second}], "totalCount": 1},
        "feed": {"nodes": [{"status": "COMPLETED"}]},
        "low": {"nodes": [{"id": second}]},
        "none": {"totalCount": 0},
    }


async def test_platforms_say_whether_they_can_be_read(client: Client) -> None:
    """The catalogue shows the state, and since when one is closed."""
    data = await client.data("{ platforms { name state closedSince hasCredential examples } }")

    assert data["platforms"][1] == {
        "name": "closed",
        "state": "CLOSED",
        "closedSince": "2024-04-22",
        "hasCredential": False,
        "examples": [],
    }


async def test_a_token_without_the_scope_reads_the_rest(
    connect: Callable[..., Any], worker: Worker
) -> None:
    """What the scope does not cover is null with an error; the rest is answered."""
    client = await connect("ada@example.org")
    await client.create()
    await worker.complete([Sample(id="a")])
    limited = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await limited.send(
        "{ tasks(first: 1) { nodes { status posts(first: 1) { totalCount } } } "
        "viewer { tokens { id } } }"
    )

    assert answer["data"]["tasks"] == {"nodes": [{"status": "COMPLETED", "posts": None}]}
    assert answer["data"]["viewer"] == {"tokens": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}


async def test_entities_are_resolved_in_one_batch(
    client: Client, stranger: Client, counting: CountingDatabase
) -> None:
    """A router's references are one statement; a wrong one is an error of its own."""
    ids = await client.create(3)
    (foreign,) = await stranger.create()
    representations = [
        *({"__typename": "Task", "id": each} for each in ids),
        {"__typename": "Task", "id": foreign},
        {"__typename": "Task", "id": "nonsense"},
        {"__typename": "Nothing"},
        {"id": ids[0]},
    ]

    before = counting.statements
    answer = await client.send(
        "query($r: [_Any!]!) { _entities(representations: $r) { ... on Task { id } } }",
        r=representations,
    )

    assert answer["data"]["_entities"] == [*({"id": each} for each in ids), *[None] * 4]
    assert sorted(error["path"][1] for error in answer["errors"]) == [3, 4, 5, 6]
    assert counting.statements - before == 1


async def test_the_subgraph_shows_its_sdl(client: Client) -> None:
    """`_service` gives the router what it composes."""
    data = await client.data("{ _service { sdl } }")

    assert "federation/v2.9" in data["_service"]["sdl"]
    assert '@key(fields: "id")' in data["_service"]["sdl"]
