"""What every command shares: its settings, the services it works on, and how it answers."""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import orjson
import structlog
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sluice import log, settings, sources
from sluice.services import Services, open_services, require_database
from sluice.settings import Settings
from tasks import models
from tasks.errors import AccountNotFound
from tasks.ports import Sleeper
from tasks.principal import ADMIN, SCOPES, Principal

T = TypeVar("T")
logger = structlog.stdlib.get_logger(__name__)

#: For the commands that answer with data.
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
#: For the commands that act on a user's things.
OfUser = Annotated[
    str | None,
    typer.Option("--user", metavar="EMAIL", help="Whose. Not needed where there is one user."),
]

#: The largest number that a row can have; the databases refuse to look for more.
MAX_ID: Final = 2**63 - 1

#: Wide enough for every column when a table goes into a file or a pipe.
_PIPE_WIDTH: Final = 200


@dataclass(frozen=True, slots=True)
class Shell:
    """One call of the command line."""

    debug: bool = False
    data_dir: Path | None = None

    @classmethod
    def of(cls, context: typer.Context) -> "Shell":
        """Return the shell that the root command made."""
        return context.ensure_object(cls)

    def in_directory(self, data_dir: Path | None) -> "Shell":
        """Return the same shell with a command's own `--data-dir`, if that was given."""
        return replace(self, data_dir=data_dir) if data_dir is not None else self

    @property
    def command(self) -> str:
        """How to call this program again on the same data, to be shown and pasted."""
        program = Path(sys.argv[0])
        words = ["python", "-m", "sluice"] if program.name == "__main__.py" else [str(program)]
        if self.data_dir is not None:
            words += ["--data-dir", str(self.data_dir)]
        return shlex.join(words)

    def settings(self, *, serves: bool = False, **overrides: Any) -> Settings:
        """Read the settings and set logging up: as set for what `serves`, else from warnings on.

        Raises:
            SettingInvalid: A value cannot be used.
        """
        loaded = settings.load(data_dir=self.data_dir, **overrides)
        quiet = not serves and loaded.log_level == "info"
        level = "debug" if self.debug else "warning" if quiet else loaded.log_level
        loaded = loaded.model_copy(update={"log_level": level})
        log.configure(loaded)
        if serves:
            known = sources.variables(sources.catalogue(loaded))
            for sentence in settings.unknown_variables(sources=known):
                logger.warning(sentence)
        return loaded

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """Open the services, do `work` with them, close them, and return its answer."""
        loaded = self.settings()

        async def session() -> T:
            await require_database(loaded)
            # No broker: the sweeper of a running worker finds what was made here.
            async with open_services(loaded, waker=Sleeper()) as services:
                return await work(services)

        return asyncio.run(session())


async def principal_of(services: Services, email: str | None) -> Principal:
    """Return the principal for a user, or for the only one there is.

    Raises:
        AccountNotFound: There is no such user, or it is not clear who is meant.
    """
    user = await user_of(services, email)
    return Principal(user_id=user.id, scopes=frozenset(SCOPES) - {ADMIN})


async def user_of(services: Services, email: str | None) -> models.User:
    """Return the user with this address; without one, the only user there is.

    Raises:
        AccountNotFound: There is no such user, or it is not clear who is meant.
    """
    if email is not None:
        return await services.accounts.user(email)
    users = [user for user in await services.accounts.users() if user.disabled_at is None]
    if not users:
        raise AccountNotFound("There is no user yet; make one with: sluice user create EMAIL")
    if len(users) > 1:
        raise AccountNotFound(
            f"There are {len(users)} users; say which one with --user, such as "
            f"--user {users[0].email}"
        )
    return users[0]


def console() -> Console:
    """Return a console on standard output that neither guesses colours nor reads markup."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = _PIPE_WIDTH
    return found


def print_json(value: Any) -> None:
    """Print one JSON document on one line, with times in UTC."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for reading; None is shown as nothing."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values below each other; what is None is left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        if value is not None:
            table.add_row(Text(name, style="bold"), Text(_shown(value)))
    console().print(table)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    return str(value)
