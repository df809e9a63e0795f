"""Each limit, with the attack that it stops.

An attack is refused within a second, while the process's memory stays where it was.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query
from starlette.types import ASGIApp, Message

from graph.limits import Limits, ProcessBucket, Rate
from tests.graph.conftest import Client

#: What an attack may add to the process's memory.
MEGABYTES = 16


@pytest.fixture
def backend() -> str:
    """Stay on SQLite: no attack gets as far as the database."""
    return "sqlite"


def doubling(count: int) -> str:
    """Return fragments of which each spreads the next one twice, under other keys."""
    fragments = [
        f"fragment F{n} on Query {{ ...F{n + 1} ... on Query {{ ...F{n + 1} }} }}"
        for n in range(count)
    ]
    return "{ ...F0 }" + " ".join(fragments) + f" fragment F{count} on Query {{ __typename }}"


def nested_doubling(count: int) -> str:
    """Return fragments that double with a level of fields between them, so none merge."""
    fragments = [
        f"fragment F{n} on Task {{ id a{n}: result {{ endedAt }} ...F{n + 1} "
        f"b{n}: progress {{ ratio }} ...F{n + 1} }}"
        for n in range(count)
    ]
    last = f" fragment F{count} on Task {{ id }}"
    return '{ task(id: "x") { ...F0 } }' + " ".join(fragments) + last


ATTACKS = {
    "deep nesting": "{ " + "viewer { " * 900 + "id" + " }" * 900 + " }",
    "deeper than the parser": "{ " + "a { " * 1_900 + "id" + " }" * 1_900 + " }",
    "nested inline fragments": "{ " + "... { " * 900 + "__typename" + " }" * 900 + " }",
    "nested lists": "{ nodes(ids: " + "[" * 1_500 + "]" * 1_500 + ") { id } }",
    "circular fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "circular fragments through fields": (
        "{ tasks(first: 1) { ...A } } fragment A on TaskConnection { nodes { id ...B } } "
        "fragment B on Task { id ...B }"
    ),
    "doubling fragments": doubling(20),
    "doubling fragments with fields": nested_doubling(20),
    "10,000 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(10_000)) + " }",
    "1,300 aliases": "{ viewer { " + " ".join(f"a{n}: id" for n in range(1_300)) + " } }",
    "1,000 directives": "{ __typename " + "@include(if: true) " * 1_000 + "}",
    "600 directives": "{ __typename " + "@skip(if: false) " * 600 + "}",
    "unknown directives": "{ __typename " + "@a " * 1_900 + "}",
    "field duplication": "{ viewer { " + "email " * 3_900 + "} }",
    "field duplication of objects": "{ " + "viewer { email } " * 990 + "}",
    "field duplication in an unused fragment": (
        "{ __typename } fragment A on User { " + "email " * 3_900 + "}"
    ),
    "duplication over fragments": (
        "{ viewer { "
        + " ".join(f"...F{n}" for n in range(400))
        + " } }"
        + " ".join(f"fragment F{n} on User {{ email }}" for n in range(400))
    ),
    "nested duplication": "{ " + ("tasks(first: 1) { " + "nodes { id id } " * 40 + "} ") * 20 + "}",
    "many operations": " ".join(f"query Q{n} {{ __typename }}" for n in range(600)),
    "many root fields": "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(90)) + " }",
    "list-size multiplication": (
        "{ tasks(first: 100) { nodes { posts(first: 100) { edges { node { id } } nodes { id } } } "
        "} }"
    ),
    "list-size multiplication by aliases": (
        "{ "
        + " ".join(
            f"a{n}: tasks(first: 100) {{ nodes {{ events(first: 50) {{ nodes {{ seq }} }} }} }}"
            for n in range(20)
        )
        + " }"
    ),
    "values": (
        "{ tasks(first: 100) { nodes { posts(first: 90) { nodes { "
        + " ".join(f"a{n}: message" for n in range(90))
        + " } } } } }"
    ),
    "circular introspection": (
        "{ __schema { types { " + "fields { type { " * 6 + "name" + " } }" * 6 + " } } }"
    ),
    "2,000 comments": "#\n" * 2_000 + "{ __typename }",
    "blanks": " " * 150_000 + "{ __typename }",
    "a long name": "{ " + "a" * 90_000 + " }",
    "unknown fields": "{ " + " ".join(f"viewr{n}" for n in range(1_900)) + " }",
    "a long string": '{ node(id: "' + "\\u0041" * 15_000 + '") { id } }',
}
#: Those that are executed, since what they hold merges into a few fields.
HARMLESS = {"a long string", "doubling fragments", "doubling fragments with fields"}


def resident() -> float:
    """Return the process's memory in megabytes."""
    gc.collect()
    text = Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_answered_within_a_second_and_leaves_nothing(
    name: str, client: Client
) -> None:
    """The document is refused (or is harmless), at once, without keeping memory."""
    document = ATTACKS[name]
    await client.send("{ __typename }")
    before, started = resident(), time.perf_counter()

    answer = await client.send(document)

    assert time.perf_counter() - started < 1
    assert resident() - before < MEGABYTES
    assert len(str(answer)) < 20_000
    if name not in HARMLESS:
        assert "data" not in answer
        errors = answer["errors"]
        known = {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
        assert errors[0]["extensions"]["code"] in known


async def test_the_introspection_query_of_the_tools_is_within_the_limits(client: Client) -> None:
    """What every tool sends first passes, with all its options on."""
    document = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    data = await client.data(document)

    assert data["__schema"]["queryType"]["name"] == "Query"


@pytest.mark.parametrize(
    "arguments",
    ["", "(first: 0)", "(first: 101)", "(first: 1, last: 1)", "(last: -1)", "(first: null)"],
)
async def test_a_connection_states_its_size(arguments: str, client: Client) -> None:
    """GitHub's rule: exactly one of first and last, from 1 to 100, else nothing is executed."""
    answer = await client.send(f"{{ viewer {{ id }} tasks{arguments} {{ totalCount }} }}")

    assert "data" not in answer
    (error,) = answer["errors"]
    assert "first or last" in error["message"]
    assert error["locations"]


@pytest.mark.parametrize("size", [None, 0, 101, 10**15])
async def test_a_size_may_be_a_variable(size: int | None, client: Client) -> None:
    """Its value is checked before anything is executed; its default counts."""
    document = "query($n: Int) { tasks(first: $n) { totalCount } }"

    refused = await client.send(document, n=size)
    fine = await client.data(document.replace("Int)", "Int = 5)"))

    assert "data" not in refused
    assert fine["tasks"]["totalCount"] == 0


async def test_the_ceiling_is_counted_with_the_variables(client: Client) -> None:
    """The same document passes with small pages and not with large ones."""
    document = """
        query($a: Int!, $b: Int!) { tasks(first: $a) { nodes { events(first: $b) { nodes { seq }
        edges { cursor } } } } }
    """

    await client.data(document, a=100, b=10)
    refused = await client.send(document, a=100, b=100)

    assert refused["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


class Slow:
    """A body that is sent piece by piece, and remembers how much of it was asked for."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces
        self.asked = 0

    async def __call__(self) -> Message:
        """Give the next 64 KB."""
        self.left -= 1
        self.asked += 1
        return {"type": "http.request", "body": b" " * 65_536, "more_body": self.left > 0}


@pytest.fixture
async def raw(client: Client, app: ASGIApp) -> Callable[..., Any]:
    """Return what sends a raw body and returns the status."""

    async def send(body: Callable[[], Any], *headers: tuple[bytes, bytes]) -> int:
        statuses: list[int] = []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [
                (b"authorization", client.http.headers["authorization"].encode()),
                (b"content-type", b"application/json"),
                *headers,
            ],
        }
        await app(scope, body, answer)
        return statuses[0]

    return send


async def test_a_10_mb_document_is_refused_while_it_is_read(raw: Callable[..., Any]) -> None:
    """Without a declared length after a megabyte, with one before the first byte."""
    before = resident()
    chunked, declared = Slow(160), Slow(160)

    assert await raw(chunked) == 413
    assert await raw(declared, (b"content-length", b"10485760")) == 413

    assert chunked.asked == 17
    assert declared.asked == 0
    assert resident() - before < MEGABYTES


async def test_a_batch_of_a_thousand_is_refused(
    build: Callable[..., ASGIApp], connect: Callable[..., Any]
) -> None:
    """Where batching is on, ten is the most."""
    batching = await connect("ada@example.org", of=build(batching=True))
    started = time.perf_counter()

    answer = await batching.http.post("/graphql", json=[{"query": "{ viewer { id } }"}] * 1_000)

    assert time.perf_counter() - started < 1
    assert answer.status_code == 400
    assert "from 1 to 10" in answer.json()["errors"][0]["message"]


async def test_the_cost_stands_in_the_answer(client: Client) -> None:
    """What was asked for, what is left, and how fast it comes back."""
    small = await client.send("{ viewer { id } }")
    large = await client.send("{ tasks(first: 100) { nodes { id } } }")
    change = await client.send(
        "mutation($i: CreateTasksInput!) { createTasks(input: $i) { userErrors { code } } }",
        i={"tasks": [{"groupId": "a:b", "maxPosts": 1}] * 20},
    )

    assert small["extensions"]["cost"]["requestedQueryCost"] == 2
    assert large["extensions"]["cost"]["requestedQueryCost"] == 102
    assert change["extensions"]["cost"]["requestedQueryCost"] > 200
    assert large["extensions"]["cost"]["throttleStatus"] == {
        "maximumAvailable": 60_000,
        "currentlyAvailable": pytest.approx(60_000 - 104, abs=20),
        "restoreRate": 1_000,
    }


async def test_a_token_that_has_spent_its_points_waits(
    build: Callable[..., ASGIApp], connect: Callable[..., Any]
) -> None:
    """429 with the seconds to wait; another token is not affected, and failing costs as well."""
    app = build(rate=Rate(capacity=25, per_second=1))
    client = await connect("ada@example.org", of=app)
    other = await connect("ada@example.org", of=app)
    await client.data("{ tasks(first: 9) { nodes { id } } }")
    await client.send("{ nothing }")

    refused = await client.http.post(
        "/graphql", json={"query": "{ tasks(first: 9) { nodes { id } } }"}
    )

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert refused.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    await other.data("{ tasks(first: 9) { nodes { id } } }")


async def test_a_bucket_fills_up_again() -> None:
    """At its rate, and to its brim."""
    now = [0.0]
    bucket = ProcessBucket(Rate(capacity=100, per_second=10), clock=lambda: now[0])

    taken = await bucket.take("a", 95)
    refused = await bucket.take("a", 20)
    now[0] = 1.5
    after = await bucket.take("a", 20)
    now[0] = 1000
    full = await bucket.take("a", 1)

    assert (taken.available, taken.seconds_to_wait) == (5, None)
    assert refused.seconds_to_wait == pytest.approx(1.5)
    assert (after.available, after.seconds_to_wait) == (0, None)
    assert full.available == 99


async def test_others_are_served_while_attacks_are_refused(client: Client) -> None:
    """No attack holds the loop for longer than a fraction of a second."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            # The thread's own time: a busy machine must not fail this.
            started = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - started)

    watching = asyncio.create_task(watch())
    for document in ATTACKS.values():
        await client.send(document)
    watching.cancel()

    assert longest < 0.5


@pytest.mark.parametrize(
    ("limits", "document"),
    [
        (Limits(depth=2), "{ tasks(first: 1) { nodes { id } } }"),
        (Limits(aliases=1), "{ a: __typename b: __typename }"),
        (Limits(directives=1), "{ __typename @skip(if: false) @include(if: true) }"),
        (Limits(root_fields=1), "{ __typename viewer { id } }"),
        (Limits(tokens=3), "{ viewer { id } }"),
        (Limits(comments=1), "#\n#\n{ __typename }"),
        (Limits(document_chars=10), "{ viewer { id } }"),
        (Limits(definitions=1), "{ ...A } fragment A on Query { __typename }"),
        (Limits(selections=2), "{ viewer { id email } }"),
        (Limits(repetitions=1), "{ __typename __typename }"),
        (Limits(nodes=1), "{ tasks(first: 1) { nodes { id } } }"),
        (Limits(values=1), "{ viewer { id email } }"),
    ],
)
async def test_each_limit_is_a_setting(
    limits: Limits, document: str, build: Callable[..., ASGIApp], connect: Callable[..., Any]
) -> None:
    """One more than the limit is refused with its name and number; by default it is fine."""
    limited = await connect("ada@example.org", of=build(limits=limits))
    free = await connect("ada@example.org")

    refused = await limited.send(
        document,
    )
    fine = await free.send(document)

    assert refused["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "errors" not in fine


async def test_a_megabyte_of_variables_is_fine(client: Client) -> None:
    """The limits are on documents; what they carry is bounded by the body alone."""
    ids = ["x" * 9_000] * 100

    answer = await client.http.post(
        "/graphql",
        json={
            "query": "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            "variables": {"ids": ids},
        },
    )

    assert isinstance(answer, httpx2.Response)
    assert answer.json()["data"] == {"nodes": [None] * 100}
    assert len(answer.content) < 100_000
