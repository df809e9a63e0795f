"""Statistics, searches, targets and operations, as GraphQL shows them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tasks.principal import SCOPES, TASKS_READ
from tests.graph.conftest import Client, Worker
from tests.tasks.test_service import Sample

STATISTICS = """query($id: ID!) { task(id: $id) { statistics {
  posts slotSeconds timeline { at posts } undated
  likes { least most posts } unrated
  authors { name posts likes } authorCount unnamed
} } }"""
RESOLVE = """query($group: String!) { resolveTarget(groupId: $group) {
  platform { name title } target error { code message }
} }"""
OPERATIONS = """{ operations {
  at workers { workerId tasks since leaseExpiresAt }
  queue { ready oldestReadyAt waiting nextDueAt running fed }
  throughput { at completed failed } failures { reason tasks }
} }"""


async def test_a_tasks_posts_are_counted(client: Client, worker: Worker) -> None:
    """The timeline, the bands of likes and the authors, with what is unknown beside them."""
    (task,) = await client.create()
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    await worker.complete(
        [
            Sample(id="a", author="Ada", likes=7, created_time=noon),
            Sample(id="b", author="Ada", likes=None, created_time=noon),
            Sample(id="c", author=None, likes=0),
        ]
    )

    found = (await client.data(STATISTICS, id=task))["task"]["statistics"]

    assert found == {
        "posts": 3,
        "slotSeconds": 60,
        "timeline": [{"at": "2026-01-31T12:00:00Z", "posts": 2}],
        "undated": 1,
        "likes": [
            {"least": 0, "most": 0, "posts": 1},
            {"least": 1, "most": 1, "posts": 0},
            {"least": 2, "most": 4, "posts": 0},
            {"least": 5, "most": 9, "posts": 1},
        ],
        "unrated": 1,
        "authors": [{"name": "Ada", "posts": 2, "likes": 7}],
        "authorCount": 1,
        "unnamed": 1,
    }


async def test_statistics_take_the_right_to_read_results(
    client: Client, connect: Callable[..., Any]
) -> None:
    """As the posts do."""
    (task,) = await client.create()
    reader = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await reader.send(STATISTICS, id=task)

    assert answer["data"]["task"]["statistics"] is None
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_posts_and_tasks_are_searched(client: Client, worker: Worker) -> None:
    """The connection's total stays that of the whole task."""
    (task,) = await client.create(groupName="Gardening")
    await worker.complete([Sample(id="a", message="Peas"), Sample(id="b", message="Beans")])
    document = """query($text: String) {
      tasks(first: 9, filter: {search: $text}) { totalCount nodes { id } }
      task(databaseId: 1) { posts(first: 9, search: "PEA") { totalCount nodes { sourceId } } }
    }"""

    found = await client.data(document, text="garden")
    nothing = await client.data(document, text="cars")

    assert found["tasks"] == {"totalCount": 1, "nodes": [{"id": task}]}
    assert nothing["tasks"]["nodes"] == []
    assert found["task"]["posts"] == {"totalCount": 2, "nodes": [{"sourceId": "a"}]}


async def test_a_target_is_resolved_while_it_is_written(client: Client) -> None:
    """What leads nowhere is no error of the request: it says what would be right."""
    known = await client.data(RESOLVE, group="sandbox:happy")
    nowhere = await client.data(RESOLVE, group="happy")

    assert known["resolveTarget"] == {
        "platform": {"name": "sandbox", "title": "Sandbox"},
        "target": "happy",
        "error": None,
    }
    assert nowhere["resolveTarget"]["platform"] is None
    assert nowhere["resolveTarget"]["error"]["code"] == "TARGET_INVALID"
    assert "has no platform" in nowhere["resolveTarget"]["error"]["message"]


async def test_administrators_see_how_the_installation_stands(
    client: Client, connect: Callable[..., Any], worker: Worker
) -> None:
    """Others do not, whatever else they may do."""
    await client.create(2)
    await worker.complete()
    admin = await connect("root@example.org", scopes=SCOPES)

    found = (await admin.data(OPERATIONS))["operations"]
    refused = await client.send(OPERATIONS)

    assert (found["queue"]["ready"], found["queue"]["running"]) == (1, 0)
    assert sum(each["completed"] for each in found["throughput"]) == 1
    assert len(found["throughput"]) == 60
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_figures_cost_what_they_answer(client: Client) -> None:
    """A list of tasks with their statistics is charged for each of them."""
    query = "query($n: Int!) { tasks(first: $n) { nodes { statistics { likes { posts } } } } }"

    few, many = [await client.send(query, n=n) for n in (1, 100)]

    cost = [each["extensions"]["cost"]["requestedQueryCost"] for each in (few, many)]
    assert cost[1] > 90 * (cost[0] - 10)
    assert cost[1] > 1_000
