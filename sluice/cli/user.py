"""`sluice user`: who may use Sluice."""

import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from api.pages.entrance import link_path
from sluice.cli.shell import AsJson, Shell, print_json, print_table
from sluice.listening import url_of
from sluice.services import Services
from tasks import models
from tasks.errors import AccountNotFound
from tasks.sessions import SignInLinks

commands = typer.Typer(help="Who may use Sluice.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@commands.command()
def create(
    context: typer.Context,
    email: Email,
    *,
    password: Annotated[
        str | None,
        typer.Option(help="For the web pages. Without it, tokens are the only way in."),
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May see and do everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a user."""

    async def work(services: Services) -> models.User:
        return await services.accounts.create_user(email, password=password, is_admin=admin)

    shell = Shell.of(context)
    user = shell.run(work)
    if as_json:
        print_json(fields_of(user))
    else:
        create_token = f"{shell.command} token create --user {user.email} --name NAME"
        typer.echo(f"Made {user.email}. A token: {create_token}")


@commands.command("list")
def list_users(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the users."""

    async def work(services: Services) -> list[models.User]:
        return await services.accounts.users()

    users = Shell.of(context).run(work)
    if as_json:
        print_json([fields_of(user) for user in users])
    else:
        print_table(
            ("ID", "Email", "Admin", "Created", "Disabled"),
            ((u.id, u.email, u.is_admin, u.created_at, u.disabled_at) for u in users),
        )


@commands.command()
def password(
    context: typer.Context,
    email: Email,
    *,
    new: Annotated[
        str | None,
        typer.Option(
            "--password", help="The new one. Without it: asked for, or read from standard input."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set a user's password."""
    chosen = new if new is not None else _ask()

    async def work(services: Services) -> models.User:
        await services.accounts.set_password(email, chosen)
        return await services.accounts.user(email)

    _tell(Shell.of(context).run(work), "has a new password", as_json=as_json)


@commands.command()
def link(
    context: typer.Context,
    email: Email,
    *,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where people reach the web pages. Without it: SLUICE_HOST and SLUICE_PORT.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a link that signs a user in, once and within an hour."""
    shell = Shell.of(context)
    settings = shell.settings()
    base = _address(address) or url_of(settings.host, settings.port)

    async def work(services: Services) -> str:
        user = await services.accounts.user(email)
        if user.disabled_at is not None:
            raise AccountNotFound(f"{user.email} is disabled, and cannot sign in.")
        return await SignInLinks(services.database).create(user.id)

    made = base + link_path(shell.run(work))
    if as_json:
        print_json({"link": made})
    else:
        typer.echo(f"{made}\n\nIt works once, within an hour.")


@commands.command()
def disable(context: typer.Context, email: Email, *, as_json: AsJson = False) -> None:
    """Shut a user out: their tokens and sessions end within seconds."""

    async def work(services: Services) -> models.User:
        await services.accounts.disable_user(email)
        return await services.accounts.user(email)

    _tell(Shell.of(context).run(work), "is disabled", as_json=as_json)


def fields_of(user: models.User) -> dict[str, Any]:
    """Return what may be shown of a user."""
    return {
        "id": user.id,
        "email": user.email,
        "is_admin": user.is_admin,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }


def _tell(user: models.User, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(fields_of(user))
    else:
        typer.echo(f"{user.email} {what}.")


def _address(given: str | None) -> str | None:
    """Check an address under which people reach the pages."""
    if given is None:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise typer.BadParameter(
            f"{given} must be an address, like https://sluice.example.org.", param_hint="--address"
        )
    return given.rstrip("/")


def _ask() -> str:
    """Ask a person without showing the answer; take a program's first line as it is."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
