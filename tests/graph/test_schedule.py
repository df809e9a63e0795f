"""Schedules over GraphQL, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.database import Database
from tasks.ports import Sleeper
from tasks.principal import TASKS_READ
from tasks.schedules import Timetable
from tests.graph.conftest import Client
from tests.graph.test_mutation import change

FIELDS = "schedule { id databaseId groupId every onlyNew maxPosts nextRunAt pausedAt lastTaskId }"
LIST = """
query($first: Int, $last: Int, $after: String, $before: String) {
  schedules(first: $first, last: $last, after: $after, before: $before) {
    edges { cursor node { databaseId } }
    nodes { databaseId }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def create(client: Client, **values: Any) -> dict[str, Any]:
    """Create a schedule and return it."""
    wish = {"groupId": "sandbox:happy", "maxPosts": 5, "every": "PT1H", **values}
    data = await client.data(change("createSchedule", FIELDS), input=wish)
    assert data["createSchedule"]["userErrors"] == []
    return data["createSchedule"]["schedule"]


async def test_a_schedule_is_created_paused_resumed_and_deleted(client: Client) -> None:
    """Each payload holds the schedule, and the last its id."""
    made = await create(client, onlyNew=True, every="P1D")
    name = {"id": made["id"]}

    paused = await client.data(change("pauseSchedule", FIELDS), input=name)
    resumed = await client.data(change("resumeSchedule", FIELDS), input=name)
    deleted = await client.data(change("deleteSchedule", "deletedScheduleId"), input=name)

    assert (made["every"], made["onlyNew"], made["maxPosts"]) == ("P1D", True, 5)
    assert made["nextRunAt"] is not None
    assert paused["pauseSchedule"]["schedule"]["pausedAt"] is not None
    assert paused["pauseSchedule"]["schedule"]["nextRunAt"] is None
    assert resumed["resumeSchedule"]["schedule"]["pausedAt"] is None
    assert deleted["deleteSchedule"]["deletedScheduleId"] == made["id"]
    assert (await client.data("{ schedules(first: 1) { nodes { id } } }"))["schedules"] == {
        "nodes": []
    }


async def test_a_run_names_its_schedule_and_the_schedule_its_run(
    client: Client, database: Database
) -> None:
    """Both by global ids, which `node` resolves."""
    made = await create(client)
    await Timetable(database, waker=Sleeper())()

    query = """query($id: ID!) {
      schedule(id: $id) { lastTaskId }
      node(id: $id) { ... on Schedule { lastRunAt } }
      tasks(first: 1) { nodes { id scheduleId } }
    }"""
    data = await client.data(query, id=made["id"])

    (task,) = data["tasks"]["nodes"]
    assert task["scheduleId"] == made["id"]
    assert data["schedule"]["lastTaskId"] == task["id"]
    assert data["node"]["lastRunAt"] is not None


async def test_what_cannot_be_created_is_said_field_by_field(client: Client) -> None:
    """By their names in the schema."""
    wish = {"groupId": "sandbox:happy", "maxPosts": 501, "every": "P1M"}
    data = await client.data(change("createSchedule", FIELDS), input=wish)

    assert data["createSchedule"]["schedule"] is None
    errors = data["createSchedule"]["userErrors"]
    assert [error["field"] for error in errors] == [["input", "maxPosts"], ["input", "every"]]
    assert "PT15M" in errors[1]["message"]


async def test_another_users_schedule_is_none(client: Client, stranger: Client) -> None:
    """For every query and mutation."""
    made = await create(client)
    for name in ("pauseSchedule", "resumeSchedule"):
        data = await stranger.data(change(name, "schedule { id }"), input={"id": made["id"]})
        (error,) = data[name]["userErrors"]
        assert (error["field"], error["code"]) == (["input", "id"], "NOT_FOUND")
    data = await stranger.data(
        change("deleteSchedule", "deletedScheduleId"), input={"id": made["id"]}
    )
    assert data["deleteSchedule"]["userErrors"][0]["code"] == "NOT_FOUND"
    for query in ("schedule(id: $id) { id }", "node(id: $id) { id }"):
        answer = await stranger.send(f"query($id: ID!) {{ {query} }}", id=made["id"])
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await client.data("{ schedules(first: 9) { nodes { id } } }"))["schedules"]["nodes"]


async def test_a_reader_may_not_make_schedules(connect: Callable[..., Any]) -> None:
    """They take the scope to write tasks."""
    reader = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await reader.send(
        change("createSchedule", FIELDS),
        input={"groupId": "sandbox:happy", "maxPosts": 5, "every": "PT1H"},
    )

    assert answer["data"] == {"createSchedule": None}
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_walk_shows_every_schedule_once(client: Client) -> None:
    """Newest first, forwards and backwards."""
    numbers = [(await create(client))["databaseId"] for _ in range(5)][::-1]

    forwards: list[int] = []
    after = None
    while True:
        page = (await client.data(LIST, first=2, after=after))["schedules"]
        forwards += [node["databaseId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    last = (await client.data(LIST, last=2))["schedules"]
    before = last["pageInfo"]["startCursor"]
    middle = (await client.data(LIST, last=2, before=before))["schedules"]

    assert forwards == numbers
    assert [node["databaseId"] for node in last["nodes"]] == numbers[3:]
    assert [edge["node"]["databaseId"] for edge in middle["edges"]] == numbers[1:3]
    assert middle["pageInfo"]["hasPreviousPage"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "WyJjcmVhdGVkIiwxXQ"])
async def test_what_is_no_cursor_is_refused(client: Client, cursor: str) -> None:
    """Also one of another list."""
    answer = await client.send(LIST, first=1, after=cursor)

    assert answer["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"
