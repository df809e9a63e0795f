"""`sluice schema`: the GraphQL schema as a document."""

from typing import Annotated

import typer

from graph.released import breaking_changes
from graph.schema import build_schema
from sluice.errors import SchemaBroken


def schema(
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Refuse a schema that breaks what was released, and say how."),
    ] = False,
) -> None:
    """Print the GraphQL schema, for clients' tools and a router."""
    built = build_schema()
    if check and (found := breaking_changes(built)):
        raise SchemaBroken(" ".join(change.description for change in found))
    typer.echo(built.as_str())
