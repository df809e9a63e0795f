"""The application with its live transports, and sockets to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

import graph
from api.limit import ProcessCounter
from api.middleware import protected
from graph import GraphQLSettings, Live, Services
from tasks import models
from tasks.accounts import AccountService
from tasks.connections import LiveConnections
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
            Starlette(routes=list(graph.routes(services, GraphQLSettings(), live=live))),
            authenticate=accounts.authenticate,
            counter=ProcessCounter(),
        )

    return application


@pytest.fixture
async def token(accounts: AccountService, user: models.User) -> str:
    """Return a token of the user."""
    return (await accounts.create_token(user.id, "client")).token


@pytest.fixture
async def open_socket(app: ASGIApp) -> AsyncIterator[Callable[..., Socket]]:
    """Return what opens a socket."""
    opened: list[Socket] = []

    def opening(of: ASGIApp | None = None, **more: Any) -> Socket:
        opened.append(Socket(of or app, **more))
        return opened[-1]

    yield opening
    for socket in opened:
        socket.serving.cancel()
    await asyncio.gather(*(socket.serving for socket in opened), return_exceptions=True)


@pytest.fixture
def ready(open_socket: Callable[..., Socket], token: str) -> Callable[..., Awaitable[Socket]]:
    """Return what opens a socket and initialises it."""

    async def opening(of: ASGIApp | None = None) -> Socket:
        socket = open_socket(of)
        await socket.accepted()
        socket.say("connection_init", payload={"Authorization": f"Bearer {token}"})
        assert await socket.hear() == {"type": "connection_ack"}
        return socket

    return opening
