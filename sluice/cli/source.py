"""`sluice source`: which platforms there are, and what a `group_id` means to them."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from sluice import sources
from sluice.cli.shell import AsJson, Shell, print_fields, print_json, print_table
from sluice.settings import Settings
from tasks.ports import Preview, Unasked
from workers.preview import SourcePreviewer
from workers.source import Source, SourceState

commands = typer.Typer(help="Which platforms can be read.", no_args_is_help=True)


@commands.command("list")
def list_sources(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the platforms, and what each needs."""
    found = sources.catalogue(Shell.of(context).settings()).sources
    if as_json:
        print_json([fields_of(source) for source in found])
    else:
        print_table(("Platform", "State", "Tried on", "Example", "A target is"), _rows(found))


@commands.command()
def check(
    context: typer.Context,
    group_id: Annotated[
        str, typer.Argument(metavar="GROUP_ID", help="`platform:target`, or an address.")
    ],
    *,
    max_posts: Annotated[
        int, typer.Option(min=1, max=500, help="For how many posts to work out what it takes.")
    ] = 100,
    offline: Annotated[
        bool, typer.Option("--offline", help="Say what it means, without asking the platform.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a group_id means, whether it can be read, and what that takes.

    Asks the platform for one page. Ends with 1 if it cannot be read.
    """
    settings = Shell.of(context).settings()
    preview = asyncio.run(_preview(settings, group_id, max_posts=max_posts, offline=offline))
    (print_json if as_json else print_fields)(asdict(preview))
    if preview.is_readable is False:
        raise typer.Exit(1)


async def _preview(settings: Settings, group_id: str, *, max_posts: int, offline: bool) -> Preview:
    catalogue = sources.catalogue(settings)
    if offline:
        return await Unasked(catalogue).preview(group_id, max_posts)
    # One page, so that it needs no database: its calls are counted beside the workers' ones.
    async with sources.http_client(settings) as http:
        previewer = SourcePreviewer(catalogue, http, rates=settings.rates)
        return await previewer.preview(group_id, max_posts)


def fields_of(source: Source) -> dict[str, Any]:
    """Return what is known of a source without asking it, and none of its secrets."""
    info = source.info
    return {
        "name": info.name,
        "title": info.title,
        "state": source.state,
        "missing": [setting.variable for setting in source.missing],
        "settings": {setting.variable: setting.help for setting in info.settings},
        "target_help": info.target_help,
        "examples": [f"{info.name}:{example}" for example in info.examples],
        "documentation": info.documentation,
        "read_on": info.read_on,
        "verified": info.verified,
        "closed_because": info.closure.reason if info.closure else None,
    }


def _rows(found: Sequence[Source]) -> list[Sequence[object]]:
    return [
        (
            source.info.name,
            _state(source),
            source.info.verified.value if source.info.verified else None,
            f"{source.info.name}:{source.info.examples[0]}" if source.info.examples else None,
            source.info.target_help,
        )
        for source in found
    ]


def _state(source: Source) -> str:
    if source.state is SourceState.NEEDS_KEY:
        return "needs " + ", ".join(setting.variable for setting in source.missing)
    return source.state.value
