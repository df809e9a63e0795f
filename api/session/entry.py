"""Coming in and going out: a session's row, and the cookie that holds its key."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.session.cookie import NAME, SessionKeys, attributes, cookies, set_cookie
from tasks import models
from tasks.accounts import AccountService
from tasks.errors import Unauthenticated
from tasks.sessions import SESSION_SECONDS, SignedIn


class Entry:
    """Begins, finds and ends the sessions of browsers."""

    def __init__(self, accounts: AccountService, keys: SessionKeys) -> None:
        self._sessions = accounts.sessions
        self._keys = keys

    async def enter(self, request: Request, response: Response, user: models.User) -> None:
        """Begin a session of somebody who has shown who they are. The one before it ends."""
        await self._end(request.scope)
        begun = await self._sessions.begin(
            user,
            user_agent=request.headers.get("user-agent", ""),
            address=address_of(request.scope),
        )
        cookie = self._keys.sign(begun.key)
        set_cookie(response, request, NAME, cookie, seconds=SESSION_SECONDS)

    async def leave(self, request: Request, response: Response) -> None:
        """End the browser's session. Also where there is none."""
        await self._end(request.scope)
        response.delete_cookie(NAME, **attributes(request))

    async def found(self, scope: Scope) -> SignedIn | None:
        """Return who a request's cookie stands for, if that still holds."""
        key = self._keys.read(cookies(scope).get(NAME, ""))
        if key is None:
            return None
        try:
            return await self._sessions.resolve(key, address=address_of(scope))
        except Unauthenticated:
            return None

    async def _end(self, scope: Scope) -> None:
        signed_in = await self.found(scope)
        if signed_in is not None:
            await self._sessions.end(signed_in.user.id, signed_in.session.id)


def address_of(scope: Scope) -> str:
    """Return the client's address, or an empty text."""
    client = scope.get("client")
    return client[0] if client else ""
