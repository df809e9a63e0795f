"""GraphQL over HTTP, as its specification says."""

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from tests.graph.conftest import Client

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
QUERY = "{ viewer { email } }"


@pytest.fixture
def backend() -> str:
    """Stay on SQLite: the transport does not see the database."""
    return "sqlite"


async def post(client: Client, body: Any, **headers: str) -> httpx2.Response:
    """Post a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.http.post("/graphql", json=body, headers=named)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", GRAPHQL),
        ("", GRAPHQL),
        ("application/*", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON};q=0.5, {GRAPHQL};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"{GRAPHQL}, text/event-stream, multipart/mixed", GRAPHQL),
        (f"{JSON};charset=utf-8", JSON),
    ],
)
async def test_the_answer_comes_in_the_type_that_is_preferred(
    accept: str, kind: str, client: Client
) -> None:
    """The newer media type, unless the client likes the older one better."""
    answer = await post(client, {"query": QUERY}, accept=accept)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.json()["data"] == {"viewer": {"email": "ada@example.org"}}
    assert answer.headers["cache-control"] == "no-store"


async def test_an_answer_that_nobody_wants_is_not_made(client: Client) -> None:
    """406 names what there is."""
    answer = await post(client, {"query": QUERY}, accept="image/png")

    assert answer.status_code == 406
    assert GRAPHQL in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ viewer }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ viewer { } }"}, "GRAPHQL_PARSE_FAILED"),
        (
            {
                "query": "query($a: Int!) { tasks(first: $a) { totalCount } }",
                "variables": {"a": "x"},
            },
            "BAD_USER_INPUT",
        ),
        (
            {"query": "query A { viewer { email } } query B { viewer { id } }"},
            "OPERATION_RESOLUTION_FAILURE",
        ),
        ({"query": QUERY, "operationName": "Nope"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment A on User { email }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ tasks { totalCount } }"}, "LIMIT_EXCEEDED"),
    ],
)
async def test_a_request_that_is_not_executed_fails_by_the_media_types_rules(
    body: dict[str, Any], code: str, client: Client
) -> None:
    """400 and no data in the newer type, 200 in the older one."""
    newer = await post(client, body, accept=GRAPHQL)
    older = await post(client, body, accept=JSON)

    assert (newer.status_code, older.status_code) == (400, 200)
    assert {answer.json()["errors"][0]["extensions"]["code"] for answer in (newer, older)} == {code}
    assert "data" not in newer.json()


async def test_a_field_that_fails_leaves_the_status_alone(client: Client) -> None:
    """What was executed is 200, also when a field failed."""
    answer = await post(client, {"query": '{ node(id: "x") { id } }'})

    assert answer.status_code == 200
    assert answer.json()["data"] == {"node": None}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b'{"query": 1}',
        b'{"query": "{ viewer { id } }", "variables": []}',
        b'{"query": "{ viewer { id } }", "extensions": 1}',
        b'{"query": "{ viewer { id } }", "operationName": {}}',
        b'{"query": NaN}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"query": "{ viewer { id } }", "extensions": {"persistedQuery": 1}}',
    ],
)
async def test_a_body_that_is_no_request_is_400_in_both_types(body: bytes, client: Client) -> None:
    """Whatever is sent, the answer is a sentence."""
    for accept in (GRAPHQL, JSON):
        answer = await client.http.post(
            "/graphql", content=body, headers={"content-type": JSON, "accept": accept}
        )

        expected = {400} if b"viewer" not in body or accept == GRAPHQL else {200, 400}
        assert answer.status_code in expected, answer.text
        assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON;charset="UTF-8"', 200),
        ("application/json; charset=utf-16", 415),
        ("application/graphql", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
async def test_only_json_is_taken_so_that_no_form_gets_in(
    kind: str, status: int, client: Client
) -> None:
    """What a cross-site form can send is refused."""
    body = json.dumps({"query": QUERY}).encode()

    answer = await client.http.post("/graphql", content=body, headers={"content-type": kind})

    assert answer.status_code == status


async def test_a_compressed_body_is_refused(client: Client) -> None:
    """415, and not a decompression bomb."""
    body = gzip.compress(json.dumps({"query": QUERY}).encode())

    answer = await client.http.post(
        "/graphql", content=body, headers={"content-type": JSON, "content-encoding": "gzip"}
    )

    assert answer.status_code == 415


async def test_get_carries_queries_alone(client: Client) -> None:
    """A query is answered, a mutation is 405 and not executed."""
    variables = json.dumps({"id": "VGFzazox"})
    query = await client.http.get(
        "/graphql",
        params={
            "query": "query A($id: ID!) { node(id: $id) { id } } query B { viewer { id } }",
            "operationName": "A",
            "variables": variables,
        },
    )
    mutation = await client.http.get(
        "/graphql",
        params={"query": 'mutation { deleteTask(input: {id: "VGFzazox"}) { deletedTaskId } }'},
    )

    assert query.json()["data"] == {"node": None}
    assert mutation.status_code == 405
    assert mutation.headers["allow"] == "POST"


@pytest.mark.parametrize("params", [{}, {"query": ""}, {"query": QUERY, "variables": "{"}])
async def test_a_get_without_a_request_is_400(params: dict[str, str], client: Client) -> None:
    """The answer says what is missing."""
    answer = await client.http.get("/graphql", params=params)

    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_405(method: str, client: Client) -> None:
    """With the ones that there are."""
    answer = await client.http.request(method, "/graphql")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Bearer slc_wrong"}, {"authorization": "x"}]
)
async def test_nothing_is_told_without_a_valid_token(header: dict[str, str], app: ASGIApp) -> None:
    """401 before anything else matters."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://example.com"
    ) as anonymous:
        answers = [
            await anonymous.post("/graphql", json={"query": "{ __typename }"}, headers=header),
            await anonymous.post("/graphql", content=b"{", headers=header),
            await anonymous.get(
                "/graphql", params={"query": "{ __schema { types { name } } }"}, headers=header
            ),
        ]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def persisted(query: str) -> dict[str, Any]:
    """Return the extension that names a query by its hash."""
    digest = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


async def test_a_persisted_query_is_sent_once(client: Client) -> None:
    """The hash alone, then with the query, then alone again; also by GET."""
    unknown = await post(client, {"extensions": persisted(QUERY)})
    sent = await post(client, {"query": QUERY, "extensions": persisted(QUERY)})
    known = await post(client, {"extensions": persisted(QUERY)})
    by_get = await client.http.get("/graphql", params={"extensions": json.dumps(persisted(QUERY))})

    assert unknown.status_code == 200
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert sent.json()["data"] == known.json()["data"] == by_get.json()["data"]


async def test_a_wrong_hash_beside_a_query_is_refused(client: Client) -> None:
    """It is not ignored, and nothing is remembered under it."""
    wrong = persisted("{ viewer { id } }")

    answer = await post(client, {"query": QUERY, "extensions": wrong})
    after = await post(client, {"extensions": wrong})

    assert answer.status_code == 400
    assert after.json()["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_an_invalid_document_is_not_remembered(client: Client) -> None:
    """A hash is worth keeping only for what can be executed."""
    await post(client, {"query": "{ nothing }", "extensions": persisted("{ nothing }")})

    after = await post(client, {"extensions": persisted("{ nothing }")})

    assert after.json()["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_batches_are_off_by_default(client: Client) -> None:
    """A list is refused in words."""
    answer = await post(client, [{"query": QUERY}])

    assert answer.status_code == 400
    assert "Batches are not allowed" in answer.json()["errors"][0]["message"]


@pytest.fixture
async def batching(build: Callable[..., ASGIApp], connect: Callable[..., Any]) -> Client:
    """Return a client where batching is on."""
    return await connect("ada@example.org", of=build(batching=True))


async def test_a_batch_is_answered_in_order_up_to_its_cap(batching: Client) -> None:
    """Each request has its own answer; an empty batch, a long one and a nested one have none."""
    answers = await post(batching, [{"query": QUERY}, {"query": "{"}, {"query": "{ __typename }"}])
    most = await post(batching, [{"query": QUERY}] * 10)

    assert answers.status_code == 200
    assert [min(each) for each in answers.json()] == ["data", "errors", "data"]
    assert len(most.json()) == 10
    for body in ([], [{"query": QUERY}] * 11, [[{"query": QUERY}]], [1]):
        assert (await post(batching, body)).status_code == 400


async def test_a_browser_gets_graphiql_from_our_own_files(client: Client) -> None:
    """The page names no other host, and its policy allows none."""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    page = await client.http.get("/graphql", headers={"accept": accept})
    data = await client.http.get("/graphql", params={"query": QUERY}, headers={"accept": accept})

    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!--", "")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert data.json()["data"]
    for line in page.text.splitlines():
        for attribute in ('src="', 'href="'):
            if attribute in line:
                address = line.split(attribute)[1].split('"')[0]
                asset = await client.http.get(f"/{address}")
                assert asset.status_code == 200
                assert len(asset.content) > 100
    assert (await client.http.get("/graphql/assets/__init__.py")).status_code == 404


async def test_graphiql_can_be_switched_off(
    build: Callable[..., ASGIApp], connect: Callable[..., Any]
) -> None:
    """Then a browser is answered like any client."""
    plain = await connect("ada@example.org", of=build(graphiql=False))

    answer = await plain.http.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})

    assert answer.status_code == 400


async def test_introspection_and_suggestions_can_be_switched_off(
    build: Callable[..., ASGIApp], connect: Callable[..., Any], client: Client
) -> None:
    """Off, the schema cannot be read or guessed; on, errors help."""
    silent = await connect("ada@example.org", of=build(introspection=False, suggestions=False))
    introspection = "{ __schema { queryType { name } } }"

    refused = await silent.send(introspection)
    vague = await silent.send("{ viewer { emial } }")
    input_vague = await silent.send(
        "query($o: TaskOrder) { tasks(first: 1, orderBy: $o) { totalCount } }",
        o={"field": "CREATE", "direction": "ASC"},
    )
    told = await client.data(introspection)
    helpful = await client.send("{ viewer { emial } }")

    assert "introspection" in refused["errors"][0]["message"].lower()
    assert "Did you mean" not in vague["errors"][0]["message"]
    assert "Did you mean" not in input_vague["errors"][0]["message"]
    assert told["__schema"]["queryType"]["name"] == "Query"
    assert "Did you mean 'email'" in helpful["errors"][0]["message"]


async def test_typename_is_always_answered(
    build: Callable[..., ASGIApp], connect: Callable[..., Any]
) -> None:
    """Switching introspection off does not take away what clients need."""
    silent = await connect("ada@example.org", of=build(introspection=False))

    assert await silent.data("{ __typename viewer { __typename } }") == {
        "__typename": "Query",
        "viewer": {"__typename": "User"},
    }
