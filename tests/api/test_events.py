"""A task's events over HTTP, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Scope

from api import rest
from api.limit import ProcessCounter
from api.middleware import protected
from tasks import models
from tasks.accounts import AccountService
from tasks.bus import ProcessBus
from tasks.connections import LiveConnections
from tasks.database import Database
from tasks.principal import TASKS_READ, Principal
from tasks.watch import WatchService
from tests.tasks.watch.world import World


class Answer:
    """What the application sends to one request, as it comes."""

    def __init__(self, app: ASGIApp, path: str, headers: dict[str, str]) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"example.com"), *raw],
            "scheme": "http",
            "root_path": "",
        }
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.running = asyncio.ensure_future(app(scope, self._receive, self._sent.put))
        self.text = b""
        self.is_over = False

    async def start(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers."""
        async with asyncio.timeout(10):
            message = await self._sent.get()
        headers = {name.decode(): value.decode() for name, value in message["headers"]}
        return message["status"], headers

    async def events(self, count: int) -> list[tuple[str, Any]]:
        """Return the first `count` events: id and data."""
        async with asyncio.timeout(10):
            while self.text.count(b"data: ") < count or not self.text.endswith(b"\n\n"):
                await self._more()
        return self._parsed()

    async def rest(self) -> list[tuple[str, Any]]:
        """Return all events up to the end of the answer."""
        async with asyncio.timeout(10):
            while not self.is_over:
                await self._more()
            await self.running
        return self._parsed()

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _more(self) -> None:
        message = await self._sent.get()
        self.text += message.get("body", b"")
        self.is_over = not message.get("more_body", False)

    def _parsed(self) -> list[tuple[str, Any]]:
        assert b"\r" not in self.text
        frames = [f for f in self.text.decode().split("\n\n") if f.startswith("id: ")]
        pairs = [frame.split("\n") for frame in frames]
        return [(i.removeprefix("id: "), orjson.loads(d.removeprefix("data: "))) for i, d in pairs]


@pytest.fixture
def bus() -> ProcessBus:
    """Return a bus."""
    return ProcessBus()


@pytest.fixture
def world(database: Database, bus: ProcessBus) -> World:
    """Return a world whose events go out on the bus."""
    return World(database, bus)


@pytest.fixture
async def connections(world: World) -> LiveConnections:
    """Return a register that allows two connections, and looks when it is told to."""
    return LiveConnections(world.database, most=2)


@pytest.fixture
async def ask(
    world: World,
    bus: ProcessBus,
    connections: LiveConnections,
    accounts: AccountService,
    token: str,
) -> AsyncIterator[Callable[..., Answer]]:
    """Return what asks for a task's events with the user's token, or with other headers."""
    async with WatchService.open(world.database, bus) as watch:
        app = protected(
            Router(rest.routes(world.tasks, rest.Events(watch, connections))),
            authenticate=accounts.authenticate,
            counter=ProcessCounter(),
            sessions=_session,
        )
        answers: list[Answer] = []

        def asking(task_id: object, headers: dict[str, str] | None = None, **more: str) -> Answer:
            given = {"authorization": f"Bearer {token}"} if headers is None else headers
            answers.append(Answer(app, f"/api/tasks/{task_id}/events", {**given, **more}))
            return answers[-1]

        yield asking
        for answer in answers:
            answer.leave()
            await answer.running


def _session(app: ASGIApp) -> ASGIApp:
    """Take whoever sends a cookie for the first user."""

    async def authenticate(scope: Scope, receive: Any, send: Any) -> None:
        if any(name == b"cookie" for name, _ in scope["headers"]):
            principal = Principal(user_id=1, scopes=frozenset({TASKS_READ}), via_session=True)
            scope["state"]["principal"] = principal
        await app(scope, receive, send)

    return authenticate


async def test_a_task_is_streamed_to_its_end(
    world: World, principal: Principal, ask: Callable[..., Answer]
) -> None:
    """The standing, every change with its id, and then the end of the answer."""
    task = await world.create(principal)
    answer = ask(task.id)
    status, headers = await answer.start()
    await answer.events(1)

    await world.complete(await world.start())
    events = await answer.rest()

    assert status == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert [(i, data["type"], data["task"]["status"]) for i, data in events] == [
        ("1", "snapshot", "pending"),
        ("2", "assigned", "assigned"),
        ("3", "started", "processing"),
        ("4", "completed", "completed"),
    ]


async def test_a_reconnect_goes_on_after_the_last_event(
    world: World, principal: Principal, ask: Callable[..., Answer]
) -> None:
    """`Last-Event-ID` says what was seen; after the end there is 204, which stops EventSource."""
    task = await world.create(principal)
    await world.complete(await world.start())

    answer = ask(task.id, **{"last-event-id": "2"})
    assert (await answer.start())[0] == 200
    assert [i for i, _ in await answer.rest()] == ["3", "4"]

    assert (await ask(task.id, **{"last-event-id": "4"}).start())[0] == 204


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30, "²"])
async def test_a_last_event_id_that_is_none_is_refused(
    world: World, principal: Principal, ask: Callable[..., Answer], last: str
) -> None:
    """One sentence says what is wrong."""
    task = await world.create(principal)

    assert (await ask(task.id, **{"last-event-id": last}).start())[0] == 422


async def test_a_deleted_task_is_said_to_be_gone(
    world: World, principal: Principal, ask: Callable[..., Answer]
) -> None:
    """The tombstone ends the stream, with no task in it."""
    task = await world.create(principal)
    answer = ask(task.id)
    await answer.start()
    await answer.events(1)

    await world.tasks.delete(principal, task.id)

    assert [(data["type"], data["task"]) for _, data in await answer.rest()][1:] == [
        ("deleted", None)
    ]


async def test_events_are_for_the_owner_alone(
    world: World,
    principal: Principal,
    ask: Callable[..., Answer],
    accounts: AccountService,
) -> None:
    """Without a credential 401, with another user's 403, for what is not there 404."""
    task = await world.create(principal)
    other = await accounts.create_user("eve@example.org")
    theirs = (await accounts.create_token(other.id, "client")).token

    assert (await ask(task.id, {}).start())[0] == 401
    assert (await ask(task.id, {"authorization": "Bearer slc_wrong"}).start())[0] == 401
    assert (await ask(task.id, {"authorization": f"Bearer {theirs}"}).start())[0] == 403
    assert (await ask(10**9).start())[0] == 404


async def test_a_session_counts_for_our_own_pages_alone(
    world: World, user: models.User, principal: Principal, ask: Callable[..., Answer]
) -> None:
    """EventSource sends the cookie, from wherever the page is."""
    task = await world.create(principal)
    cookie = {"cookie": "session=1"}

    assert user.id == 1
    assert (await ask(task.id, cookie).start())[0] == 200
    ours = {**cookie, "origin": "http://example.com", "sec-fetch-site": "same-origin"}
    assert (await ask(task.id, ours).start())[0] == 200
    assert (await ask(task.id, {**cookie, "sec-fetch-site": "cross-site"}).start())[0] == 403
    assert (await ask(task.id, {**cookie, "origin": "http://evil.example"}).start())[0] == 403


async def test_a_revoked_token_ends_its_streams(
    world: World,
    principal: Principal,
    ask: Callable[..., Answer],
    accounts: AccountService,
    connections: LiveConnections,
) -> None:
    """The next look at the credentials ends what a revoked one has open."""
    task = await world.create(principal)
    answer = ask(task.id)
    await answer.start()
    await answer.events(1)
    for token in await accounts.tokens(principal.user_id):
        await accounts.revoke_token(token.id)

    await connections.check()

    assert [i for i, _ in await answer.rest()] == ["1"]


async def test_a_token_has_so_many_streams(
    world: World, principal: Principal, ask: Callable[..., Answer]
) -> None:
    """One more is refused; one that is closed makes room."""
    task = await world.create(principal)
    first, second = ask(task.id), ask(task.id)
    await first.start()
    await second.start()

    assert (await ask(task.id).start())[0] == 429
    first.leave()
    await first.running
    assert (await ask(task.id).start())[0] == 200
