"""`sluice schema`: the GraphQL schema as a document."""

from typing import Annotated

import typer

from sluice.errors import SchemaBroken


def schema(
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Refuse a schema that breaks what was released, and say how."),
    ] = False,
) -> None:
    """Print the GraphQL schema, for clients' tools and a router."""
    from graph.released import breaking_changes  # noqa: PLC0415 - the schema takes long to load
    from graph.schema import build_schema  # noqa: PLC0415 - the schema takes long to load

    built = build_schema()
    if check and (found := breaking_changes(built)):
        raise SchemaBroken(" ".join(change.description for change in found))
    typer.echo(built.as_str())
