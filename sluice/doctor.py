"""What `sluice doctor` looks at, and what it says to do about it.

A check never raises: what it cannot find out is a finding too. Nothing is changed, but that
opening a SQLite database may write its log.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sluice import open_files, sources
from sluice.data_directory import DataDirectory
from sluice.errors import BrokerUnavailable, DataDirectoryUnusable, SettingInvalid
from sluice.readiness import BrokerCheck
from sluice.redaction import redact, redact_address
from sluice.settings import Settings, unknown_variables
from tasks import migrations
from tasks.database import Database, describe, open_database
from tasks.database.opening import sqlite_path
from tasks.diagnosis import Diagnosis, Stuck
from tasks.errors import DatabaseTooNew, StorageError, TaskError

#: How long a server may take to answer before it counts as away.
PATIENCE_SECONDS: Final = 5.0
#: Clocks that differ by less are kept well enough. Leases and due times use the database's
#: clock alone; a machine's own decides when tokens expire and what its log says.
SKEW_SECONDS: Final = 2.0
SKEW_BROKEN_SECONDS: Final = 60.0
#: A full disk stops SQLite's writes; an hour's warning at a gigabyte an hour.
DISK_LOW_BYTES: Final = 1 << 30
DISK_FULL_BYTES: Final = 100 << 20
#: A claimable task that waited longer, while nothing runs, has no worker.
UNTAKEN_SECONDS: Final = 60.0


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"  #: Works, but somebody should look.
    PROBLEM = "problem"  #: Does not work.


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and for whatever is not in order what to do."""

    check: str
    state: State
    says: str
    advice: str | None = None


def ok(check: str, says: str) -> Finding:
    """Say that all is well."""
    return Finding(check, State.OK, says)


def warning(check: str, says: str, advice: str) -> Finding:
    """Say that somebody should look."""
    return Finding(check, State.WARNING, says, advice)


def problem(check: str, says: str, advice: str) -> Finding:
    """Say that something does not work."""
    return Finding(check, State.PROBLEM, says, advice)


async def examine(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> AsyncGenerator[Finding]:
    """Yield the findings one after the other, as they are made."""
    for finding in _settings(settings, environment):
        yield finding
    yield _open_files()
    for finding in _data_directory(settings):
        yield finding
    yield await _broker(settings)
    yield await _redis(settings)
    async for finding in _database(settings):
        yield finding


def _settings(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Read the environment once more, for what has no effect and for the default platform."""
    check = "settings"
    try:
        catalogue = sources.catalogue(settings, environment)
    except (SettingInvalid, DataDirectoryUnusable) as error:
        return [problem(check, str(error), "Correct the variable and call this again.")]
    unknown = list(unknown_variables(environment, sources=sources.variables(catalogue)))
    found = [warning(check, each, "Correct its name, or remove it.") for each in unknown]
    if not settings.database_is_embedded and settings.secret_key is None:
        says = "SLUICE_SECRET_KEY is not set: a web session holds in one process, until it ends."
        found.append(warning(check, says, "Set it to the same long random text on each gateway."))
    return found or [ok(check, "All variables are known and have values that can be used.")]


def _open_files() -> Finding:
    """Look at how many connections a process may have."""
    check, most = "open files", open_files.raise_limit()
    says = f"A process may have {most:,} files open; each connection is one."
    if most < open_files.FEW:
        return warning(
            check, says, "Raise the hard limit (ulimit -Hn, or LimitNOFILE= in systemd)."
        )
    return ok(check, says)


def _data_directory(settings: Settings) -> list[Finding]:
    """Look at the directory and its disk, where something is kept there."""
    check, path = "data directory", settings.data_dir.absolute()
    if not settings.database_is_embedded:
        return [ok(check, "Not used: SLUICE_DATABASE_URL names the database.")]
    if not path.is_dir():
        return [problem(check, f"There is no directory {path}.", _make_it())]
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        who = f"Give it to the user that runs Sluice: chown -R {_user()} {path}"
        return [problem(check, f"{path} cannot be read and written by this user.", who)]
    found = [_privacy(check, path), _disk(path)]
    holder = DataDirectory(path).holder()
    found[0] = Finding(check, found[0].state, f"{found[0].says} {_held(holder)}", found[0].advice)
    return found


def _make_it() -> str:
    return (
        "Run `sluice up` or `sluice migrate` to make it, or say where it is with --data-dir or "
        "SLUICE_DATA_DIR."
    )


def _user() -> str:
    return str(os.geteuid())


def _held(holder: str | None) -> str:
    return "Nobody serves from it." if holder is None else f"Process {holder} serves from it."


def _privacy(check: str, path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        says = f"{path} can be entered by other users of this machine (mode {mode:04o})."
        return warning(check, says, f"chmod 700 {path}")
    return ok(check, f"{path} is there, and private.")


def _disk(path: Path) -> Finding:
    check, usage = "disk", shutil.disk_usage(path)
    says = f"{_size(usage.free)} of {_size(usage.total)} are free where {path} is."
    advice = "Free some space, or let less be kept: SLUICE_KEEP_EVENTS_DAYS, SLUICE_KEEP_POSTS_DAYS"
    if usage.free < DISK_FULL_BYTES:
        return problem(check, says, f"{advice}.")
    if usage.free < DISK_LOW_BYTES:
        return warning(check, says, f"{advice}.")
    return ok(check, says)


def _size(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:  # noqa: PLR2004 - what the units are made of
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


async def _broker(settings: Settings) -> Finding:
    check = "broker"
    if settings.broker_is_in_memory:
        says = "In memory: wakes the workers of `sluice up`; `serve` and `worker` need another."
        return ok(check, says)
    advice = "Start it, or correct SLUICE_BROKER_URL. Until it answers, no task is begun."
    return await _answers(check, settings.broker_url, "SLUICE_BROKER_URL", advice)


async def _redis(settings: Settings) -> Finding:
    check = "redis"
    if settings.redis_url is None:
        says = "Not set: events and rate limits stay within a process, other processes poll."
        return ok(check, says)
    advice = (
        "Start it, or correct SLUICE_REDIS_URL. Until then events come by polling, and rate "
        "limits count per process."
    )
    return await _answers(check, settings.redis_url, "SLUICE_REDIS_URL", advice)


async def _answers(check: str, url: str, variable: str, advice: str) -> Finding:
    """Ask a server in its own protocol."""
    where = redact_address(url)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await BrokerCheck(url)()
    except TimeoutError:
        says = f"{where} ({variable}) does not answer within {PATIENCE_SECONDS:.0f} seconds."
        return problem(check, says, advice)
    except BrokerUnavailable as error:
        reason = str(error).removeprefix("The broker ")
        return problem(check, reason, advice)
    return ok(check, f"{where} answers.")


async def _database(settings: Settings) -> AsyncGenerator[Finding]:
    """Open the database and examine it; what comes later needs what comes before."""
    check, where = "database", describe(settings.database)
    # Asking SQLite would make the file.
    if settings.database_is_sqlite and not (path := sqlite_path(settings.database)).exists():
        yield problem(check, f"There is no file {path}.", _make_it())
        return
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            database = await open_database(settings.database, connections=2)
    except (StorageError, TimeoutError) as error:
        says = str(error) or f"{where} does not answer within {PATIENCE_SECONDS:.0f} seconds."
        yield problem(check, redact(says), _reach(settings))
        return
    try:
        version = await Diagnosis(database).version()
        yield ok(check, f"{where} answers, version {version}.")
        standing = await _migrations(settings)
        yield standing
        for name, examination in _EXAMINATIONS:
            if standing.state is State.OK or name == "integrity":
                yield await _found(name, examination, database)
    except StorageError as error:
        yield problem(check, redact(str(error)), _reach(settings))
    finally:
        await database.close()


def _reach(settings: Settings) -> str:
    if settings.database_is_sqlite:
        return "Look at the file and its directory; restore a backup with `sluice restore FILE`."
    return "Start the server, or correct SLUICE_DATABASE_URL; the message says what it refused."


async def _migrations(settings: Settings) -> Finding:
    check = "migrations"
    try:
        standing = await migrations.refuse_too_new(settings.database)
    except DatabaseTooNew as error:
        return problem(check, str(error), "Install that version.")
    if standing.pending:
        says = f"{len(standing.pending)} are missing: {', '.join(standing.pending)}."
        return problem(check, says, "Run `sluice migrate`.")
    return ok(check, f"All are there, up to {standing.current}.")


async def _found(
    name: str, examination: Callable[[Database], Awaitable[Finding]], database: Database
) -> Finding:
    """Make an examination; one that the database breaks off is a finding too."""
    try:
        return await examination(database)
    except TaskError as error:
        advice = "The message says what the database refused; its own log may say more."
        return problem(name, redact(str(error)), advice)


async def _writing(database: Database) -> Finding:
    await Diagnosis(database).try_to_write()
    return ok("writing", "A row was written and taken back.")


async def _clocks(database: Database) -> Finding:
    check = "clocks"
    if database.dialect == "sqlite":
        return ok(check, "The database uses the clock of this machine.")
    skew = await Diagnosis(database).skew_seconds()
    direction = "ahead of" if skew > 0 else "behind"
    says = f"The database's clock is {abs(skew):.3f} seconds {direction} this machine's."
    advice = "Let NTP set the clocks of both machines."
    if abs(skew) >= SKEW_BROKEN_SECONDS:
        return problem(check, says, advice)
    return warning(check, says, advice) if abs(skew) >= SKEW_SECONDS else ok(check, says)


async def _integrity(database: Database) -> Finding:
    check = "integrity"
    if database.dialect != "sqlite":
        return ok(check, "PostgreSQL looks after its own files.")
    faults = await Diagnosis(database).faults()
    if faults:
        return problem(
            check,
            f"The database file is damaged: {'; '.join(faults)}.",
            "Stop Sluice, keep a copy of the file, and restore a backup with `sluice restore`.",
        )
    return ok(check, "The database file is sound.")


async def _tasks(database: Database) -> Finding:
    check, stuck = "tasks", await Diagnosis(database).stuck()
    says = _complaint(stuck)
    if says is None:
        return ok(check, f"Running: {stuck.running}; waiting for a worker: {stuck.claimable}.")
    return warning(
        check,
        says,
        "Is there a worker? Start `sluice up`, or `sluice worker`: one that runs puts this in "
        "order within a minute. If one does, its log says why it cannot.",
    )


def _complaint(stuck: Stuck) -> str | None:
    """Say what is stuck, or None."""
    parts: list[str] = []
    if stuck.expired_leases:
        parts.append(f"{stuck.expired_leases} are held by workers that fell silent")
    if stuck.overdue_waits:
        parts.append(f"{stuck.overdue_waits} have waited past their time")
    if stuck.out_of_line:
        parts.append(
            f"{stuck.out_of_line} can be claimed, but {stuck.owners_out_of_line} of their owners "
            "are not in the line"
        )
    if not stuck.running and stuck.oldest_seconds > UNTAKEN_SECONDS:
        parts.append(
            f"{stuck.claimable} wait for a worker, the oldest for {stuck.oldest_seconds:.0f} "
            "seconds, and none runs"
        )
    if stuck.overdue_schedules:
        parts.append(f"{stuck.overdue_schedules} that schedules should have made were not")
    return f"Of the tasks, {'; '.join(parts)}." if parts else None


_EXAMINATIONS: Final[tuple[tuple[str, Callable[[Database], Awaitable[Finding]]], ...]] = (
    ("writing", _writing),
    ("integrity", _integrity),
    ("clocks", _clocks),
    ("tasks", _tasks),
)
