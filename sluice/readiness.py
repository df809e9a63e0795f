"""What `/readyz` checks."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.health import CHECK_SECONDS, Check
from sluice.errors import BrokerUnavailable
from sluice.redaction import redact_address
from sluice.services import Services
from sluice.settings import REDIS_SCHEMES, Settings
from tasks import migrations
from tasks.inspection import Inspection

_AMQP_PORTS: Final = {"amqp": 5672, "amqps": 5671}
#: What a client says first (AMQP 0-9-1, section 4.2.2), and the type of frame that answers it.
_AMQP_GREETING: Final = b"AMQP\x00\x00\x09\x01"
_AMQP_METHOD_FRAME: Final = b"\x01"


def checks(settings: Settings, services: Services) -> Mapping[str, Check]:
    """Return the checks by the names that `/readyz` answers with."""
    found: dict[str, Check] = {
        "database": Inspection(services.database).ping,
        "migrations": MigrationsCheck(settings.database),
    }
    if not settings.broker_is_in_memory:
        found["broker"] = BrokerCheck(settings.broker_url)
    return found


class MigrationsCheck:
    """Passes when the database has all migrations and none that this code cannot work with.

    Asking opens a connection of its own and, on SQLite, waits for the writers; so a database
    found in order is believed for `keep_seconds`. One that is not is asked each time, so that
    the process serves as soon as somebody has migrated.
    """

    def __init__(self, url: str, *, keep_seconds: float = 30.0) -> None:
        self._url = url
        self._keep_seconds = keep_seconds
        self._good_until = 0.0

    async def __call__(self) -> None:
        """Ask, or remember.

        Raises:
            StorageError: Migrations are missing or too new, or the database is away.
        """
        if time.monotonic() < self._good_until:
            return
        await migrations.require_current(self._url)
        self._good_until = time.monotonic() + self._keep_seconds


class BrokerCheck:
    """Passes when the broker answers in its protocol.

    Asked on a connection of its own: the one that sends wake-ups belongs to a thread that may be
    waiting for it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self) -> None:
        """Ask.

        Raises:
            BrokerUnavailable: It refused, hung up, or said something else.
        """
        scheme = urlsplit(self._url).scheme
        try:
            await (self._ping_redis() if scheme in REDIS_SCHEMES else self._greet_amqp())
        except (OSError, RedisError) as error:
            where = redact_address(self._url)
            raise BrokerUnavailable(f"The broker {where} does not answer: {error}.") from None

    async def _ping_redis(self) -> None:
        client: Redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its **kwargs
            self._url, socket_connect_timeout=CHECK_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        async with client:
            await client.ping()  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues] - typed for both worlds

    async def _greet_amqp(self) -> None:
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(
            address.hostname,
            address.port or _AMQP_PORTS[address.scheme],
            ssl=True if address.scheme == "amqps" else None,
        )
        try:
            writer.write(_AMQP_GREETING)
            answer = await reader.read(1)
        finally:
            writer.close()
        if answer != _AMQP_METHOD_FRAME:
            raise ConnectionError("what listens there does not speak AMQP 0-9-1")
