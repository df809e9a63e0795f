"""The application with its live transports, and sockets to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from api.limit import ProcessCounter
from api.middleware import protected
from graph.application import GraphQLSettings, routes
from graph.context import Services
from graph.transport.live import Live
from graph.types.node import global_id
from sluice.serving import configured
from tasks import models
from tasks.accounts import AccountService
from tasks.connections import LiveConnections
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from tests.graph.conftest import CountingDatabase
from tests.graph.transport.socket import Socket


@pytest.fixture
def connections(counting: CountingDatabase) -> LiveConnections:
    """Return a register that looks at credentials when it is told to."""
    return LiveConnections(counting, most=3)


@pytest.fixture
def build(
    services: Services, accounts: AccountService, connections: LiveConnections
) -> Callable[..., ASGIApp]:
    """Return what builds the application, given what differs of the live transports."""

    def application(**more: Any) -> ASGIApp:
        live = Live(authenticate=accounts.authenticate, connections=connections, **more)
        return protected(
            Starlette(routes=list(routes(services, GraphQLSettings(), live=live))),
            authenticate=accounts.authenticate,
            counter=ProcessCounter(),
        )

    return application


@pytest.fixture
async def token(accounts: AccountService, user: models.User) -> str:
    """Return a token of the user."""
    return (await accounts.create_token(user.id, "client")).token


class Server:
    """An application that is served as the product serves its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._server = uvicorn.Server(configured(lambda: app))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def end(self) -> None:
        """End well."""
        self._server.should_exit = True
        await self._serving


@pytest.fixture
async def open_socket(app: ASGIApp) -> AsyncIterator[Callable[..., Socket]]:
    """Return what makes a socket to the application, or to another one."""
    servers: dict[int, Server] = {}
    opened: list[Socket] = []

    def opening(of: ASGIApp | None = None, **more: Any) -> Socket:
        served = of or app
        if id(served) not in servers:
            servers[id(served)] = Server(served)
        opened.append(Socket(servers[id(served)].port, **more))
        return opened[-1]

    yield opening
    for each in opened:
        each.leave()
    for server in servers.values():
        await server.end()


@pytest.fixture
def ready(open_socket: Callable[..., Socket], token: str) -> Callable[..., Awaitable[Socket]]:
    """Return what opens a socket and initialises it."""

    async def opening(of: ASGIApp | None = None) -> Socket:
        opened = open_socket(of)
        await opened.accepted()
        opened.say("connection_init", payload={"Authorization": f"Bearer {token}"})
        assert await opened.hear() == {"type": "connection_ack"}
        return opened

    return opening


@pytest.fixture
async def task_id(service: TaskService, principal: Principal) -> str:
    """Return the global id of a pending task."""
    new = NewTask.parse({"group_id": "sandbox:happy", "max_posts": 10})
    return global_id("Task", (await service.create(principal, new)).id)
