"""`sluice user`: who may use Sluice."""

import sys
from typing import Annotated, Any

import typer

from sluice.cli.shell import AsJson, Shell, print_json, print_table
from sluice.services import Services
from tasks import models

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


def _ask() -> str:
    """Ask a person without showing the answer; take a program's first line as it is."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
