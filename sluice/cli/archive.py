"""`sluice backup`, `restore` and `move`: all of an installation, in another place."""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from sluice import archive
from sluice.archive import Moved
from sluice.cli.shell import AsJson, Shell, print_json
from tasks.database import describe

File = Annotated[Path, typer.Argument(metavar="FILE")]


def backup(context: typer.Context, file: File, *, as_json: AsJson = False) -> None:
    """Write everything into one file, also while Sluice runs. Overwrites nothing.

    The file holds the tokens' digests and all posts: keep it as private as the database.
    """
    settings = Shell.of(context).settings()
    with _progress(shown=not as_json) as progress:
        rows = asyncio.run(archive.back_up(settings, file, progress=progress))
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, "rows": rows})
    else:
        typer.echo(f"Wrote {file}.\n{_counted(rows)}")


def restore(context: typer.Context, file: File, *, as_json: AsJson = False) -> None:
    """Bring a backup into an empty data directory, or an empty database. Overwrites nothing."""
    shell = Shell.of(context)
    settings = shell.settings()
    with _progress(shown=not as_json) as progress:
        moved = asyncio.run(archive.restore(settings, file, progress=progress))
    if as_json:
        print_json(_fields(moved))
        return
    typer.echo(f"Restored {file} into {describe(settings.database)}.")
    _tell(moved)
    if not settings.database_is_embedded:
        _tell_platform(moved)


def move(
    context: typer.Context,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="An empty database: postgresql://user:password@host/name.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Carry an embedded installation into an empty PostgreSQL: users, tokens, tasks, posts, events.

    Stop `sluice up` first. Ids and tokens stay what they are, and the old data stays where it is.
    """
    settings = Shell.of(context).settings()
    with _progress(shown=not as_json) as progress:
        moved = asyncio.run(archive.move(settings, to, progress=progress))
    if as_json:
        print_json(_fields(moved))
        return
    typer.echo(f"Moved {describe(settings.database)} to {describe(to)}; every row was counted.")
    _tell(moved)
    typer.echo(
        "\nFrom now on give every process SLUICE_DATABASE_URL with the new address, and "
        "SLUICE_BROKER_URL. The old data is not used any more; delete it when you like."
    )
    _tell_platform(moved)


def _tell(moved: Moved) -> None:
    done = moved.transferred
    typer.echo(_counted(done.rows))
    if done.released:
        typer.echo(f"Tasks that a worker had begun, and that go on from there: {done.released}")


def _tell_platform(moved: Moved) -> None:
    if moved.default_platform is not None:
        typer.echo(
            f"A group_id without a platform went to {moved.default_platform}; to keep that, set "
            f"SLUICE_DEFAULT_PLATFORM={moved.default_platform}."
        )


def _counted(rows: Mapping[str, int]) -> str:
    """Say how many there are of what people know."""
    names = {
        "users": "user_account",
        "tokens": "api_token",
        "tasks": "task",
        "posts": "post",
        "events": "task_event",
        "schedules": "schedule",
    }
    return ", ".join(f"{name}: {rows[table]}" for name, table in names.items() if table in rows)


def _fields(moved: Moved) -> dict[str, Any]:
    return {
        "rows": moved.transferred.rows,
        "released": moved.transferred.released,
        "default_platform": moved.default_platform,
    }


@contextlib.contextmanager
def _progress(*, shown: bool) -> Generator[Callable[[str, int, int], None]]:
    """Show a bar for each table, on a terminal alone; on standard error, beside the answer."""
    screen = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn())
    bars: dict[str, TaskID] = {}
    disabled = not (shown and screen.is_terminal)
    with Progress(*columns, console=screen, transient=True, disable=disabled) as progress:

        def tell(table: str, done: int, total: int) -> None:
            if table not in bars:
                bars[table] = progress.add_task(table, total=total)
            progress.update(bars[table], completed=done)

        yield tell
