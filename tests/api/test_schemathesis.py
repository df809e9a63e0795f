"""Schemathesis against the description that we serve: bounded, in process."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import docs, rest
from api.limit import ProcessCounter
from api.middleware import protected
from tasks.accounts import AccountService
from tasks.database import Database, open_database
from tasks.export import ExportService
from tasks.ingest import IngestService
from tasks.migrations import migrate
from tasks.ports import Sleeper
from tasks.service import TaskService
from tests.api.conftest import SITE, DocumentedCatalogue

T = TypeVar("T")

#: What it may conclude. Two of its checks are left out: that valid data is accepted (whether a
#: target exists and a task may be changed is no matter of the schema), and that what was created
#: can be read at every path below it (a new task has no result).
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
)

OPERATIONS = {
    "GET /api/tasks",
    "POST /api/tasks",
    "GET /api/tasks/{id}",
    "PUT /api/tasks/{id}",
    "DELETE /api/tasks/{id}",
    "POST /api/tasks/{id}/reset",
    "POST /api/tasks/{id}/posts",
    "GET /api/tasks/{id}/result",
    "GET /api/tasks/{id}/export",
}


class Server:
    """Serves an application from a loop of its own.

    Schemathesis runs a new event loop for each request, and a database belongs to one.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def serve(self, app: ASGIApp) -> ASGIApp:
        """Return an application that answers on any loop what `app` answers on ours."""

        async def bridged(scope: Scope, receive: Receive, send: Send) -> None:
            received = [await receive()]
            while received[-1].get("more_body"):
                received.append(await receive())
            answer = asyncio.run_coroutine_threadsafe(_answered(app, scope, received), self._loop)
            for message in await asyncio.wrap_future(answer):
                await send(message)

        return bridged


async def _answered(app: ASGIApp, scope: Scope, received: list[Message]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a loop for the application."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def opened(server: Server, tmp_path: Path) -> Iterator[Database]:
    """Open an empty SQLite database on the server's loop."""
    url = f"sqlite:///{tmp_path / 'sluice.db'}"
    asyncio.run(migrate(url))
    database = server.run(open_database(url))
    yield database
    server.run(database.close())


def test_schemathesis_finds_nothing(server: Server, opened: Database) -> None:
    """No 5xx, no undocumented status, no answer or request that the description denies."""
    accounts = AccountService(opened)
    user = server.run(accounts.create_user("ada@example.org"))
    issued = server.run(accounts.create_token(user.id, "schemathesis"))
    service = TaskService(opened, catalogue=DocumentedCatalogue(), waker=Sleeper())
    posts, exports = rest.Posts(IngestService(opened)), rest.Exports(ExportService(opened))
    app = protected(
        Starlette(routes=[*docs.routes(SITE), *rest.routes(service, posts=posts, exports=exports)]),
        authenticate=accounts.authenticate,
        counter=ProcessCounter(),
        limit=1_000_000,
    )
    config = SchemathesisConfig.from_dict(  # pyright: ignore[reportUnknownMemberType] - a bare dict
        {
            "headers": {"Authorization": f"Bearer {issued.token}"},
            "generation": {"max-examples": 25, "deterministic": True, "database": "none"},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        }
    )
    whole: Any = schemathesis.openapi.from_asgi(
        "/api/openapi.json", server.serve(app), config=config
    )
    # The stream of events is not served here: it ends when its task does.
    schema = whole.exclude(path="/api/tasks/{id}/events")

    happened = list(from_schema(schema).execute())

    assert [line for event in happened for line in _complaints(event)] == []
    tried = {event.label for event in happened if isinstance(event, events.ScenarioFinished)}
    assert tried >= OPERATIONS


def _complaints(event: events.EngineEvent) -> list[str]:
    """Return what an event of the run says is wrong."""
    if isinstance(event, events.NonFatalError | events.FatalError):
        return [repr(event)]
    if not isinstance(event, events.ScenarioFinished):
        return []
    return [
        f"{event.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
        for checks in event.recorder.checks.values()
        for check in checks
        if check.failure_info is not None
    ]
