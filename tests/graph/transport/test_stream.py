"""Subscriptions over HTTP: server-sent events and multipart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Scope

from tasks.accounts import AccountService
from tasks.connections import LiveConnections
from tasks.principal import Principal
from tests.graph.conftest import Worker

WATCH = "subscription($id: ID!) { taskUpdated(id: $id) { seq type } }"
EVENTS = "text/event-stream"
MULTIPART = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'


class Post:
    """A request, and its answer as it comes."""

    def __init__(self, app: ASGIApp, body: Any, headers: dict[str, str]) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"host", b"example.com"), (b"content-type", b"application/json"), *raw],
        }
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._in.put_nowait({"type": "http.request", "body": orjson.dumps(body)})
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self.serving = asyncio.ensure_future(app(scope, self._in.get, self._out.put))
        self.body = b""
        self.over = False

    async def start(self) -> tuple[int, str]:
        """Return the status and the content type."""
        async with asyncio.timeout(10):
            message = await self._out.get()
        return message["status"], dict(message["headers"])[b"content-type"].decode()

    async def until(self, text: bytes) -> bytes:
        """Return the body up to where it holds a text."""
        async with asyncio.timeout(10):
            while text not in self.body:
                await self._more()
        return self.body

    async def rest(self) -> bytes:
        """Return the whole body."""
        async with asyncio.timeout(10):
            while not self.over:
                await self._more()
            await self.serving
        return self.body

    async def leave(self) -> None:
        """Break the connection."""
        self._in.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(10):
            await self.serving

    async def _more(self) -> None:
        message = await self._out.get()
        self.body += message.get("body", b"")
        self.over = not message.get("more_body", False)


@pytest.fixture
async def post(app: ASGIApp, token: str) -> AsyncIterator[Callable[..., Post]]:
    """Return what posts a document and says what it accepts."""
    posts: list[Post] = []

    def posting(accept: str, query: str, *, of: ASGIApp | None = None, **variables: Any) -> Post:
        headers = {"accept": accept, "authorization": f"Bearer {token}"}
        posts.append(Post(of or app, {"query": query, "variables": variables}, headers))
        return posts[-1]

    yield posting
    for each in posts:
        await each.leave()


async def test_events_are_next_and_complete(
    post: Callable[..., Post], task_id: str, worker: Worker
) -> None:
    """One `next` an update, one `complete`, framed with LF."""
    posted = post(EVENTS, WATCH, id=task_id)
    assert await posted.start() == (200, "text/event-stream; charset=utf-8")
    await posted.until(b"data: ")
    await worker.complete()

    body = await posted.rest()

    assert b"\r" not in body
    frames = [frame for frame in body.decode().split("\n\n") if frame and frame != ":"]
    assert frames[-1] == "event: complete\ndata: "
    results = [orjson.loads(f.removeprefix("event: next\ndata: ")) for f in frames[:-1]]
    assert [result["data"]["taskUpdated"]["seq"] for result in results] == [1, 2, 3, 4]


async def test_parts_are_whole_when_they_come(
    post: Callable[..., Post], task_id: str, worker: Worker
) -> None:
    """Each part is closed by the delimiter behind it, and the last delimiter ends the answer."""
    posted = post(MULTIPART, WATCH, id=task_id)
    status, content_type = await posted.start()
    first = await posted.until(b"--graphql\r\nContent-Type: application/json\r\n\r\n")
    first = await posted.until(b"}}}}\r\n--graphql")
    await worker.complete()

    body = await posted.rest()

    assert (status, content_type) == (
        200,
        'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    )
    assert first.startswith(b"\r\n--graphql")
    assert body.endswith(b"\r\n--graphql--\r\n")
    parts = body.decode().split("\r\n--graphql")[1:-1]
    results = [orjson.loads(part.partition("\r\n\r\n")[2]) for part in parts]
    assert [result["payload"]["data"]["taskUpdated"]["seq"] for result in results] == [1, 2, 3, 4]


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "*/*", EVENTS])
async def test_a_stream_is_what_a_subscription_is_answered_with(
    post: Callable[..., Post], task_id: str, accept: str
) -> None:
    """Whoever accepts a stream at all gets it for a subscription."""
    assert (await post(accept, WATCH, id=task_id).start())[1].startswith(EVENTS)


@pytest.mark.parametrize(
    "accept", ["application/json, text/event-stream", "text/event-stream, */*", MULTIPART]
)
async def test_queries_are_answered_in_json_where_that_is_accepted(
    post: Callable[..., Post], accept: str
) -> None:
    """A client that merely mentions streams, as urql does, keeps its JSON."""
    posted = post(accept, "{ viewer { email } }")
    status, content_type = await posted.start()

    assert status == 200
    assert "json" in content_type
    assert orjson.loads(await posted.rest())["data"] == {"viewer": {"email": "ada@example.org"}}


async def test_a_query_is_an_event_where_nothing_else_is_accepted(
    post: Callable[..., Post],
) -> None:
    """One `next`, and `complete`."""
    posted = post(EVENTS, "{ viewer { email } }")
    await posted.start()

    body = (await posted.rest()).decode()

    assert '"viewer":{"email":"ada@example.org"}' in body
    assert body.endswith("event: complete\ndata: \n\n")


async def test_a_document_that_is_none_is_an_event_too(post: Callable[..., Post]) -> None:
    """A client that reads nothing but events can read what is wrong."""
    posted = post(EVENTS, "subscription { nothing }")
    assert (await posted.start())[0] == 200

    body = (await posted.rest()).decode()

    assert "event: next\ndata: {" in body
    assert "Cannot query field" in body


async def test_a_subscription_needs_a_stream(post: Callable[..., Post], task_id: str) -> None:
    """Whoever accepts JSON alone is told what to accept."""
    posted = post("application/json", WATCH, id=task_id)

    assert (await posted.start())[0] == 406
    assert "text/event-stream" in (await posted.rest()).decode()


async def test_a_silent_stream_shows_signs_of_life(
    post: Callable[..., Post], build: Callable[..., ASGIApp], task_id: str
) -> None:
    """So that nothing between takes the connection for dead."""
    app = build(heartbeat_seconds=0.02)
    events, parts = (post(accept, WATCH, of=app, id=task_id) for accept in (EVENTS, MULTIPART))
    await events.start()
    await parts.start()

    assert b"\n\n:\n\n:\n\n" in await events.until(b"\n\n:\n\n:\n\n")
    assert b"{}" in await parts.until(b"\r\n\r\n{}\r\n--graphql")


async def test_a_revoked_token_ends_its_streams(
    post: Callable[..., Post],
    task_id: str,
    accounts: AccountService,
    principal: Principal,
    connections: LiveConnections,
) -> None:
    """The answer ends; there is no `complete`, which would say that the task has ended."""
    posted = post(EVENTS, WATCH, id=task_id)
    await posted.until(b"data: ")
    for record in await accounts.tokens(principal.user_id):
        await accounts.revoke_token(record.id)

    await connections.check()

    assert b"complete" not in await posted.rest()


async def test_who_leaves_makes_room(
    post: Callable[..., Post], task_id: str, connections: LiveConnections
) -> None:
    """A token has so many streams, over whichever transport."""
    posts = [post(EVENTS, WATCH, id=task_id) for _ in range(3)]
    for each in posts:
        await each.until(b"data: ")
    assert (await post(EVENTS, WATCH, id=task_id).start())[0] == 429

    for each in posts:
        await each.leave()

    assert connections.count == 0
