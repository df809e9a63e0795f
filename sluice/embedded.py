"""`sluice up`: the whole product in one process, set up when it starts for the first time."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.pages.entrance import link_path
from sluice import serving, sources, workforce
from sluice.app import Gateway
from sluice.data_directory import DataDirectory
from sluice.instruments import new_metrics
from sluice.listening import address_of, listen
from sluice.services import Databases, open_services
from sluice.settings import Settings
from tasks import migrations
from tasks.claim import Limits
from tasks.ports import Sleeper
from tasks.sessions import SignInLinks
from tasks.work import WorkService

FIRST_USER: Final = "admin@localhost"
FIRST_TOKEN: Final = "first"  # noqa: S105 - the token's name, not the token
FIRST_PLATFORM: Final = "sandbox"


@dataclass(frozen=True, slots=True)
class Started:
    """What a person should know when the product is about to serve."""

    address: str
    data_dir: str
    default_platform: str | None
    chose_platform: bool  #: The platform was not set but chosen when the directory was new.
    token: str | None  #: Of the first user; known at the first start alone.
    user: str | None  #: The first user; as above.
    link: str | None  #: The path that signs them in once; as above.


def run(settings: Settings, *, announce: Callable[[Started], None]) -> None:
    """Set up what is missing, call `announce`, and serve until a signal comes.

    Raises:
        DataDirectoryUnusable, AddressUnavailable, StorageError: Before anything is served.
    """
    directory = DataDirectory(settings.data_dir)
    with directory.held(), contextlib.closing(listen(settings.host, settings.port)) as listener:
        started = asyncio.run(_prepare(settings, directory, listener))
        metrics = new_metrics()
        databases = Databases(settings)
        with workforce.working(settings, metrics, databases=databases) as waker:
            # The worker's own waker, which the gateway must not close.
            gateway = Gateway(
                settings,
                open_waker=lambda: contextlib.nullcontext(waker),
                metrics=metrics,
                databases=databases,
            )
            serving.serve(gateway, listener, on_start=lambda: announce(started))


async def _prepare(
    settings: Settings, directory: DataDirectory, listener: socket.socket
) -> Started:
    """Migrate, and on the first start make the user, the token and the choice of a platform."""
    if settings.default_platform is None and settings.database_is_embedded and directory.is_fresh:
        directory.choose_default_platform(FIRST_PLATFORM)
    await migrations.migrate(settings.database)
    if settings.database_is_embedded:
        await _end_leases(settings)
    user, token, link = await _first_user(settings)
    platform = sources.default_platform(settings)
    return Started(
        address=address_of(listener),
        data_dir=str(directory.path),
        default_platform=platform,
        chose_platform=platform is not None and settings.default_platform is None,
        user=user,
        token=token,
        link=link,
    )


async def _end_leases(settings: Settings) -> None:
    """End what a process that died here held: the directory is ours, so nobody else works on it.

    Its tasks go on at once instead of when their leases would have run out.
    """
    async with Databases(settings).opened() as database:
        await WorkService(database, waker=Sleeper(), limits=Limits()).end_leases()


async def _first_user(settings: Settings) -> tuple[str | None, str | None, str | None]:
    """Make the first user, their token and their link if there is no user at all."""
    async with open_services(settings, waker=Sleeper()) as services:
        if await services.accounts.users():
            return None, None, None
        user = await services.accounts.create_user(FIRST_USER, is_admin=True)
        issued = await services.accounts.create_token(user.id, FIRST_TOKEN)
        link = link_path(await SignInLinks(services.database).create(user.id))
        return user.email, issued.token, link
