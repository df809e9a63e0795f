"""What can be changed, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.accounts import AccountService
from tasks.principal import ADMIN, SCOPES, TASKS_READ, TASKS_WRITE
from tests.graph.conftest import Client, Worker

CREATE = """
mutation($input: CreateTaskInput!) {
  createTask(input: $input) {
    task { id groupId maxPosts priority groupName status }
    userErrors { field message code }
  }
}
"""
CREATE_MANY = """
mutation($input: CreateTasksInput!) {
  createTasks(input: $input) { tasks { id priority } userErrors { field message code } }
}
"""


def change(name: str, fields: str = "task { id status priority groupName }") -> str:
    """Return a mutation's document."""
    kind = name[0].upper() + name[1:]
    return (
        f"mutation($input: {kind}Input!) "
        f"{{ {name}(input: $input) {{ {fields} userErrors {{ field message code }} }} }}"
    )


async def test_a_task_is_created(client: Client) -> None:
    """The payload holds the task."""
    data = await client.data(
        CREATE, input={"groupId": "sandbox:happy", "maxPosts": 5, "groupName": "N", "priority": 3}
    )

    task = data["createTask"]["task"]
    assert task.pop("id")
    assert task == {
        "groupId": "sandbox:happy",
        "maxPosts": 5,
        "priority": 3,
        "groupName": "N",
        "status": "PENDING",
    }
    assert data["createTask"]["userErrors"] == []


async def test_what_cannot_be_created_is_said_field_by_field(client: Client) -> None:
    """All failing fields at once, by their names in the schema."""
    data = await client.data(CREATE, input={"groupId": " ", "maxPosts": 501, "priority": 0})

    assert data["createTask"] == {
        "task": None,
        "userErrors": [
            {
                "field": ["input", "groupId"],
                "message": "The group id field is required.",
                "code": "VALIDATION_FAILED",
            },
            {
                "field": ["input", "maxPosts"],
                "message": "The max posts field must not be greater than 500.",
                "code": "VALIDATION_FAILED",
            },
        ],
    }


async def test_a_group_that_leads_nowhere_is_said(client: Client) -> None:
    """The catalogue's sentence and code reach the client."""
    data = await client.data(CREATE, input={"groupId": "nowhere", "maxPosts": 1})

    (error,) = data["createTask"]["userErrors"]
    assert (error["field"], error["code"]) == (["input", "groupId"], "TARGET_INVALID")


async def test_repeating_a_creation_with_its_key_creates_nothing(client: Client) -> None:
    """The first answer comes again; another body under the same key is refused."""
    wish = {"groupId": "sandbox:happy", "maxPosts": 5, "idempotencyKey": "k"}
    many = {"tasks": [{"groupId": "sandbox:happy", "maxPosts": 5}] * 2, "idempotencyKey": "m"}

    first = await client.data(CREATE, input=wish)
    again = await client.data(CREATE, input=wish)
    other = await client.data(CREATE, input={**wish, "maxPosts": 6})
    several = await client.data(CREATE_MANY, input=many)
    repeated = await client.data(CREATE_MANY, input=many)

    assert again == first
    assert other["createTask"]["userErrors"][0]["field"] == ["input", "idempotencyKey"]
    assert repeated == several
    total = await client.data("{ tasks(first: 1) { totalCount } }")
    assert total["tasks"]["totalCount"] == 3


async def test_a_hundred_tasks_are_created_together_or_not_at_all(client: Client) -> None:
    """In the order given; one bad wish refuses them all and names its place."""
    good = [{"groupId": "sandbox:happy", "maxPosts": 5, "priority": n} for n in range(100)]
    bad = [*good[:98], {"groupId": "nowhere", "maxPosts": 5}, good[0]]
    worse = [*good[:99], {"groupId": "sandbox:x", "maxPosts": 0}]

    refused = await client.data(CREATE_MANY, input={"tasks": bad})
    invalid = await client.data(CREATE_MANY, input={"tasks": worse})
    too_many = await client.data(CREATE_MANY, input={"tasks": [*good, good[0]]})
    none = await client.data(CREATE_MANY, input={"tasks": []})
    empty = await client.data("{ tasks(first: 1) { totalCount } }")
    created = await client.data(CREATE_MANY, input={"tasks": good})

    assert refused["createTasks"]["userErrors"][0]["field"] == ["input", "tasks", "98", "groupId"]
    assert invalid["createTasks"]["userErrors"][0]["field"] == ["input", "tasks", "99", "maxPosts"]
    assert too_many["createTasks"]["tasks"] is None
    assert none["createTasks"]["tasks"] is None
    assert empty["tasks"]["totalCount"] == 0
    assert [task["priority"] for task in created["createTasks"]["tasks"]] == list(range(100))


async def test_a_pending_task_is_updated_in_what_was_given(client: Client) -> None:
    """Absent fields stay, null removes."""
    (task_id,) = await client.create(groupName="Name")

    changed = await client.data(change("updateTask"), input={"id": task_id, "priority": 7})
    cleared = await client.data(change("updateTask"), input={"id": task_id, "groupName": None})

    assert changed["updateTask"]["task"]["groupName"] == "Name"
    assert changed["updateTask"]["task"]["priority"] == 7
    assert cleared["updateTask"]["task"]["groupName"] is None
    assert cleared["updateTask"]["task"]["priority"] == 7


async def test_a_task_is_cancelled_reset_and_deleted(client: Client, worker: Worker) -> None:
    """Each change answers the task as it is after it."""
    (task_id,) = await client.create()
    wish = {"id": task_id}

    cancelled = await client.data(change("cancelTask"), input=wish)
    reset = await client.data(change("resetTask"), input=wish)
    await worker.complete()
    resumed = await client.data(change("resetTask"), input={**wish, "resume": True})
    deleted = await client.data(change("deleteTask", "deletedTaskId"), input=wish)
    gone = await client.send("query($id: ID!) { task(id: $id) { id } }", id=task_id)

    assert cancelled["cancelTask"]["task"]["status"] == "FAILED"
    assert reset["resetTask"]["task"]["status"] == "PENDING"
    assert resumed["resetTask"]["task"]["status"] == "PENDING"
    assert deleted["deleteTask"] == {"deletedTaskId": task_id, "userErrors": []}
    assert gone["data"] == {"task": None}
    assert gone["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("name", ["updateTask", "cancelTask", "resetTask", "deleteTask"])
async def test_what_is_refused_stands_in_user_errors(
    name: str, client: Client, stranger: Client
) -> None:
    """An unknown id, a foreign one and a malformed one; the first two look alike."""
    (foreign,) = await stranger.create()
    fields = "deletedTaskId" if name == "deleteTask" else "task { id }"
    document = change(name, fields)
    more = {"priority": 1} if name == "updateTask" else {}

    unknown = await client.data(document, input={"id": "VGFzazo5OTk=", **more})
    hidden = await client.data(document, input={"id": foreign, **more})
    malformed = await client.data(document, input={"id": "nonsense", **more})

    (said,) = unknown[name]["userErrors"]
    (same,) = hidden[name]["userErrors"]
    assert said["code"] == same["code"] == "NOT_FOUND"
    assert said["message"] == "There is no task 999."
    assert same["message"].startswith("There is no task ")
    assert malformed[name]["userErrors"][0]["code"] == "VALIDATION_FAILED"


async def test_a_transition_that_is_not_allowed_is_a_conflict(client: Client) -> None:
    """The sentence says what the task is and what it must be."""
    (task_id,) = await client.create()

    data = await client.data(change("resetTask"), input={"id": task_id})

    (error,) = data["resetTask"]["userErrors"]
    assert error["code"] == "CONFLICT"
    assert "must be completed or failed" in error["message"]


async def test_changing_takes_the_scope(connect: Callable[..., Any]) -> None:
    """A token that may only read is told so, and the payload is null."""
    reader = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await reader.send(CREATE, input={"groupId": "a:b", "maxPosts": 1})

    assert answer["data"] == {"createTask": None}
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


TOKEN = """
mutation($input: CreateTokenInput!) {
  createToken(input: $input) {
    secret token { id name scopes expiresAt } userErrors { field message code }
  }
}
"""


async def test_tokens_are_created_and_revoked_with_the_admin_scope(
    connect: Callable[..., Any], accounts: AccountService
) -> None:
    """The secret is shown once, and works until it is revoked."""
    admin = await connect("ada@example.org")
    wish = {"name": "ci", "scopes": ["TASKS_READ"], "expiresAt": "2100-01-01T00:00:00+02:00"}

    created = (await admin.data(TOKEN, input=wish))["createToken"]
    holder = await accounts.authenticate(created["secret"])
    revoked = await admin.data(
        change("revokeToken", "token { revokedAt }"), input={"id": created["token"]["id"]}
    )

    assert holder.scopes == {TASKS_READ}
    assert created["token"]["expiresAt"] == "2099-12-31T22:00:00Z"
    assert revoked["revokeToken"]["token"]["revokedAt"]


async def test_tokens_take_the_right_to_manage_them(
    connect: Callable[..., Any], client: Client, stranger: Client
) -> None:
    """Neither a token without the scope, nor for another user's, nor beyond one's own rights."""
    limited = await connect("ada@example.org", scopes=[TASKS_READ, ADMIN])
    mine = (await limited.data("{ viewer { tokens { id } } }"))["viewer"]["tokens"][0]["id"]

    refused = await client.send(TOKEN, input={"name": "x", "scopes": ["TASKS_READ"]})
    beyond = await limited.data(TOKEN, input={"name": "x", "scopes": ["TASKS_WRITE"]})
    foreign = await stranger.data(change("revokeToken", "token { id }"), input={"id": mine})
    nameless = await limited.data(TOKEN, input={"name": " ", "scopes": []})

    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "you do not have" in beyond["createToken"]["userErrors"][0]["message"]
    assert TASKS_WRITE in beyond["createToken"]["userErrors"][0]["message"]
    assert foreign["revokeToken"]["userErrors"][0]["code"] == "NOT_FOUND"
    assert {tuple(e["field"]) for e in nameless["createToken"]["userErrors"]} == {
        ("input", "name"),
        ("input", "scopes"),
    }
    assert set(SCOPES) > {TASKS_READ}
