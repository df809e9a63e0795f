"""`sluice`: the commands put together, and how every failure ends."""

import errno
import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from sluice.cli import (
    archive,
    doctor,
    schedule,
    schema,
    serve,
    source,
    task,
    token,
    up,
    user,
)
from sluice.cli import migrate as migration
from sluice.cli.shell import Shell
from sluice.errors import SettingInvalid, StartRefused
from sluice.redaction import redact
from tasks.errors import TaskError

USAGE: Final = 2
FAILED: Final = 1
INTERRUPTED: Final = 130

#: What a person cures by calling the command in another way.
_USAGE_ERRORS: Final = (SettingInvalid, StartRefused)

application = typer.Typer(
    name="sluice",
    help="Collect public posts from social platforms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
application.command()(up.up)
application.command()(serve.serve)
application.command()(serve.worker)
application.command()(migration.migrate)
application.command()(doctor.doctor)
application.command()(archive.backup)
application.command()(archive.restore)
application.command()(archive.move)
application.add_typer(user.commands, name="user")
application.add_typer(token.commands, name="token")
application.add_typer(task.commands, name="task")
application.add_typer(schedule.commands, name="schedule")
application.add_typer(source.commands, name="source")
application.command()(schema.schema)


def main() -> None:
    """Run the command line, and end with its exit code.

    Errors of the task service are one sentence on standard error. Anything else is a mistake of
    ours and says how to see more; a traceback is shown to those who ask for it alone.
    """
    try:
        application(prog_name="sluice")
    except TaskError as error:
        _end(str(error), USAGE if isinstance(error, _USAGE_ERRORS) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place that can turn it into a sentence
        if _wants_traceback():
            traceback.print_exc()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _end("There is no space left where this is to be written.", FAILED)
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        _end(
            f"Something unexpected went wrong ({reason}). This is a mistake in Sluice; "
            "`sluice --debug …` shows where.",
            FAILED,
        )


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the value alone
    if asked:
        typer.echo(f"sluice {version('sluice')}")
        raise typer.Exit


@application.callback()
def root(
    context: typer.Context,
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The data directory, instead of SLUICE_DATA_DIR."),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log everything, and show tracebacks.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show it, and end."),
    ] = False,
) -> None:
    """Keep the options that stand before a command."""
    context.obj = Shell(debug=debug, data_dir=data_dir)


def _wants_traceback() -> bool:
    return "--debug" in sys.argv[1:] or os.environ.get("SLUICE_LOG_LEVEL") == "debug"


def _end(sentence: str, code: int) -> None:
    typer.echo(f"sluice: {redact(sentence)}", err=True)
    sys.exit(code)
