"""What plans cover, what they read, and when the ordinary path answers."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import graphql
import pytest
from graphql import is_leaf_type

from graph.context import Services
from graph.execution import Answer, Caller, Execution, Request
from graph.limits import Limits, ProcessBucket, Rate
from graph.planner import table
from graph.planner.plan import VARIANTS
from graph.schema import build_schema
from tasks import models
from tasks.principal import Principal
from tests.conftest import principal_of
from tests.graph.conftest import Client, CountingDatabase, Worker
from tests.tasks.test_service import Sample

SCHEMA = build_schema()
CORE: Any = graphql
BELOW = {
    "progress": "progress { collected requested ratio }",
    "result": "result { complete receipt { pages skipped { reason } } }",
    "error": "error { code message }",
    "waiting": "waiting { reason }",
    "posts": "posts(first: 1) { totalCount nodes { id } }",
    "events": "events(last: 1) { nodes { snapshot { status } } }",
    "snapshot": "snapshot { status }",
}
#: For the pages: read by several statements of their own, or shaped by an argument.
ORDINARY = {"statistics", "excerpt"}


@pytest.fixture
async def who(client: Client) -> Principal:
    """Return the client's user."""
    return principal_of(client.user)


@pytest.fixture
def execution(services: Services) -> Execution:
    """Return what executes with plans."""
    bucket = ProcessBucket(Rate())
    return Execution(SCHEMA, services, limits=Limits(), bucket=bucket)


async def ask(
    execution: Execution, who: Principal, query: str, variables: Mapping[str, Any] | None = None
) -> Answer:
    """Execute."""
    return await execution.answer(Request(query=query, variables=variables or {}), Caller(who))


def every_field(kind: str) -> str:
    """Select all fields of a type."""
    written: list[str] = []
    fields: Any = SCHEMA.core.type_map[kind]
    for name, definition in fields.fields.items():
        if name in ORDINARY:
            continue
        leaf = is_leaf_type(CORE.get_named_type(definition.type))
        written.append(name if leaf else BELOW[name])
    return " ".join(written)


async def test_every_field_of_tasks_posts_and_events_is_planned(
    execution: Execution, who: Principal, client: Client, worker: Worker
) -> None:
    """A field that was added to the schema and to no table is found here."""
    await client.create()
    await worker.complete([Sample(id="a")])
    query = (
        f"{{ tasks(first: 1) {{ nodes {{ {every_field('Task')} "
        f"p: posts(first: 1) {{ nodes {{ {every_field('Post')} }} }} "
        f"e: events(first: 9) {{ nodes {{ {every_field('TaskEvent')} }} }} }} }} }}"
    )

    answer = await ask(execution, who, query)

    assert answer.encoded is not None
    assert b'"errors"' not in answer.encoded


def test_every_line_of_the_tables_is_a_field_of_the_schema() -> None:
    """A field that was removed leaves no line behind."""
    kinds: Any = SCHEMA.core.type_map
    for kind, lines in (
        ("Task", table.TASK),
        ("TaskProgress", table.PROGRESS),
        ("TaskError", table.ERROR),
        ("Post", table.POST),
        ("TaskEvent", table.EVENT),
    ):
        assert set(lines) <= set(kinds[kind].fields)


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { email scopes tokens { name } } }",
        "{ platforms { name state closedSince } }",
        "{ a: tasks(first: 1) { totalCount } b: tasks(last: 1) { pageInfo { endCursor } } }",
        '{ node(id: "VGFzazox") { id ... on Task { status ...F } } } fragment F on Node { id }',
        "query($a: Boolean!) { tasks(first: 1) { nodes { id @skip(if: $a) } } }",
        "query($n: Int = 3) { tasks(first: $n) { __typename } }",
        "{ task(databaseId: 7) { id } }",
    ],
)
async def test_what_clients_send_is_planned(
    query: str, execution: Execution, who: Principal, client: Client
) -> None:
    """Root fields, aliases, fragments, conditions, defaults, and one thing that is not there."""
    await client.create()

    answer = await ask(execution, who, query, {"a": False})

    assert answer.encoded is not None


@pytest.mark.parametrize(
    "query",
    [
        '{ nodes(ids: ["VGFzazox"]) { id } }',
        "{ schedules(first: 1) { nodes { id } } }",
        "{ a: task(databaseId: 7) { id } b: task(databaseId: 8) { id } }",
        '{ node(id: "VXNlcjox") { id } }',
        "{ __schema { queryType { name } } }",
    ],
)
async def test_the_rest_takes_the_ordinary_path(
    query: str, execution: Execution, who: Principal
) -> None:
    """Other fields and types, introspection, and more than one error."""
    answer = await ask(execution, who, query)

    assert answer.encoded is None
    assert answer.executed


async def test_a_plan_sends_a_statement_for_each_thing_on_a_page(
    execution: Execution, who: Principal, client: Client, counting: CountingDatabase
) -> None:
    """The page, its posts, its events, its total; however many tasks there are."""
    await client.create(20)
    query = (
        "{ tasks(first: 20) { totalCount nodes { id "
        "posts(first: 1) { nodes { id } } events(first: 1) { nodes { seq } } } } }"
    )

    before = counting.statements
    answer = await ask(execution, who, query)

    assert answer.encoded is not None
    assert counting.statements - before == 4


async def test_an_operation_has_so_many_plans_at_most(execution: Execution, who: Principal) -> None:
    """A document with many conditions cannot fill the memory."""
    names = [f"b{index}" for index in range(5)]
    declared = " ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"x{name}: id @include(if: ${name})" for name in names)
    query = f"query({declared}) {{ tasks(first: 1) {{ nodes {{ __typename {fields} }} }} }}"

    planned = 0
    for number in range(2**5):
        variables = {name: bool(number >> index & 1) for index, name in enumerate(names)}
        answer = await ask(execution, who, query, variables)
        assert answer.executed
        planned += answer.encoded is not None

    assert planned == VARIANTS


async def test_a_value_that_its_type_does_not_allow_is_told_in_the_log(
    services: Services, who: Principal, execution: Execution, caplog: pytest.LogCaptureFixture
) -> None:
    """The ordinary path answers, and nobody has to wonder why it was slow."""

    class Odd:
        def platforms(self) -> list[Any]:
            return [object()]

    object.__setattr__(services, "platforms", Odd())

    with caplog.at_level(logging.WARNING):
        answer = await ask(execution, who, "{ platforms { name } }")

    assert answer.encoded is None
    assert "a planned operation takes the ordinary path" in caplog.text


async def test_a_payload_without_plans_is_the_same(
    services: Services, who: Principal, execution: Execution
) -> None:
    """Mutations are executed by graphql-core, which plain objects only spare some steps."""
    query = (
        'mutation { createTask(input: { groupId: "x", maxPosts: 0 }) '
        "{ task { id waiting { reason } } userErrors { field message code } } }"
    )
    slow = Execution(SCHEMA, services, limits=Limits(), bucket=ProcessBucket(Rate()), plans=False)

    ours, theirs = await ask(execution, who, query), await ask(slow, who, query)

    assert ours.body["data"] == theirs.body["data"]
    assert ours.body["data"]["createTask"]["userErrors"]


def test_the_tables_name_columns_that_exist() -> None:
    """Each `@name@` is a column of its table."""
    columns = {"TASK": models.Task, "POST": models.Post, "EVENT": models.TaskEvent}
    source = Path(table.__file__).read_text(encoding="utf-8")
    assert "@id@" in source
    for name, model in columns.items():
        lines: Mapping[str, str] = getattr(table, name)
        for line in lines.values():
            assert set(line.split("@")[1::2]) <= set(model.columns())
