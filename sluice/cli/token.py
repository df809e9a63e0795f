"""`sluice token`: what programs use Sluice with."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from sluice.cli.shell import MAX_ID, AsJson, OfUser, Shell, print_json, print_table, user_of
from sluice.services import Services
from tasks import models
from tasks.accounts import DEFAULT_SCOPES, IssuedToken
from tasks.principal import SCOPES

commands = typer.Typer(help="What programs use Sluice with.", no_args_is_help=True)

_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@commands.command()
def create(
    context: typer.Context,
    *,
    user: OfUser = None,
    name: Annotated[str, typer.Option(help="What it is for, to tell it from others.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do; may be repeated: {', '.join(SCOPES)}."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="In 12h, 90d or 2w, or on a day: 2030-01-31."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the token and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once and cannot be read again."""
    expires_at = parse_expiry(expires, now=datetime.now(UTC)) if expires is not None else None

    async def work(services: Services) -> IssuedToken:
        owner = await user_of(services, user)
        return await services.accounts.create_token(
            owner.id, name, scopes=scope or DEFAULT_SCOPES, expires_at=expires_at
        )

    issued = Shell.of(context).run(work)
    if quiet:
        typer.echo(issued.token)
    elif as_json:
        print_json({**fields_of(issued.record), "token": issued.token})
    else:
        typer.echo(f"{issued.token}\n\nThis is the only time it is shown.")


@commands.command("list")
def list_tokens(context: typer.Context, *, user: OfUser = None, as_json: AsJson = False) -> None:
    """List a user's tokens: their first characters, never the whole."""

    async def work(services: Services) -> list[models.ApiToken]:
        return await services.accounts.tokens((await user_of(services, user)).id)

    tokens = Shell.of(context).run(work)
    if as_json:
        print_json([fields_of(token) for token in tokens])
    else:
        print_table(
            ("ID", "Name", "Token", "Scopes", "Created", "Expires", "Last used", "Revoked"),
            (
                (
                    t.id,
                    t.name,
                    f"{t.prefix}…",
                    t.scopes,
                    t.created_at,
                    t.expires_at,
                    t.last_used_at,
                    t.revoked_at,
                )
                for t in tokens
            ),
        )


@commands.command()
def revoke(
    context: typer.Context,
    token_id: Annotated[
        int, typer.Argument(metavar="ID", max=MAX_ID, help="From `sluice token list`.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """End a token: within seconds nothing answers to it any more."""

    async def work(services: Services) -> models.ApiToken:
        return await services.accounts.revoke_token(token_id)

    token = Shell.of(context).run(work)
    if as_json:
        print_json(fields_of(token))
    else:
        typer.echo(f"Revoked {token.name} ({token.prefix}…).")


def fields_of(token: models.ApiToken) -> dict[str, Any]:
    """Return what may be shown of a token."""
    return {
        "id": token.id,
        "user_id": token.user_id,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": token.scopes.split(),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


def parse_expiry(text: str, *, now: datetime) -> datetime:
    """Read `12h`, `90d`, `2w`, a day (its start in UTC) or an ISO 8601 time (UTC without a zone).

    Raises:
        typer.BadParameter: It is none of these, or has passed.
    """
    try:
        if span := _SPAN.fullmatch(text):
            return now + int(span["count"]) * _UNITS[span["unit"]]
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time; write 12h, 90d, 2w, or a day such as 2030-01-31.",
            param_hint="--expires",
        ) from None
    if moment <= now:
        raise typer.BadParameter(f"{text} has passed already.", param_hint="--expires")
    return moment
