"""`sluice serve` and `sluice worker`: the product in separate processes."""

from typing import Annotated

import typer

from sluice.cli.shell import Shell, console
from sluice.cli.up import Host, Port


def serve(
    context: typer.Context,
    *,
    workers: Annotated[int, typer.Option(min=1, max=64, help="HTTP processes.")] = 1,
    host: Host = None,
    port: Port = None,
) -> None:
    """Serve HTTP, for workers in other processes."""
    from sluice import distributed  # noqa: PLC0415 - what serves takes a second to load

    settings = Shell.of(context).settings(serves=True, host=host, port=port)
    distributed.serve(
        settings,
        processes=workers,
        announce=lambda address: console().print(f"Sluice at {address}", soft_wrap=True),
    )


def worker(context: typer.Context) -> None:
    """Run tasks, for gateways in other processes."""
    from sluice import distributed  # noqa: PLC0415 - what serves takes a second to load

    distributed.work(
        Shell.of(context).settings(serves=True),
        announce=lambda: console().print("Sluice takes tasks."),
    )
