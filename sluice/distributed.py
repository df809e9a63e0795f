"""`sluice serve` and `sluice worker`: many processes on one database and one broker."""

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Final

from sluice import workforce
from sluice.errors import StartRefused
from sluice.instruments import new_metrics
from sluice.listening import address_of, listen
from sluice.settings import Settings
from tasks import migrations

_TOGETHER: Final = "or use `sluice up`, which needs neither."


def serve(settings: Settings, *, processes: int, announce: Callable[[str], None]) -> None:
    """Serve HTTP from `processes` processes until a signal comes.

    Raises:
        StartRefused: The settings keep processes from working together.
        AddressUnavailable, StorageError: Before anything is served.
    """
    from sluice import serving  # noqa: PLC0415 - a worker needs none of it
    from sluice.app import Gateway  # noqa: PLC0415 - likewise, a fifth of its memory

    _refuse_lonely(settings, command="serve")
    with contextlib.closing(listen(settings.host, settings.port)) as listener:
        asyncio.run(migrations.refuse_too_new(settings.database))
        address = address_of(listener)
        if processes == 1:
            gateway = Gateway(
                settings,
                open_waker=functools.partial(workforce.waking, settings),
                metrics=new_metrics(),
            )
            serving.serve(gateway, listener, on_start=lambda: announce(address))
        else:
            announce(address)
            serving.serve_in_processes(settings, listener, processes=processes)


def work(settings: Settings, *, announce: Callable[[], None]) -> None:
    """Run tasks until a signal comes.

    Raises:
        StartRefused: The settings keep processes from working together.
        StorageError: Before any task is claimed.
    """
    _refuse_lonely(settings, command="worker")
    asyncio.run(migrations.refuse_too_new(settings.database))
    workforce.work(settings, new_metrics(), on_start=announce)


def _refuse_lonely(settings: Settings, *, command: str) -> None:
    """Refuse what only one process can use: the command is for several."""
    if settings.broker_is_in_memory:
        raise StartRefused(
            f"`sluice {command}` runs beside other processes, which the in-memory broker cannot "
            "reach; set SLUICE_BROKER_URL to redis://host:6379/0 or amqp://host:5672, "
            f"{_TOGETHER}"
        )
    if settings.database_is_sqlite:
        raise StartRefused(
            f"`sluice {command}` runs beside other processes, and SQLite is for one; set "
            f"SLUICE_DATABASE_URL to postgresql://user:password@host/name, {_TOGETHER}"
        )
