"""Live connections to a real server: what its end and a revoked token do to them."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import pytest
import websockets
from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport

from tests.acceptance.conftest import Served, Start

pytestmark = pytest.mark.enable_socket

CREATE = "mutation($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }"
WATCH = "subscription($id: ID!) { taskUpdated(id: $id) { seq type } }"


@pytest.fixture
def served(start: Start) -> Served:
    """Return a running product."""
    return Served(start("up", "--port", "0"))


def create(served: Served, token: str, group_id: str) -> str:
    """Create a task and return its global id."""
    with served.client(token) as client:
        variables = {"input": {"groupId": group_id, "maxPosts": 100}}
        answer = client.post("/graphql", json={"query": CREATE, "variables": variables})
    return answer.json()["data"]["createTask"]["task"]["id"]


async def watching(served: Served, token: str, task_id: str) -> Any:
    """Return an open socket that has been told of a task."""
    address = served.address.replace("http", "ws") + "/graphql"
    protocols: Any = ["graphql-transport-ws"]
    socket = await websockets.connect(address, subprotocols=protocols, proxy=None)
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    payload = {"query": WATCH, "variables": {"id": task_id}}
    await socket.send(orjson.dumps(init).decode())
    assert orjson.loads(await socket.recv())["type"] == "connection_ack"
    subscribe = {"type": "subscribe", "id": "1", "payload": payload}
    await socket.send(orjson.dumps(subscribe).decode())
    assert orjson.loads(await socket.recv())["type"] == "next"
    return socket


async def closed(socket: Any) -> int:
    """Return the code that a socket is closed with."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006


async def test_a_server_that_ends_sends_its_clients_elsewhere(served: Served) -> None:
    """1012 makes clients reconnect, and open sockets do not hold up the end."""
    token = served.token()
    socket = await watching(served, token, create(served, token, "sandbox:slow"))

    ending = asyncio.create_task(asyncio.to_thread(served.process.signal, signal.SIGTERM))

    assert await closed(socket) == 1012
    assert await ending == 0
    assert "Traceback" not in served.process.err()


async def test_a_server_that_ends_ends_its_streams(served: Served) -> None:
    """Each as a whole answer, and they do not hold up the end."""
    token = served.token()
    task_id = create(served, token, "sandbox:slow")
    async with httpx2.AsyncClient(
        base_url=served.address,
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
        trust_env=False,
    ) as client:
        asked = {"query": WATCH, "variables": {"id": task_id}}
        sse, parts = ({"Accept": media} for media in ("text/event-stream", "multipart/mixed"))
        async with (
            client.stream("GET", "/api/tasks/1/events") as events,
            client.stream("POST", "/graphql", headers=sse, json=asked) as graphql,
            client.stream("POST", "/graphql", headers=parts, json=asked) as multipart,
        ):
            ending = asyncio.create_task(asyncio.to_thread(served.process.signal, signal.SIGTERM))
            bodies = [await answer.aread() for answer in (events, graphql, multipart)]

    assert all(bodies)
    assert await ending == 0
    assert "Traceback" not in served.process.err()
    assert "graceful shutdown exceeded" not in served.process.err()


async def test_a_revoked_token_closes_its_sockets(served: Served, run: Callable[..., Any]) -> None:
    """Within five seconds, although another process revoked it."""
    token = served.token()
    socket = await watching(served, token, create(served, token, "sandbox:slow"))
    listed = orjson.loads(run("token", "list", "--json").stdout)
    await asyncio.to_thread(run, "token", "revoke", str(listed[0]["id"]))

    async with asyncio.timeout(5):
        assert await closed(socket) == 4403


async def test_an_event_stream_ends_with_the_task(served: Served) -> None:
    """The plain stream carries every event of a task that a worker runs beside it."""
    token = served.token()
    async with httpx2.AsyncClient(
        base_url=served.address, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        made = await client.post("/api/tasks", json={"group_id": "sandbox:happy", "max_posts": 50})
        path = f"/api/tasks/{made.json()['data']['id']}/events"
        async with client.stream("GET", path, timeout=20) as answer:
            lines = [line async for line in answer.aiter_lines()]

    seqs = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert '"type":"completed"' in lines[-2]


async def test_gql_subscribes_as_it_comes(served: Served) -> None:
    """The Python client reads a subscription to its end."""
    token = served.token()
    transport = WebsocketsTransport(
        url=served.address.replace("http", "ws") + "/graphql",
        init_payload={"Authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        connect_args={"proxy": None},
    )
    task_id = create(served, token, "sandbox:happy")

    async with Client(transport=transport) as session:
        request = GraphQLRequest(WATCH, variable_values={"id": task_id})
        updates = [result["taskUpdated"] async for result in session.subscribe(request)]

    seqs = [update["seq"] for update in updates]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert updates[-1]["type"] == "COMPLETED"
