"""Planned subscriptions give what graphql-core makes of the same documents."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import OperationDefinitionNode, parse

from graph.execution import Answer, Caller, Execution, Request
from graph.planner import Planned
from graph.results import Results
from graph.schema import build_schema
from graph.types.node import global_id, read_key
from tasks.database.sqlite import SqliteDatabase
from tests.graph.world import World, open_world

#: Longer than anything here takes, on a machine that is busy.
DEADLINE_SECONDS: Final = 20.0

SCHEMA: Final = build_schema()
TASK: Final = (
    "id databaseId groupId groupName status priority maxPosts createdAt notBefore stopReason "
    "revision scheduleId error { code message } progress { ratio } result { complete receipt "
    "{ collected skipped { reason count } } }"
)
UPDATE: Final = "__typename taskId seq type at task"
OF_TASKS: Final = [
    f"subscription($id: ID!) {{ taskUpdated(id: $id) {{ {UPDATE} {{ {TASK} }} }} }}",
    "subscription($id: ID!) { u: taskUpdated(id: $id) { seq task { priority status } seq } }",
    (
        "subscription S($id: ID!, $t: Boolean = true) { taskUpdated(id: $id, since: null) "
        "{ ...U task @include(if: $t) { status } } } fragment U on TaskUpdate { seq at }"
    ),
    "subscription($id: ID!) { taskPosts(id: $id) { position reset posts { id message likes } } }",
    (
        'subscription($id: ID!, $x: Boolean = false) { p: taskPosts(id: $id, after: "9-1") '
        "{ reset posts { author @skip(if: $x) url createdTime } position } }"
    ),
]
WANTED: Final = "filter: { status: [COMPLETED, PENDING] }"
OF_OWNERS: Final = [
    "subscription { tasksUpdated { position reset update { seq taskId task { id status } } } }",
    f"subscription {{ tasksUpdated({WANTED}) {{ update {{ seq task {{ status }} }} }} }}",
]
PLANNED: Final = [*OF_TASKS, *OF_OWNERS]
ORDINARY: Final = [
    "subscription($id: ID!) { taskUpdated(id: $id) { task { posts(first: 2) { nodes { id } } } } }",
    "subscription($id: ID!) { taskUpdated(id: $id) { seq task { waiting { reason } } } }",
    "subscription($id: ID!) { taskUpdated(id: $id) @skip(if: true) { seq } }",
]


@pytest.fixture
async def world(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[World]:
    """Return a world of odd tasks."""
    path = tmp_path / "world.db"
    shutil.copy(sqlite_template, path)
    world = await open_world(SqliteDatabase(path), SCHEMA, 7)
    yield world
    await world.database.close()


def planned(query: str, variables: Mapping[str, Any]) -> bool:
    """Say whether there is a plan for a subscription."""
    tree = parse(query)
    operation = tree.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Planned(SCHEMA, tree, operation).watching(variables) is not None


async def begin(execution: Execution, request: Request, caller: Caller) -> Results | bytes:
    """Begin a subscription, or return its refusal."""
    begun = await execution.subscribe(request, caller)
    if isinstance(begun, Answer):
        begun.body.get("extensions", {}).clear()  # The bucket has paid once more.
        return begun.json()
    return begun


async def first(execution: Execution, request: Request, caller: Caller, count: int) -> list[bytes]:
    """Return the first of what a subscription gives, or its refusal."""
    begun = await begin(execution, request, caller)
    if isinstance(begun, bytes):
        return [begun]
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return [await anext(begun) for _ in range(count)]
    finally:
        await begun.aclose()


async def whole(
    world: World, execution: Execution, request: Request, caller: Caller
) -> list[bytes]:
    """Return all that a subscription to a task gives until that is deleted, or its refusal."""
    begun = await begin(execution, request, caller)
    if isinstance(begun, bytes):
        return [begun]
    await world.end(read_key(request.variables["id"], "Task"))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return [item async for item in begun]
    finally:
        await begun.aclose()


@pytest.mark.parametrize("query", PLANNED)
def test_plain_subscriptions_are_planned(query: str) -> None:
    """Those that clients send."""
    assert planned(query, {"id": "VGFzazox"})


@pytest.mark.parametrize("query", ORDINARY)
def test_what_is_not_plain_is_not_planned(query: str) -> None:
    """It takes the ordinary path."""
    assert not planned(query, {"id": "VGFzazox"})


@pytest.mark.parametrize("query", [*OF_TASKS, *ORDINARY])
async def test_subscriptions_to_a_task_give_the_same(world: World, query: str) -> None:
    """All items up to the last, refusals and ill-typed variables, whoever asks."""
    given: list[Any] = [global_id("Task", number) for number in range(1, 27)]
    given += [global_id("Task", 10**6), global_id("Post", 1), "nonsense", 5, None, [], True]
    given_without_errors = 0
    for caller in world.callers[5:]:
        for task_id in given:
            request = Request(query=query, variables={"id": task_id})
            ours = await whole(world, world.planned, request, caller)
            assert ours == await whole(world, world.ordinary, request, caller)
            given_without_errors += sum(b'"errors"' not in item for item in ours)

    assert given_without_errors or "@skip(if: true)" in query


@pytest.mark.parametrize(("query", "wanted"), list(zip(OF_OWNERS, ("", WANTED), strict=True)))
async def test_streams_of_all_tasks_give_the_same(world: World, query: str, wanted: str) -> None:
    """The reset and each task that is wanted, or the refusal."""
    matching = f"{{ tasks(first: 100, {wanted}) {{ nodes {{ id }} }} }}"
    request = Request(query=query)
    for number, caller in enumerate(world.callers):
        answer = await world.ask(number, matching, {})
        count = 1 + answer.theirs.json().count(b'"id"')
        ours = await first(world.planned, request, caller, count)
        assert ours == await first(world.ordinary, request, caller, count)


async def test_an_item_that_cannot_be_encoded_comes_from_the_ordinary_path(world: World) -> None:
    """With the errors of its fields in their places."""
    query = PLANNED[0]
    failed = 0
    for number in range(1, 27):
        request = Request(query=query, variables={"id": global_id("Task", number)})
        (item,) = await first(world.planned, request, world.callers[0], 1)
        failed += b'"errors"' in item

    assert failed
