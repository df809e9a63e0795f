"""Resolves the session's cookie into a principal, where no token has done so."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from api.session.cookie import SessionKeys
from api.session.entry import Entry
from tasks import models
from tasks.accounts import DEFAULT_SCOPES, AccountService
from tasks.principal import ADMIN, Principal
from tasks.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who has signed in, as the pages see them."""

    user: models.User
    session: models.WebSession
    principal: Principal


class SessionAuthentication:
    """Stands behind the token's authentication, and fills `scope["state"]["principal"]`.

    `scope["state"]["viewer"]` holds who they are, for the pages; None where nobody has signed in.
    A request with an `Authorization` header is judged by that alone. Whoever takes the principal
    of a session (`via_session`) must look at where a request that changes something comes from.
    """

    def __init__(self, app: ASGIApp, keys: SessionKeys, accounts: AccountService) -> None:
        self._app = app
        self._entry = Entry(accounts, keys)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Resolve the cookie, and pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            return self._app(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["viewer"] = None
        if state.get("principal") is not None:
            return self._app(scope, receive, send)
        names = {name for name, _ in scope["headers"]}
        if b"authorization" in names or b"cookie" not in names:
            return self._app(scope, receive, send)
        return self._ask(scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self._entry.found(scope)
        if found is not None:
            state = scope["state"]
            viewer = state["viewer"] = Viewer(found.user, found.session, _principal(found))
            state["principal"] = viewer.principal
        await self._app(scope, receive, send)


def _principal(found: SignedIn) -> Principal:
    scopes = {*DEFAULT_SCOPES, *([ADMIN] if found.user.is_admin else [])}
    return Principal(
        user_id=found.user.id,
        scopes=frozenset(scopes),
        via_session=True,
        session_id=found.session.id,
    )
