"""Documents that nobody wrote: whatever is valid is answered without an internal error."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import (
    ArgumentNode,
    FieldNode,
    NameNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    parse_value,
    print_ast,
    print_schema,
    visit,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes
from starlette.applications import Starlette
from starlette.types import ASGIApp

from api.limit import ProcessCounter
from api.middleware import protected
from graph.application import GraphQLSettings, routes
from graph.limits import Limits, Rate
from graph.schema import build_schema
from tasks.accounts import AccountService
from tasks.database import Database, open_database
from tasks.ports import Sleeper
from tasks.principal import SCOPES
from tasks.service import TaskService
from tasks.validation import NewTask
from tests.conftest import AnyTarget, principal_of
from tests.graph.conftest import services_on

SCHEMA = build_schema()
PAGING = ("first", "last", "after", "before")
SCALARS: Any = {
    "DateTime": st.sampled_from(["2026-01-31T09:00:00Z", "9999-12-31T23:59:59.999999Z"]).map(
        nodes.String
    ),
    "BigInt": st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1).map(nodes.Int),
    "Date": st.just(nodes.String("2026-01-31")),
    "_Any": st.just(ObjectValueNode(fields=())),
}


@dataclass
class Running:
    """An application on a loop of its own, since Hypothesis runs tests that are no coroutines."""

    loop: asyncio.AbstractEventLoop
    client: httpx2.AsyncClient

    def post(self, body: Any) -> httpx2.Response:
        """Send one request."""
        sent = self.client.post(
            "/graphql", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        return self.loop.run_until_complete(sent)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Running]:
    """Return an application with a few tasks, on SQLite."""
    path = tmp_path_factory.mktemp("properties") / "sluice.db"
    shutil.copy(sqlite_template, path)
    loop = asyncio.new_event_loop()
    database, app, token = loop.run_until_complete(application(f"sqlite:///{path}"))
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://example.com",
        headers={"Authorization": f"Bearer {token}"},
    )
    yield Running(loop, client)
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(database.close())
    loop.close()


async def application(url: str) -> tuple[Database, ASGIApp, str]:
    """Return an open database, an application on it with a few tasks, and a token."""
    database = await open_database(url)
    accounts = AccountService(database)
    tasks = TaskService(database, catalogue=AnyTarget(), waker=Sleeper())
    user = await accounts.create_user("ada@example.org")
    wish = NewTask.parse({"group_id": "sandbox:happy", "max_posts": 5})
    await tasks.create_many(principal_of(user), [wish] * 3)
    issued = await accounts.create_token(user.id, "client", scopes=SCOPES)
    services = services_on(database, accounts, tasks=tasks)
    settings = GraphQLSettings(
        limits=Limits(nodes=10**9, values=10**9), rate=Rate(capacity=10**12, per_second=10**9)
    )
    app = protected(
        Starlette(routes=list(routes(services, settings))),
        authenticate=accounts.authenticate,
        counter=ProcessCounter(),
    )
    return database, app, issued.token


class Sized(Visitor):
    """Gives every connection a page size, and no cursor that leads nowhere."""

    def __init__(self, size: int, types: TypeInfo) -> None:
        super().__init__()
        self._size = size
        self._types = types

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        """Replace the arguments that page."""
        field = self._types.get_field_def()
        if field is None or "first" not in field.args:
            return None
        kept = [a for a in node.arguments or () if a.name.value not in PAGING]
        size = parse_value(str(self._size))
        first = ArgumentNode(name=NameNode(value="first"), value=size)
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=(*kept, first),
            directives=node.directives,
            selection_set=node.selection_set,
        )


def check(answer: httpx2.Response) -> None:
    """An answer is well-formed, and nothing in it is a mistake of ours."""
    assert answer.status_code in (200, 400), answer.text
    body = answer.json()
    assert "data" in body or body["errors"]
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        assert code not in ("INTERNAL_SERVER_ERROR", "GRAPHQL_VALIDATION_FAILED"), answer.text
        assert error["message"]
        assert "Traceback" not in error["message"]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    document=from_schema(print_schema(SCHEMA.core), custom_scalars=SCALARS),
    size=st.integers(min_value=1, max_value=100),
)
def test_a_generated_document_meets_no_internal_error(
    document: str, size: int, running: Running
) -> None:
    """Queries and mutations made from the schema, as they are and with page sizes in range."""
    check(running.post({"query": document}))
    types = TypeInfo(SCHEMA.core)
    sized = visit(parse(document), TypeInfoVisitor(types, Sized(size, types)))
    check(running.post({"query": print_ast(sized)}))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cursor=st.one_of(st.text(max_size=200), st.binary(max_size=60).map(lambda b: b.hex())),
    node_id=st.text(max_size=100),
    order=st.sampled_from(["CREATED", "STATUS", "PRIORITY", "COMPLETED"]),
)
def test_any_cursor_and_any_id_is_answered_in_words(
    cursor: str, node_id: str, order: str, running: Running
) -> None:
    """Opaque texts that were never given out are refused, each by itself."""
    answer = running.post(
        {
            "query": """
                query($cursor: String!, $id: ID!, $order: TaskOrderField!) {
                  viewer { email }
                  tasks(first: 1, after: $cursor, orderBy: {field: $order, direction: ASC}) {
                    nodes { id }
                  }
                  node(id: $id) { id }
                }
            """,
            "variables": {"cursor": cursor, "id": node_id, "order": order},
        }
    )

    check(answer)
    assert answer.json()["data"]["viewer"] == {"email": "ada@example.org"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["query", "variables", "operationName", "extensions", "persistedQuery"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_answered_in_words(body: Any, running: Running) -> None:
    """No shape of a request is a 500."""
    answer = running.post(body)

    assert answer.status_code in (200, 400), answer.text
    assert answer.json()["errors"][0]["message"]
