"""Planned mutations change and answer what graphql-core makes of the same documents."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from graph.execution import Caller, Request
from graph.schema import build_schema
from tasks.database.sqlite import SqliteDatabase
from tests.graph.world import World, open_world

SCHEMA: Final = build_schema()
#: Times of the database's clock, and ids of incidents.
_CHANGING: Final = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z|[0-9a-f]{32}|slc_[\w-]+")
TASK: Final = "task { id databaseId groupId groupName status priority maxPosts createdAt revision }"
ERRORS: Final = "userErrors { field message code }"
CREATE: Final = (
    "mutation($input: CreateTaskInput!, $t: Boolean! = true) { createTask(input: $input) "
    f"{{ __typename ... @include(if: $t) {{ {TASK} }} {ERRORS} }} }}"
)
MUTATIONS: Final[list[tuple[str, dict[str, Any]]]] = [
    (CREATE, {"input": {"groupId": "sandbox:ü", "maxPosts": 3}}),
    (CREATE, {"input": {"groupId": "sandbox:x", "maxPosts": 3, "priority": None}}),
    (CREATE, {"input": {"groupId": "sandbox:x", "maxPosts": 3, "groupName": "𝄞"}, "t": False}),
    (CREATE, {"input": {"groupId": "nowhere", "maxPosts": 0}}),
    (CREATE, {"input": {"groupId": "s:x", "maxPosts": 1, "idempotencyKey": "a"}}),
    (CREATE, {"input": {"groupId": "s:x", "maxPosts": 1, "idempotencyKey": "a"}}),
    (CREATE, {"input": {"groupId": "s:y", "maxPosts": 1, "idempotencyKey": "a"}}),
    (CREATE, {"input": {"maxPosts": 3}}),
    (CREATE, {}),
    (
        (
            "mutation($g: String!, $p: Int) { a: createTask(input: { groupId: $g, maxPosts: 2, "
            f"priority: $p }}) {{ {TASK} }} b: createTask(input: {{ groupId: $g, maxPosts: 0 }}) "
            f"{{ {TASK} {ERRORS} }} }}"
        ),
        {"g": "sandbox:two"},
    ),
    (
        (
            'mutation { createTasks(input: { tasks: [{ groupId: "s:1", maxPosts: 1 }, '
            '{ groupId: "s:2", maxPosts: 2, priority: 9 }] }) '
            "{ tasks { id priority progress { ratio } result { complete } } } }"
        ),
        {},
    ),
    (
        (
            "mutation($id: ID!, $name: String) { updateTask(input: { id: $id, groupName: $name }) "
            f"{{ {TASK} {ERRORS} }} }}"
        ),
        {"id": "VGFzazoyNw=="},
    ),
    (
        (
            "mutation($id: ID!, $name: String) { updateTask(input: { id: $id, groupName: $name }) "
            f"{{ {TASK} {ERRORS} }} }}"
        ),
        {"id": "VGFzazoyNw==", "name": None},
    ),
    (f'mutation {{ cancelTask(input: {{ id: "VGFzazoyNw==" }}) {{ {TASK} {ERRORS} }} }}', {}),
    (f'mutation {{ resetTask(input: {{ id: "VGFzazoyNw==" }}) {{ {TASK} {ERRORS} }} }}', {}),
    (
        (
            'mutation { deleteTask(input: { id: "VGFzazoyNw==" }) '
            f"{{ deletedTaskId {ERRORS} }} "
            f'x: deleteTask(input: {{ id: "nonsense" }}) {{ {ERRORS} }} }}'
        ),
        {},
    ),
    (
        (
            'mutation { createToken(input: { name: "n", scopes: [TASKS_READ] }) '
            f"{{ token {{ name scopes expiresAt }} secret {ERRORS} }} }}"
        ),
        {},
    ),
    (
        (
            'mutation { createTask(input: { groupId: "s:1", maxPosts: 1 }) '
            "{ task { waiting { reason } } } }"
        ),
        {},
    ),
]


@pytest.fixture
async def worlds(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[tuple[World, World]]:
    """Return the same world twice."""
    opened: list[World] = []
    for name in ("ours", "theirs"):
        path = tmp_path / f"{name}.db"
        shutil.copy(sqlite_template, path)
        opened.append(await open_world(SqliteDatabase(path), SCHEMA, 5))
    yield opened[0], opened[1]
    for world in opened:
        await world.database.close()


async def test_mutations_are_answered_and_made_alike(worlds: tuple[World, World]) -> None:
    """Payloads, refusals, errors of a missing scope, and what stands in the database after all."""
    ours, theirs = worlds
    everything = "{ tasks(first: 100) { nodes { id groupId groupName status priority revision } } }"
    planned = 0

    for number in (0, 7, 8):
        for query, variables in [*MUTATIONS, (everything, {})]:
            request = Request(query=query, variables=variables)
            answer = await ours.planned.answer(request, Caller(ours.callers[number].principal))
            other = await theirs.ordinary.answer(request, Caller(theirs.callers[number].principal))
            assert _CHANGING.sub(b"-", answer.json()) == _CHANGING.sub(b"-", other.json())
            assert (answer.executed, answer.status) == (other.executed, other.status)
            planned += answer.encoded is not None and query.startswith("mutation")

    assert planned > 2 * len(MUTATIONS)
