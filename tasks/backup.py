"""Backups: always one SQLite file, whatever database they are of.

Of SQLite it is a copy that SQLite itself makes, page by page, of one moment, while others go
on writing. Of PostgreSQL it is a copy row by row of one moment (`tasks/transfer.py`), so that
either can be restored into either, and looked into without a server.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tasks import migrations, transfer
from tasks.database.opening import sqlite_path
from tasks.errors import TransferRefused
from tasks.transfer import Progress, Transferred

_MAGIC: Final = b"SQLite format 3\0"
#: Beside our tables, and no migration's business: what a backup says of itself.
_NOTES: Final = "CREATE TABLE backup_note (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
_DROP_NOTES: Final = "DROP TABLE IF EXISTS backup_note"


async def back_up(
    url: str, file: Path, *, notes: Mapping[str, str], progress: Progress
) -> Mapping[str, int]:
    """Write a backup of a migrated database to `file`; returns the rows by table.

    `notes` are kept in it, for who restores it. The file appears when it is whole, and is
    readable by its owner alone.

    Raises:
        TransferRefused: There is such a file, or it cannot be written.
        StorageError: The database does not answer, or has another schema than this code.
    """
    _refuse_existing(file)
    await migrations.require_current(url)
    with _refusing(file), tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as folder:
        made = Path(folder) / "backup.db"
        if url.startswith("sqlite:"):
            await asyncio.to_thread(_duplicate, sqlite_path(url), made)
        else:
            await migrations.migrate(_url(made))
            await transfer.copy(url, _url(made), progress=progress, settles=False)
        rows = await asyncio.to_thread(_finish, made, notes)
        made.chmod(0o600)
        _publish(made, file)
    return rows


async def restore(
    file: Path, url: str, *, progress: Progress
) -> tuple[Transferred, Mapping[str, str]]:
    """Bring a backup's content into an empty database, or a SQLite file that is not there yet.

    A backup of an older version is brought up to date. The backup itself is only read.

    Returns:
        What was restored, and the backup's notes.

    Raises:
        TransferRefused: The file is no backup of ours or is damaged, or there is something where
            it should go.
        DatabaseTooNew: A newer version made the backup.
        StorageError: The database does not answer.
    """
    target = sqlite_path(url) if url.startswith("sqlite:") else None
    if target is not None:
        _refuse_existing(target)
    place = None if target is None else target.parent
    with (
        _refusing(target or file),
        tempfile.TemporaryDirectory(prefix=".restore-", dir=place) as folder,
    ):
        copied = Path(folder) / "restored.db"
        notes = await asyncio.to_thread(_take, file, copied)
        standing = await migrations.standing(_url(copied))
        if standing.current is None:
            raise TransferRefused(f"{file} is a SQLite file, but no backup of Sluice.")
        await migrations.migrate(_url(copied))
        if target is None:
            await transfer.prepare(url)
            done = await transfer.copy(_url(copied), url, progress=progress, settles=True)
        else:
            done = await transfer.settle(_url(copied))
            copied.chmod(0o600)
            _publish(copied, target)
    return done, notes


def _url(path: Path) -> str:
    return f"sqlite:///{quote(str(path.absolute()))}"


def _refuse_existing(file: Path) -> None:
    # `lexists`: a link to nowhere is something that would be overwritten, too.
    if os.path.lexists(file):
        raise TransferRefused(f"There is a file {file} already, and nothing is overwritten.")


@contextmanager
def _refusing(file: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TransferRefused(f"{file} cannot be written: {reason}.") from None


def _publish(made: Path, file: Path) -> None:
    """Give a whole file its name, unless somebody was faster."""
    try:
        os.link(made, file)
    except FileExistsError:
        _refuse_existing(file)
    except OSError:
        # A file system without links; what was there a moment ago was looked at.
        _refuse_existing(file)
        made.rename(file)


def _duplicate(path: Path, made: Path) -> None:
    """Let SQLite copy a file that others write to: in one step, so that it sees one moment."""
    with closing(_connect(path)) as source, closing(sqlite3.connect(made)) as copied:
        source.backup(copied)


def _finish(made: Path, notes: Mapping[str, str]) -> Mapping[str, int]:
    """Make one file of it, write the notes, and count."""
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        _check(connection, made)
        # A backup is one file: without the log that WAL keeps beside it.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(_DROP_NOTES)
        connection.execute(_NOTES)
        kept = {**notes, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
        connection.executemany("INSERT INTO backup_note VALUES (?, ?)", list(kept.items()))
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - a name of ours
            for name in transfer.TABLES
        }


def _take(file: Path, copied: Path) -> Mapping[str, str]:
    """Copy a backup to where it can be changed; returns its notes."""
    try:
        with file.open("rb") as opened:
            is_sqlite = opened.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TransferRefused(f"{file} cannot be read: {reason}.") from None
    if not is_sqlite:
        raise TransferRefused(f"{file} is no backup of Sluice: it is not even a SQLite file.")
    try:
        _duplicate(file, copied)
        with closing(sqlite3.connect(copied, isolation_level=None)) as connection:
            _check(connection, file)
            notes = _read_notes(connection)
            connection.execute(_DROP_NOTES)
    except sqlite3.Error as error:
        raise TransferRefused(f"{file} cannot be read: {error}.") from None
    return notes


def _read_notes(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Return the notes; a copy of a database file that somebody made by hand has none."""
    try:
        return dict(connection.execute("SELECT name, value FROM backup_note"))
    except sqlite3.OperationalError:
        return {}


def _check(connection: sqlite3.Connection, file: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise TransferRefused(f"{file} is damaged: {found}.")


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file to read it alone; its log, which others write, is still seen."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
