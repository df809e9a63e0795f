"""Operations over the graphql-transport-ws protocol, sentence by sentence, on a raw TCP socket.

Each test is named after what PROTOCOL.md of enisdenjo/graphql-ws says that a server does: Subscribe
(4409, ids), Next, Error, Complete, interleaved operations, and the two examples of operations. What
it says of the connection is in `test_websocket.py`.
"""

import asyncio
from collections.abc import Callable

import orjson
import pytest
from starlette.types import ASGIApp

from graph.types.node import global_id
from tasks.accounts import AccountService
from tasks.connections import LiveConnections
from tasks.principal import Principal
from tests.graph.conftest import Worker
from tests.graph.transport.socket import TEXT, Open, Ready, closes, framed

pytestmark = pytest.mark.enable_socket

WATCH = "subscription($id: ID!) { taskUpdated(id: $id) { seq type task { status } } }"
STREAM = "subscription { tasksUpdated { position reset update { seq task { id } } } }"


async def test_operations_are_interleaved(ready: Ready, task_id: str, worker: Worker) -> None:
    """Many may be active at a time on one connection, of any kind, each under its id."""
    socket = await ready()
    socket.subscribe("stream", STREAM)
    assert (await socket.hear())["id"] == "stream"
    assert (await socket.hear())["id"] == "stream"
    socket.subscribe("task", WATCH, id=task_id)
    assert (await socket.hear())["id"] == "task"
    socket.subscribe("query", "{ viewer { id } }")
    assert [(m["id"], m["type"]) for m in [await socket.hear(), await socket.hear()]] == [
        ("query", "next"),
        ("query", "complete"),
    ]
    await worker.complete()

    heard = [await socket.hear() for _ in range(7)]

    assert sorted(message["id"] for message in heard) == ["stream"] * 3 + ["task"] * 4
    assert {m["id"] for m in heard if m["type"] == "complete"} == {"task"}


async def test_a_query_is_answered_and_completed(ready: Ready) -> None:
    """Queries and mutations run over the socket too: one result, then `complete`."""
    socket = await ready()
    socket.subscribe("q", "{ viewer { email } }")

    answer = await socket.hear()

    assert (answer["id"], answer["type"]) == ("q", "next")
    assert answer["payload"]["data"] == {"viewer": {"email": "ada@example.org"}}
    assert await socket.hear() == {"id": "q", "type": "complete"}


async def test_a_subscription_streams_and_completes(
    ready: Ready, task_id: str, worker: Worker
) -> None:
    """One `next` for each update, then `complete`, and nothing after it."""
    socket = await ready()
    socket.subscribe("s", WATCH, id=task_id)
    heard = [await socket.hear()]
    await worker.complete()

    while heard[-1]["type"] != "complete":
        heard.append(await socket.hear())

    updates = [message["payload"]["data"]["taskUpdated"] for message in heard[:-1]]
    assert [(update["seq"], update["type"]) for update in updates] == [
        (1, None),
        (2, "ASSIGNED"),
        (3, "STARTED"),
        (4, "COMPLETED"),
    ]
    assert {message["id"] for message in heard} == {"s"}
    await socket.silence()


async def test_a_document_that_is_none_is_an_error(ready: Ready) -> None:
    """`error` carries all errors and ends the operation; the socket goes on."""
    socket = await ready()
    for query in ("{", "{ nothing }", "subscription { nothing }", "subscription($x: Int!) { a }"):
        socket.subscribe("e", query)
        error = await socket.hear()
        assert (error["id"], error["type"]) == ("e", "error")
        assert all(each["message"] for each in error["payload"])

    await socket.silence()


async def test_an_unknown_operation_name_is_an_error(ready: Ready) -> None:
    """As any other request error."""
    socket = await ready()
    payload = {"query": "query A { viewer { id } }", "operationName": "B"}
    socket.say("subscribe", id="1", payload=payload)

    assert (await socket.hear())["type"] == "error"


async def test_a_subscription_that_is_refused_is_an_error(ready: Ready) -> None:
    """What cannot be watched is said before anything streams."""
    socket = await ready()
    socket.subscribe("s", WATCH, id=global_id("Task", 10**9))

    error = await socket.hear()

    assert (error["id"], error["type"]) == ("s", "error")
    assert error["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_an_id_in_use_cannot_be_used_again(ready: Ready) -> None:
    """4409 names it."""
    socket = await ready()
    socket.subscribe("same", STREAM)
    await socket.hear()
    socket.subscribe("same", STREAM)

    closed = await closes(socket)

    assert (closed.code, closed.reason) == (4409, "Subscriber for same already exists")


@pytest.mark.parametrize("query", ["{ viewer { id } }", "mutation { revokeToken }", "{"])
async def test_an_id_in_use_is_so_for_every_kind_of_operation(ready: Ready, query: str) -> None:
    """Whatever the other one is, were it no valid document at all."""
    socket = await ready()
    socket.subscribe("same", STREAM)
    await socket.hear()
    socket.subscribe("same", query)

    assert (await closes(socket)).code == 4409


async def test_a_long_id_in_use_is_named_within_the_frame(ready: Ready) -> None:
    """A close frame holds 123 bytes of reason, and they must be UTF-8."""
    socket = await ready()
    socket.subscribe("ü" * 200, STREAM)
    await socket.hear()
    socket.subscribe("ü" * 200, STREAM)

    closed = await closes(socket)

    assert closed.code == 4409
    assert len(closed.reason.encode()) <= 123


async def test_an_id_is_free_after_its_operation(ready: Ready) -> None:
    """Completed by the server or the client, it may be used again."""
    socket = await ready()
    for _ in range(2):
        socket.subscribe("1", "{ viewer { id } }")
        assert [(await socket.hear())["type"] for _ in range(2)] == ["next", "complete"]
    for _ in range(2):
        socket.subscribe("1", STREAM)
        assert (await socket.hear())["type"] == "next"
        socket.say("complete", id="1")

    await socket.silence()


async def test_the_clients_complete_ends_an_operation(
    ready: Ready, task_id: str, worker: Worker
) -> None:
    """Nothing more is said of it, not even `complete`; the others go on."""
    socket = await ready()
    socket.subscribe("a", WATCH, id=task_id)
    socket.subscribe("b", WATCH, id=task_id)
    assert {(await socket.hear())["id"] for _ in range(2)} == {"a", "b"}
    socket.say("complete", id="a")
    await socket.silence()
    await worker.complete()

    heard = [await socket.hear() for _ in range(4)]

    assert {message["id"] for message in heard} == {"b"}
    await socket.silence()


async def test_a_query_that_the_client_completes_is_not_answered(ready: Ready) -> None:
    """Its result is not sent once it is there."""
    socket = await ready()
    query = {"query": "{ viewer { id } }"}
    socket.send(
        framed(TEXT, orjson.dumps({"type": "subscribe", "id": "q", "payload": query}))
        + framed(TEXT, b'{"type":"complete","id":"q"}')
    )

    await socket.silence()
    await socket.silence()


async def test_completing_what_is_not_there_does_nothing(ready: Ready) -> None:
    """The client's and the server's `complete` may cross on the wire."""
    socket = await ready()
    socket.say("complete", id="gone")

    await socket.silence()


async def test_a_client_that_leaves_ends_its_operations(
    ready: Ready, task_id: str, connections: LiveConnections
) -> None:
    """Nothing of a connection stays."""
    sockets = [await ready() for _ in range(3)]
    for socket in sockets:
        socket.subscribe("s", WATCH, id=task_id)
        await socket.hear()
        socket.leave()

    async with asyncio.timeout(10):
        while connections.count:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)
    await ready()


async def test_a_connection_has_so_many_operations(
    ready: Ready, build: Callable[..., ASGIApp]
) -> None:
    """One more is an error of that operation, and the others go on."""
    socket = await ready(build(operations=2))
    for operation_id in ("1", "2"):
        socket.subscribe(operation_id, STREAM)
        assert (await socket.hear())["type"] == "next"
    socket.subscribe("3", STREAM)

    error = await socket.hear()

    assert (error["id"], error["type"]) == ("3", "error")
    assert error["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    await socket.silence()


async def test_of_many_operations_at_once_the_first_are_served(
    ready: Ready, build: Callable[..., ASGIApp]
) -> None:
    """However fast they come, those beyond the limit are the refused ones."""
    socket = await ready(build(operations=3))
    for number in range(6):
        socket.subscribe(str(number), STREAM)

    heard = [await socket.hear() for _ in range(6)]

    assert {(each["id"], each["type"]) for each in heard} == {
        *((str(number), "next") for number in range(3)),
        *((str(number), "error") for number in range(3, 6)),
    }


async def test_a_token_has_so_many_connections(ready: Ready, open_socket: Open, token: str) -> None:
    """One more is refused with a reason."""
    for _ in range(3):
        await ready()
    socket = open_socket()
    await socket.accepted()
    socket.say("connection_init", payload={"Authorization": f"Bearer {token}"})

    closed = await closes(socket)

    assert closed.code == 4403
    assert "3 live connections" in closed.reason


async def test_a_revoked_token_closes_its_connections(
    ready: Ready,
    accounts: AccountService,
    principal: Principal,
    connections: LiveConnections,
) -> None:
    """The next look at the credentials closes them with 4403, also in the midst of a stream."""
    socket = await ready()
    socket.subscribe("s", STREAM)
    await socket.hear()
    for record in await accounts.tokens(principal.user_id):
        await accounts.revoke_token(record.id)

    await connections.check()

    assert (await closes(socket)).code == 4403


async def test_a_result_is_rendered_once_for_all_who_see_the_same(
    ready: Ready, task_id: str, worker: Worker
) -> None:
    """Watchers of a task are sent the same result, and others' selections their own."""
    socket, other = await ready(), await ready()
    narrow = "subscription($id: ID!) { taskUpdated(id: $id) { seq } }"
    socket.subscribe("a", WATCH, id=task_id)
    other.subscribe("b", narrow, id=task_id)
    await socket.hear()
    await other.hear()
    await worker.complete()

    assert (await socket.hear())["payload"]["data"]["taskUpdated"]["type"] == "ASSIGNED"
    assert (await other.hear())["payload"]["data"] == {"taskUpdated": {"seq": 2}}
