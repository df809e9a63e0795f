"""Resolves the session's cookie into a principal, where no token has done so."""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from api.session.cookie import NAME, Session, SessionKeys
from tasks import models
from tasks.accounts import DEFAULT_SCOPES, AccountService
from tasks.errors import AccountNotFound
from tasks.principal import ADMIN, Principal


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who has signed in, as the pages see them."""

    user: models.User
    principal: Principal


class SessionAuthentication:
    """Stands behind the token's authentication, and fills `scope["state"]["principal"]`.

    `scope["state"]["viewer"]` holds who they are, for the pages; None where nobody has signed in.

    A request with an `Authorization` header is judged by that alone. Whoever takes the principal
    of a session (`via_session`) must look at where a request that changes something comes from.
    """

    def __init__(self, app: ASGIApp, keys: SessionKeys, accounts: AccountService) -> None:
        self._app = app
        self._keys = keys
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resolve the cookie, and pass the request on."""
        if scope["type"] in ("http", "websocket"):
            state: dict[str, Any] = scope.setdefault("state", {})
            state["viewer"] = None
            if state.get("principal") is None and (user := await self._user(scope)):
                viewer = state["viewer"] = Viewer(user, principal_of(user))
                state["principal"] = viewer.principal
        await self._app(scope, receive, send)

    async def _user(self, scope: Scope) -> models.User | None:
        if any(name == b"authorization" for name, _ in scope["headers"]):
            return None
        return await user_of(self._accounts, self._keys.read(cookies(scope).get(NAME, "")))


async def user_of(accounts: AccountService, session: Session | None) -> models.User | None:
    """Return the user of a session that is still good."""
    if session is None:
        return None
    try:
        user = await accounts.user_by_id(session.user_id)
    except AccountNotFound:
        return None
    return user if session.is_of(user) else None


def principal_of(user: models.User) -> Principal:
    """Return a user as one who has signed in."""
    scopes = {*DEFAULT_SCOPES, *([ADMIN] if user.is_admin else [])}
    return Principal(user_id=user.id, scopes=frozenset(scopes), via_session=True)


def cookies(scope: Scope) -> dict[str, str]:
    """Return a request's cookies by name; of a broken header, none."""
    text = "; ".join(
        value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"
    )
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}
