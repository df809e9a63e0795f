"""`sluice source`: which platforms there are, and what a `group_id` means to them."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from sluice import sources
from sluice.cli.shell import AsJson, Shell, print_fields, print_json, print_table
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
    as_json: AsJson = False,
) -> None:
    """Say what a group_id means, without asking the platform."""
    target = sources.catalogue(Shell.of(context).settings()).resolve(group_id)
    fields = {"platform": target.platform, "target": target.target}
    (print_json if as_json else print_fields)(fields)


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
