import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.errors import BrokerUnavailable
from sluice.readiness import BrokerCheck, MigrationsCheck
from tasks.errors import DatabaseOutdated
from tasks.migrations import migrate
from tests.conftest import REDIS_SERVER, missing

pytestmark = pytest.mark.enable_socket

RABBITMQ = os.environ.get("SLUICE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")


@pytest.fixture
async def stranger() -> AsyncIterator[int]:
    """Return the port of a server that answers everybody with HTTP and hangs up."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(("name", "url"), [("Redis", REDIS_SERVER), ("RabbitMQ", RABBITMQ)])
async def test_a_broker_that_is_there_passes(name: str, url: str) -> None:
    """On the real servers, where they can be reached."""
    try:
        await BrokerCheck(url)()
    except BrokerUnavailable:
        missing(name)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
async def test_a_broker_that_is_away_is_named_without_its_password(scheme: str) -> None:
    """Nothing listens on port 1."""
    with pytest.raises(BrokerUnavailable) as caught:
        await BrokerCheck(f"{scheme}://u:geheim@127.0.0.1:1")()

    assert f"{scheme}://u:***@127.0.0.1:1 does not answer" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
async def test_something_else_on_the_brokers_port_does_not_pass(stranger: int, scheme: str) -> None:
    """A port that is open is not yet a broker."""
    with pytest.raises(BrokerUnavailable):
        await BrokerCheck(f"{scheme}://127.0.0.1:{stranger}")()


async def test_a_database_in_order_is_believed_for_a_while(tmp_path: Path) -> None:
    """One that is not is asked again at once, so that serving begins when it is migrated."""
    path = tmp_path / "sluice.db"
    check = MigrationsCheck(f"sqlite:///{path}")
    with pytest.raises(DatabaseOutdated):
        await check()

    await migrate(f"sqlite:///{path}")
    await check()
    path.unlink()

    await check()
