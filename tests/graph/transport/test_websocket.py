"""A connection of the graphql-transport-ws protocol, sentence by sentence, on a raw TCP socket.

Each test is named after what PROTOCOL.md of enisdenjo/graphql-ws says that a server does:
Communication (the sub-protocol, JSON texts, `type`, `id`, either side's close), ConnectionInit
(acknowledged, optional payload, 4408, 4429, 4403), Ping and Pong, Subscribe before it (4401), and
Invalid message (4400). What it says of operations is in `test_operations.py`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp

from tasks.connections import LiveConnections
from tests.graph.transport.socket import CLOSE, TEXT, Open, Ready, closes, framed

pytestmark = pytest.mark.enable_socket

STREAM = "subscription { tasksUpdated { position reset update { seq task { id } } } }"


async def test_the_protocol_is_negotiated(open_socket: Open) -> None:
    """The server chooses ours among those that the client offers."""
    socket = open_socket(protocols=("graphql-ws", "graphql-transport-ws"))

    assert await socket.accepted() == "graphql-transport-ws"


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",)])
async def test_other_protocols_are_not_acceptable(
    open_socket: Open, protocols: tuple[str, ...]
) -> None:
    """4406 tells a client that it cannot speak with us."""
    socket = open_socket(protocols=protocols)
    assert await socket.accepted() is None

    assert (await closes(socket)).code == 4406


async def test_an_initialisation_is_acknowledged(open_socket: Open, token: str) -> None:
    """The payload's token says who connects."""
    socket = open_socket()
    await socket.accepted()
    socket.say("connection_init", payload={"authorization": f"bearer {token}"})

    assert await socket.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("parts", [{}, {"payload": None}, {"payload": {}}])
async def test_the_handshakes_token_counts_as_well(
    open_socket: Open, token: str, parts: dict[str, Any]
) -> None:
    """Clients that can send headers may; their initialisation's payload is optional."""
    socket = open_socket(headers={"authorization": f"Bearer {token}"})
    await socket.accepted()
    socket.say("connection_init", **parts)

    assert await socket.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "payload", [None, {}, {"Authorization": "Bearer slc_x"}, {"Authorization": "x"}]
)
async def test_who_is_not_known_is_forbidden(open_socket: Open, payload: Any) -> None:
    """4403 is what a server closes with that rejects the initialisation."""
    socket = open_socket()
    await socket.accepted()
    socket.say("connection_init", payload=payload)

    closed = await closes(socket)

    assert closed.code == 4403
    assert closed.reason.startswith("Forbidden")


async def test_a_second_initialisation_is_too_many(ready: Ready, token: str) -> None:
    """4429, whatever it holds."""
    socket = await ready()
    socket.say("connection_init", payload={"Authorization": f"Bearer {token}"})

    closed = await closes(socket)

    assert (closed.code, closed.reason) == (4429, "Too many initialisation requests")


async def test_initialising_twice_at_once_is_too_many(open_socket: Open, token: str) -> None:
    """Also when the first has not been acknowledged yet."""
    socket = open_socket()
    await socket.accepted()
    init = orjson.dumps(
        {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    )
    socket.send(framed(TEXT, init) * 2)

    assert (await closes(socket)).code == 4429


async def test_who_does_not_initialise_is_closed(
    open_socket: Open, build: Callable[..., ASGIApp]
) -> None:
    """4408 after the time that the settings give."""
    socket = open_socket(build(init_seconds=0.05))
    await socket.accepted()

    closed = await closes(socket)

    assert (closed.code, closed.reason) == (4408, "Connection initialisation timeout")


async def test_subscribing_before_the_acknowledgement_is_unauthorized(open_socket: Open) -> None:
    """4401."""
    socket = open_socket()
    await socket.accepted()
    socket.subscribe("1", "{ viewer { id } }")

    closed = await closes(socket)

    assert (closed.code, closed.reason) == (4401, "Unauthorized")


async def test_a_ping_is_answered_at_any_time(open_socket: Open) -> None:
    """With a pong that carries the same payload, also before the initialisation."""
    socket = open_socket()
    await socket.accepted()
    socket.say("ping")
    assert await socket.hear() == {"type": "pong"}

    socket.say("ping", payload={"at": 1})

    assert await socket.hear() == {"type": "pong", "payload": {"at": 1}}


async def test_a_pong_may_come_unasked(ready: Ready) -> None:
    """As a heartbeat in one direction; nothing is answered."""
    socket = await ready()
    socket.say("pong")
    socket.say("pong", payload={"x": 1})

    await socket.silence()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1",
        "null",
        "[]",
        '"ping"',
        "{}",
        '{"type":1}',
        '{"type":null}',
        '{"type":"start","id":"1","payload":{}}',
        '{"type":"connection_ack"}',
        '{"type":"next","id":"1","payload":{}}',
        '{"type":"error","id":"1","payload":[]}',
        '{"type":"ping","payload":1}',
        '{"type":"pong","payload":"x"}',
        '{"type":"connection_init","payload":[]}',
        '{"type":"complete"}',
        '{"type":"complete","id":""}',
        '{"type":"complete","id":{}}',
        "[" * 2000,
        '{"type":"' + "ü" * 200 + '"}',
    ],
)
async def test_an_invalid_message_ends_the_connection(open_socket: Open, text: str) -> None:
    """4400 with a reason that fits a close frame."""
    socket = open_socket()
    await socket.accepted()
    socket.raw(text)

    closed = await closes(socket)

    assert closed.code == 4400
    assert len(closed.reason.encode()) <= 123


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"payload": {"query": "{ viewer { id } }"}},
        {"id": "", "payload": {"query": "{ viewer { id } }"}},
        {"id": 1, "payload": {"query": "{ viewer { id } }"}},
        {"id": {}, "payload": {"query": "{ viewer { id } }"}},
        {"id": "1"},
        {"id": "1", "payload": None},
        {"id": "1", "payload": "x"},
        {"id": "1", "payload": []},
        {"id": "1", "payload": {}},
        {"id": "1", "payload": {"query": 1}},
        {"id": "1", "payload": {"query": "{ a }", "operationName": 1}},
        {"id": "1", "payload": {"query": "{ a }", "variables": []}},
        {"id": "1", "payload": {"query": "{ a }", "variables": "x"}},
        {"id": "1", "payload": {"query": "{ a }", "extensions": 1}},
    ],
)
async def test_a_subscribe_message_is_checked(ready: Ready, parts: dict[str, Any]) -> None:
    """The types of its parts are the protocol's, or it is an invalid message."""
    socket = await ready()
    socket.say("subscribe", **parts)

    assert (await closes(socket)).code == 4400


async def test_binary_messages_are_invalid(ready: Ready) -> None:
    """Messages are JSON in text frames."""
    socket = await ready()
    socket.binary(b'{"type":"ping"}')

    assert (await closes(socket)).code == 4400


async def test_messages_may_come_in_fragments(ready: Ready) -> None:
    """A message is what its frames hold together, and pings may come between them."""
    socket = await ready()
    text = b'{"type":"ping","payload":{"a":"\xc3\xbc"}}'
    at = text.index(b"\xbc")
    for chunk in (framed(TEXT, text[:at], fin=False), framed(9, b"x"), framed(0, text[at:])):
        for byte in chunk:  # of which each arrives by itself
            socket.send(bytes([byte]))
            await asyncio.sleep(0)

    assert await socket.frame() == (10, b"x")
    assert await socket.hear() == {"type": "pong", "payload": {"a": "ü"}}


async def test_a_client_closes_with_1000(ready: Ready, connections: LiveConnections) -> None:
    """The close is answered in kind, and the connection ends."""
    socket = await ready()
    socket.subscribe("s", STREAM)
    await socket.hear()
    socket.send(framed(CLOSE, (1000).to_bytes(2, "big") + b"done"))

    assert await socket.frame() == (CLOSE, (1000).to_bytes(2, "big") + b"done")
    assert await socket.over() == b""
    assert connections.count == 0
