"""Backups, restoring them, and the way from one machine to many."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sluice import sources
from sluice.data_directory import DataDirectory
from sluice.errors import StartRefused
from sluice.instruments import VERSION
from sluice.services import require_database
from sluice.settings import Settings, check_database_url
from tasks import backup, transfer
from tasks.database import describe
from tasks.transfer import Progress, Transferred

#: A note in a backup: the platform for bare ids that was chosen in the data directory.
_PLATFORM: Final = "default_platform"


@dataclass(frozen=True, slots=True)
class Moved:
    """What is in its new place, and the platform for bare ids that held in the old one."""

    transferred: Transferred
    default_platform: str | None


async def back_up(settings: Settings, file: Path, *, progress: Progress) -> Mapping[str, int]:
    """Write a backup while Sluice runs, or while it does not; returns the rows by table.

    Raises:
        TransferRefused: There is such a file, or it cannot be written.
        StorageError: The database cannot be read.
    """
    await require_database(settings)
    notes = {"version": VERSION, "of": describe(settings.database)}
    # The choice of the data directory only: what an environment sets, it still sets tomorrow.
    if settings.database_is_embedded and (platform := _chosen(settings)) is not None:
        notes[_PLATFORM] = platform
    return await backup.back_up(settings.database, file, notes=notes, progress=progress)


async def restore(settings: Settings, file: Path, *, progress: Progress) -> Moved:
    """Bring a backup's content into the settings' database, which must be empty.

    Raises:
        TransferRefused: The file is no sound backup, or there is something already.
        DataDirectoryUnusable: Somebody serves from the data directory, or it cannot be written.
        StorageError: The database cannot be written.
    """
    directory = DataDirectory(settings.data_dir)
    embedded = settings.database_is_embedded
    with directory.held() if embedded else contextlib.nullcontext():
        done, notes = await backup.restore(file, settings.database, progress=progress)
        platform = notes.get(_PLATFORM)
        if embedded and platform is not None:
            directory.choose_default_platform(platform)
    return Moved(done, platform)


async def move(settings: Settings, target: str, *, progress: Progress) -> Moved:
    """Carry an embedded installation into an empty PostgreSQL; the old one stays as it is.

    Nobody may serve from it meanwhile: what they would write after this moment would stay behind.

    Raises:
        StartRefused: The installation is on PostgreSQL already, or the target is no PostgreSQL.
        DataDirectoryUnusable: Somebody serves from the data directory.
        TransferRefused: The target is not empty, or did not take every row; it is unchanged.
        StorageError: One of the databases cannot be used; the target is unchanged.
    """
    if not settings.database_is_sqlite:
        raise StartRefused(
            f"`sluice move` carries an embedded installation, and {describe(settings.database)} is "
            "none; use `sluice backup` there and `sluice restore` where it should go."
        )
    check_database_url(target)
    if target.startswith("sqlite:"):
        raise StartRefused(
            "`sluice move --to` needs an address like postgresql://user:password@host/name; for a "
            "copy on SQLite, use `sluice backup` and `sluice restore`."
        )
    await require_database(settings)
    embedded = settings.database_is_embedded
    directory = DataDirectory(settings.data_dir)
    with directory.held() if embedded else contextlib.nullcontext():
        await transfer.prepare(target)
        done = await transfer.copy(settings.database, target, progress=progress, settles=True)
    return Moved(done, _chosen(settings) if embedded else None)


def _chosen(settings: Settings) -> str | None:
    """Return the platform that holds for bare ids by the data directory's choice."""
    if settings.default_platform is not None:
        return None
    return sources.default_platform(settings)
