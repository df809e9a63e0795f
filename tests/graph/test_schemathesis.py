"""Schemathesis on the GraphQL schema: every root field, with generated arguments."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.graph.test_properties import SCALARS, application

for name, strategy in SCALARS.items():
    schemathesis.graphql.scalar(name, strategy)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[tuple[ASGIApp, str]]:
    """Return an application and a token. SQLite serves any event loop."""
    path = tmp_path_factory.mktemp("schemathesis") / "sluice.db"
    shutil.copy(sqlite_template, path)
    database, app, token = asyncio.run(application(f"sqlite:///{path}"))
    yield app, token
    asyncio.run(database.close())


def test_no_root_field_answers_with_a_server_error(served: tuple[ASGIApp, str]) -> None:
    """Queries and mutations with arguments that somebody might send."""
    served_app, token = served

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Be what the library takes for an application: a coroutine function."""
        await served_app(scope, receive, send)

    headers = {"Authorization": f"Bearer {token}"}
    loaded: Any = schemathesis.graphql.from_asgi("/graphql", app, headers=headers)
    operations = [result.ok() for result in loaded.get_all_operations()]
    assert len(operations) >= 14

    for operation in operations:

        @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            response = case.call(headers=headers)

            # Its own check takes every error of a field for one of the server's.
            assert response.status_code < 500, response.text
            for error in response.json().get("errors", ()):
                assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR", response.text

        run()
