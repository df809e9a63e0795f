"""Profile → API Tokens: what programs use Sluice with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.site import Site
from api.pages.visit import Visit
from api.session.form import Form
from tasks import models
from tasks.access import TokenService
from tasks.accounts import DEFAULT_SCOPES
from tasks.errors import ValidationFailed
from tasks.principal import ADMIN, RESULTS_READ, SCOPES, TASKS_READ, TASKS_WRITE

#: What each scope lets a program do.
SCOPE_WORDS: Final[Mapping[str, str]] = {
    TASKS_READ: "See tasks: list them, read how they stand, watch them live.",
    TASKS_WRITE: "Create tasks, and change, cancel, reset and delete them.",
    RESULTS_READ: "Read the posts that tasks have collected.",
    ADMIN: "Make and revoke tokens, and see what concerns the whole installation.",
}
#: How long a token may hold, by what the form sends.
LIVES: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "7": ("7 days", timedelta(days=7)),
    "30": ("30 days", timedelta(days=30)),
    "90": ("90 days", timedelta(days=90)),
    "365": ("A year", timedelta(days=365)),
    "": ("It does not expire", None),
}
DEFAULT_LIFE: Final = "90"


@dataclass(frozen=True, slots=True)
class Example:
    """A command that works as it stands."""

    title: str
    text: str


class TokenPages:
    """The pages of tokens."""

    def __init__(self, site: Site, tokens: TokenService) -> None:
        self._site = site
        self._tokens = tokens

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        page = self._site.page
        return [
            page("/profile/tokens", get=self.list),
            page("/profile/tokens/new", get=self.ask, post=self.generate),
            page("/profile/tokens/{id:int}/revoke", post=self.revoke),
        ]

    async def list(self, visit: Visit) -> Response:
        """Show the tokens, the newest first; those that hold no more apart."""
        now = datetime.now(UTC)
        tokens = reversed(await self._tokens.tokens(visit.principal))
        valid: list[models.ApiToken] = []
        ended: list[models.ApiToken] = []
        for token in tokens:
            (valid if _holds(token, now) else ended).append(token)
        return visit.show("profile/tokens.html", valid=valid, ended=ended)

    async def ask(self, visit: Visit) -> Response:
        """Show the form for a new token."""
        return self._form(visit)

    async def generate(self, visit: Visit, form: Form) -> Response:
        """Make a token, and show it this once."""
        scopes, life = form.getlist("scopes"), form.get("life", DEFAULT_LIFE)
        if life not in LIVES:
            raise ValidationFailed({"life": ["Choose how long the token shall hold."]})
        _, span = LIVES[life]
        try:
            issued = await self._tokens.create(
                visit.principal,
                form.get("name", ""),
                scopes=scopes,
                expires_at=None if span is None else datetime.now(UTC) + span,
            )
        except ValidationFailed as error:
            return self._form(visit, form, error.errors)
        return visit.show(
            "profile/token.html",
            status=201,
            token=issued.token,
            record=issued.record,
            examples=examples(visit.origin + visit.url(""), issued.token, scopes),
        )

    async def revoke(self, visit: Visit, form: Form) -> Response:
        """Revoke a token."""
        del form
        revoked = await self._tokens.revoke(visit.principal, visit.request.path_params["id"])
        return visit.redirect("/profile/tokens", f"The token {revoked.name} is revoked.")

    def _form(
        self,
        visit: Visit,
        form: Form | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> Response:
        offered = [scope for scope in SCOPES if scope in visit.principal.scopes]
        return visit.show(
            "profile/token_new.html",
            status=422 if errors else 200,
            name="" if form is None else form.get("name", ""),
            chosen=DEFAULT_SCOPES if form is None else form.getlist("scopes"),
            scopes=[(scope, SCOPE_WORDS[scope]) for scope in offered],
            lives=[(value, label) for value, (label, _) in LIVES.items()],
            life=DEFAULT_LIFE if form is None else form.get("life", ""),
            errors=errors or {},
        )


def examples(address: str, token: str, scopes: Sequence[str]) -> list[Example]:
    """Return commands that the token may run, ready to be pasted."""
    bearer = f'-H "Authorization: Bearer {token}"'
    as_json = "-H 'Content-Type: application/json'"
    made: list[Example] = []
    if TASKS_WRITE in scopes:
        body = orjson.dumps({"group_id": "sandbox:happy", "max_posts": 100}).decode()
        made.append(
            Example(
                "REST: create a task",
                f"curl {address}/api/tasks \\\n  {bearer} \\\n  {as_json} \\\n  -d '{body}'",
            )
        )
    if TASKS_READ in scopes:
        made.append(Example("REST: list your tasks", f"curl {address}/api/tasks \\\n  {bearer}"))
        query = "{ tasks(first: 5) { nodes { id status postsCount } } }"
    else:
        query = "{ viewer { email scopes } }"
    body = orjson.dumps({"query": query}).decode()
    made.append(
        Example(
            "GraphQL", f"curl {address}/graphql \\\n  {bearer} \\\n  {as_json} \\\n  -d '{body}'"
        )
    )
    return made


def _holds(token: models.ApiToken, now: datetime) -> bool:
    expired = token.expires_at is not None and token.expires_at <= now
    return token.revoked_at is None and not expired
