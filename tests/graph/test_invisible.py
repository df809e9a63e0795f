"""Another user's objects: through no path can they be told from objects that do not exist."""

import base64
import json
import re
from typing import Any

import pytest

from tests.graph.conftest import Client, CountingDatabase, Worker
from tests.tasks.test_service import Sample

MISSING = 987_654


def global_id(*parts: object) -> str:
    """Return a global id."""
    return base64.b64encode(":".join(map(str, parts)).encode()).decode()


def likened(answer: Any, *own: object) -> str:
    """Return an answer without what it costs, with the numbers that were asked for taken out."""
    text = json.dumps({name: answer[name] for name in ("data", "errors") if name in answer})
    for each in own:
        text = re.sub(rf"(There is no [a-z ]*){each}\b", r"\1<asked>", text)
        text = re.sub(rf"( with the id | in a task ){each}\b", r"\1<asked>", text)
    return text


@pytest.fixture
async def hidden(stranger: Client, worker: Worker) -> dict[str, Any]:
    """Return the ids of a completed task of another user, and of what hangs on it."""
    (task_id,) = await stranger.create()
    done = await worker.complete([Sample(id="secret-post")])
    data = await stranger.data("{ viewer { id tokens { id databaseId } } }")
    return {
        "number": done.id,
        "Task": task_id,
        "User": data["viewer"]["id"],
        "user_number": stranger.user.id,
        "token_number": data["viewer"]["tokens"][0]["databaseId"],
    }


async def test_by_id_it_is_as_if_it_did_not_exist(
    client: Client, counting: CountingDatabase, hidden: dict[str, Any]
) -> None:
    """`node`, `task`, `nodes` and `_entities` answer a foreign id like an unknown one."""
    number = hidden["number"]
    documents = {
        "node": "query($id: ID!, $n: BigInt!) { node(id: $id) { id } }",
        "task": "query($id: ID!, $n: BigInt!) { task(id: $id) { id groupId } }",
        "by number": "query($id: ID!, $n: BigInt!) { task(databaseId: $n) { id groupId } }",
        "nodes": "query($id: ID!, $n: BigInt!) { nodes(ids: [$id, $id]) { id } }",
        "entities": (
            "query($id: ID!, $n: BigInt!) { _entities(representations: "
            '[{__typename: "Task", id: $id}]) { ... on Task { id } } }'
        ),
    }

    for name, document in documents.items():
        used = (
            document
            if "$n)" in document.split("{", 1)[1]
            else document.replace(", $n: BigInt!", "")
        )
        used = used if "$id" in used.split("{", 1)[1] else used.replace("$id: ID!, ", "")
        before = counting.statements
        foreign = await client.send(used, id=hidden["Task"], n=number)
        between = counting.statements
        unknown = await client.send(used, id=global_id("Task", MISSING), n=MISSING)

        assert "errors" in foreign, name
        assert foreign["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert likened(foreign, number) == likened(unknown, MISSING)
        assert between - before == counting.statements - between == 1


@pytest.mark.parametrize("kind", ["Post", "ApiToken", "User"])
async def test_other_objects_are_hidden_as_well(
    kind: str, connect: Any, hidden: dict[str, Any]
) -> None:
    """Posts, tokens and users of others answer like unknown ones."""
    client = await connect("ada@example.org")
    keys = {
        "Post": ((hidden["number"], "secret-post"), (MISSING, "secret-post")),
        "ApiToken": ((hidden["token_number"],), (MISSING,)),
        "User": ((hidden["user_number"],), (MISSING,)),
    }
    foreign_key, unknown_key = keys[kind]
    document = "query($id: ID!) { node(id: $id) { id } }"

    foreign = await client.send(document, id=global_id(kind, *foreign_key))
    unknown = await client.send(document, id=global_id(kind, *unknown_key))

    assert foreign["data"] == {"node": None}
    assert likened(foreign, foreign_key[0]) == likened(unknown, unknown_key[0])


async def test_lists_filters_cursors_and_counts_show_ones_own_alone(
    client: Client, stranger: Client, hidden: dict[str, Any]
) -> None:
    """With a foreign cursor, too, one walks one's own list."""
    (own,) = await client.create()
    page = await stranger.data("{ tasks(first: 1) { pageInfo { endCursor } } }")
    cursor = page["tasks"]["pageInfo"]["endCursor"]
    document = """
        query($cursor: String!) {
          all: tasks(first: 100) { totalCount nodes { id } }
          after: tasks(first: 100, after: $cursor) { nodes { id } }
          before: tasks(first: 100, before: $cursor) { nodes { id } }
          group: tasks(first: 1, filter: { groupId: ["sandbox:happy"] }) { totalCount }
          ended: tasks(first: 1, filter: { status: [COMPLETED] }) { totalCount nodes { id } }
        }
    """

    data = await client.data(document, cursor=cursor)

    assert data["all"] == {"totalCount": 1, "nodes": [{"id": own}]}
    assert data["after"]["nodes"] + data["before"]["nodes"] == [{"id": own}]
    assert data["group"]["totalCount"] == 1
    assert data["ended"] == {"totalCount": 0, "nodes": []}
    assert hidden["Task"] not in json.dumps(data)


async def test_the_place_in_line_counts_ones_own_tasks_alone(
    client: Client, stranger: Client
) -> None:
    """How much others have waiting cannot be seen."""
    await stranger.create(20, priority=9)
    await client.create(2)

    data = await client.data("{ tasks(first: 2) { nodes { waiting { ahead } } } }")

    assert [node["waiting"]["ahead"] for node in data["tasks"]["nodes"]] == [1, 0]


async def test_mutations_do_not_tell_either(client: Client, hidden: dict[str, Any]) -> None:
    """Nor do they change anything."""
    document = "mutation($id: ID!) { deleteTask(input: {id: $id}) { userErrors { message code } } }"

    foreign = await client.send(document, id=hidden["Task"])
    unknown = await client.send(document, id=global_id("Task", MISSING))

    assert likened(foreign, hidden["number"]) == likened(unknown, MISSING)
