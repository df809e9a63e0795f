"""The clients that people use, from npm and PyPI, against a live server."""

import os
import subprocess

import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport

from tests.acceptance.conftest import CLIENTS, Served, Start

#: The compilers and the linter start slowly.
SECONDS = 240


@pytest.fixture
def served(start: Start) -> Served:
    """Return a server on which batching is on."""
    return Served(start("up", "--port", "0", SLUICE_GRAPHQL_BATCHING="true"))


def run(node: str, script: str, served: Served | None = None) -> None:
    """Run a script's tests; what fails is shown."""
    environment = dict(os.environ)
    if served is not None:
        environment |= {"SLUICE_ADDRESS": served.address, "SLUICE_TOKEN": served.token()}
    ended = subprocess.run(  # noqa: S603 - our own scripts
        [node, "--test", f"{script}.mjs"],
        cwd=CLIENTS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:]


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("script", ["apollo", "urql", "relay", "live"])
def test_a_client_works_as_it_comes(script: str, node: str, served: Served) -> None:
    """No workaround: caches, pagination, persisted queries, batches, refetching, updates."""
    run(node, script, served)


@pytest.mark.timeout(SECONDS)
def test_the_schema_composes_as_a_subgraph(node: str) -> None:
    """Alone, and beside a subgraph that extends its entity."""
    run(node, "composition")


@pytest.mark.timeout(SECONDS)
def test_the_schema_has_no_unexplained_finding(node: str) -> None:
    """The schema linter's recommended and Relay rules."""
    run(node, "lint")


async def test_gql_works_as_it_comes(served: Served) -> None:
    """The Python client reads the schema, validates against it, and runs what is asked."""
    headers = {"Authorization": f"Bearer {served.token()}"}
    transport = HTTPXAsyncTransport(url=f"{served.address}/graphql", headers=headers)

    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        created = await session.execute(
            GraphQLRequest(
                "mutation($input: CreateTaskInput!) "
                "{ createTask(input: $input) { task { id createdAt } userErrors { code } } }",
                variable_values={"input": {"groupId": "sandbox:happy", "maxPosts": 3}},
            )
        )
        listed = await session.execute(gql("{ tasks(first: 1) { nodes { id } totalCount } }"))
        with pytest.raises(TransportQueryError, match="is no id"):
            await session.execute(gql('{ node(id: "x") { id } }'))

    assert listed["tasks"]["nodes"] == [{"id": created["createTask"]["task"]["id"]}]
