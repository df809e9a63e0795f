"""`sluice up`: serve and work in one process, and say how to try it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sluice.cli.shell import Shell, console

if TYPE_CHECKING:
    from sluice.embedded import Started

Host = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Listen here, instead of SLUICE_HOST.")
]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Listen there, instead of SLUICE_PORT.")
]
DataDir = Annotated[Path | None, typer.Option(metavar="PATH", help="Instead of SLUICE_DATA_DIR.")]


def up(
    context: typer.Context,
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Serve and work in one process. The first start sets everything up."""
    from sluice import embedded  # noqa: PLC0415 - what serves takes a second to load

    shell = Shell.of(context).in_directory(data_dir)
    settings = shell.settings(serves=True, host=host, port=port)
    embedded.run(settings, announce=lambda started: announce(started, command=shell.command))


def announce(started: "Started", *, command: str) -> None:
    """Print where Sluice is, and on the first start how to try it.

    `command` is how to call this program again on the same data.
    """
    screen = console()
    lines = [("Sluice", started.address), ("Data", started.data_dir)]
    if started.token is not None:
        lines += [
            ("Sign in", f"{started.address}{started.link}   (once, within an hour)"),
            ("User", str(started.user)),
            ("Token", f"{started.token}   (shown only now)"),
        ]
    else:
        lines += [
            ("Sign in", f"{started.address}/sign-in, or by link: {command} user link EMAIL"),
            ("Token", f"another one: {command} token create --name NAME"),
        ]
    for name, value in lines:
        screen.print(Text.assemble((f"{name:<8}", "bold"), value), soft_wrap=True)
    screen.print(f"\n{_platform(started)}", soft_wrap=True)
    if started.token is not None:
        steps = _first_steps(started.address, started.token, command=command)
        screen.print(steps, soft_wrap=True)
    screen.print("\nStop with Ctrl-C.")


def _platform(started: "Started") -> str:
    if started.default_platform is None:
        return "A group_id without a platform is refused; SLUICE_DEFAULT_PLATFORM gives it one."
    if not started.chose_platform:
        return f"A group_id without a platform goes to {started.default_platform}."
    return (
        f"A group_id without a platform goes to {started.default_platform}, which invents its "
        "posts; SLUICE_DEFAULT_PLATFORM changes that."
    )


def _first_steps(address: str, token: str, *, command: str) -> str:
    """Return commands that work when they are pasted into another terminal."""
    post = (
        f'curl -s {address}/api/tasks -H "Authorization: Bearer $TOKEN" '
        "-H 'Content-Type: application/json'"
    )
    feed = "feed:https://blog.python.org/feeds/posts/default"
    return f"""
Try it in another terminal:

export TOKEN={token}
{post} -d '{{"group_id": "sandbox:happy", "max_posts": 100}}'
{command} task watch 1
curl -s {address}/api/tasks/1/result -H "Authorization: Bearer $TOKEN"

A public feed:

{post} -d '{{"group_id": "{feed}", "max_posts": 20}}'"""
