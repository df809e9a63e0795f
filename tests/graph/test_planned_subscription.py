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
from graph.types.node import global_id
from tasks.database.sqlite import SqliteDatabase
from tests.graph.world import World, open_world

SCHEMA: Final = build_schema()
TASK: Final = (
    "id databaseId groupId groupName status priority maxPosts createdAt notBefore stopReason "
    "revision scheduleId error { code message } progress { ratio } result { complete receipt "
    "{ collected skipped { reason count } } }"
)
UPDATE: Final = "__typename taskId seq type at task"
PLANNED: Final = [
    f"subscription($id: ID!) {{ taskUpdated(id: $id) {{ {UPDATE} {{ {TASK} }} }} }}",
    "subscription($id: ID!) { u: taskUpdated(id: $id) { seq task { priority status } seq } }",
    (
        "subscription S($id: ID!, $t: Boolean = true) { taskUpdated(id: $id, since: null) "
        "{ ...U task @include(if: $t) { status } } } fragment U on TaskUpdate { seq at }"
    ),
    "subscription { tasksUpdated { position reset update { seq taskId task { id status } } } }",
    (
        "subscription { tasksUpdated(filter: { status: [COMPLETED, PENDING] }) "
        "{ update { seq task { status } } } }"
    ),
    "subscription($id: ID!) { taskPosts(id: $id) { position reset posts { id message likes } } }",
]
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


async def first(
    execution: Execution, request: Request, caller: Caller, *, within: float = 20
) -> bytes:
    """Return what a subscription gives first: an item, the refusal, or nothing.

    Raises:
        TimeoutError: It gives nothing yet, as one to the posts of a task that has none.
    """
    begun = await execution.subscribe(request, caller)
    if isinstance(begun, Answer):
        begun.body.get("extensions", {}).clear()  # The bucket has paid once more.
        return begun.json()
    assert isinstance(begun, Results)
    try:
        async with asyncio.timeout(within):
            return await anext(begun, b"")
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


# Posts are left out: most of these tasks have none yet, and their streams wait.
@pytest.mark.parametrize("query", [*PLANNED[:-1], *ORDINARY])
async def test_subscriptions_give_the_same(world: World, query: str) -> None:
    """Tasks, refusals and ill-typed variables, whoever asks."""
    given: list[Any] = [global_id("Task", number) for number in range(1, 27)]
    given += [global_id("Task", 10**6), global_id("Post", 1), "nonsense", 5, None, [], True]
    for caller in world.callers[5:]:
        for task_id in given:
            request = Request(query=query, variables={"id": task_id})
            try:
                theirs = await first(world.ordinary, request, caller, within=0.05)
            except TimeoutError:
                continue
            assert theirs == await first(world.planned, request, caller)


async def test_an_item_that_cannot_be_encoded_comes_from_the_ordinary_path(world: World) -> None:
    """With the errors of its fields in their places."""
    query = PLANNED[0]
    failed = 0
    for number in range(1, 27):
        request = Request(query=query, variables={"id": global_id("Task", number)})
        failed += b'"errors"' in await first(world.planned, request, world.callers[0])

    assert failed
