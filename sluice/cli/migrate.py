"""`sluice migrate`: bring the database up to date."""

import asyncio

import typer

from sluice.cli.shell import AsJson, Shell, print_json
from sluice.data_directory import DataDirectory
from tasks import migrations
from tasks.database import describe


def migrate(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Bring the database up to date. Safe to run twice, and beside a running server."""
    settings = Shell.of(context).settings()
    if settings.database_is_embedded:
        DataDirectory(settings.data_dir).make()
    before = asyncio.run(migrations.migrate(settings.database))
    if as_json:
        print_json({"from": before.current, "to": before.head, "applied": before.pending})
    elif before.pending:
        typer.echo(f"Applied {', '.join(before.pending)} to {describe(settings.database)}.")
    else:
        typer.echo(f"{describe(settings.database)} is up to date, at {before.head}.")
