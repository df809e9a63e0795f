"""Resolves the Bearer token into a principal, once, before anything else looks at a request."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.rest import errors
from tasks.errors import TaskError, Unauthenticated
from tasks.principal import Principal

#: Turns a token into who holds it, or raises `Unauthenticated`.
Authenticate = Callable[[str], Awaitable[Principal]]

#: The only path under `/api` that answers anybody.
_OPEN: Final = "/api/openapi.json"
#: Takes a session's cookie as well: browsers' EventSource sends no header.
_EVENTS: Final = re.compile(r"/api/tasks/[^/]+/events/?")


class Authentication:
    """Puts the principal, or None, into `scope["state"]["principal"]`.

    Under `/api` a request without a valid token ends here with 401, before its path, method or
    body matter; only the API's description, preflight requests and a task's events pass. Elsewhere
    None passes: those doors know other credentials.
    """

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resolve the token and pass the request on, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["principal"] = None
        try:
            state["principal"] = await self._principal(scope)
        except TaskError as error:
            unknown = isinstance(error, Unauthenticated)
            if scope["type"] == "http" and (not unknown or _needs_token(scope)):
                return await errors.answer(error)(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal:
        token = _bearer_token(scope)
        if not token:
            raise Unauthenticated("There is no Bearer token.")
        return await self._authenticate(token)


def api_path(scope: Scope) -> str | None:
    """Return the path if it belongs to the API, wherever the application is mounted."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path if path == "/api" or path.startswith("/api/") else None


def _needs_token(scope: Scope) -> bool:
    path = api_path(scope)
    if path is None or path == _OPEN or _is_preflight(scope):
        return False
    return not _EVENTS.fullmatch(path) or bool(_bearer_token(scope))


def _is_preflight(scope: Scope) -> bool:
    """Recognise a browser's question whether it may ask, which carries no credentials."""
    if scope["method"] != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


def _bearer_token(scope: Scope) -> str:
    """Return the token of the first `Authorization` header, or an empty text."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return ""
