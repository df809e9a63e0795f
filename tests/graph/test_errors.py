"""What nobody foresaw: masked, with an id that stands in the log."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette

from api.limit import ProcessCounter
from api.middleware import protected
from graph.application import GraphQLSettings, routes
from graph.context import Services
from tasks.accounts import AccountService
from tasks.errors import DatabaseUnavailable
from tasks.ports import Platform

DOCUMENT = '{ viewer { email } platforms { name } # "a document that may be secret"\n}'


@pytest.fixture
def backend() -> str:
    """Stay on SQLite: the errors come from elsewhere."""
    return "sqlite"


class Broken:
    """A catalogue that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def platforms(self) -> Sequence[Platform]:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RuntimeError("password=hunter2"), "INTERNAL_SERVER_ERROR", "Something went wrong"),
        (DatabaseUnavailable("db.internal"), "DATABASE_UNAVAILABLE", "cannot be reached"),
    ],
)
async def test_an_unforeseen_error_is_masked_and_logged(
    error: Exception,
    code: str,
    said: str,
    *,
    services: Services,
    accounts: AccountService,
    connect: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client learns an id, the log the rest, without the document."""
    broken = replace(services, platforms=Broken(error))
    app = protected(
        Starlette(routes=list(routes(broken, GraphQLSettings()))),
        authenticate=accounts.authenticate,
        counter=ProcessCounter(),
    )
    client = await connect("ada@example.org", of=app)

    with caplog.at_level(logging.ERROR):
        answer = await client.send(DOCUMENT)

    (shown,) = answer["errors"]
    assert shown["extensions"]["code"] == code
    assert said in shown["message"]
    assert str(error) not in str(answer)
    (record,) = [each for each in caplog.records if each.name == "graph.errors"]
    assert record.__dict__["incident"] == shown["extensions"]["incident"]
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert "secret" not in caplog.text
