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
#: Does so from memory, without waiting, or says that it must be asked for.
Recall = Callable[[str], Principal | None]

#: The only path under `/api` that answers anybody.
_OPEN: Final = "/api/openapi.json"
#: These take a session's cookie as well: browsers' EventSource and links send no header.
_BROWSED: Final = re.compile(r"/api/tasks/[^/]+/(events|export)/?")


class Authentication:
    """Puts the principal, or None, into `scope["state"]["principal"]`.

    Under `/api` a request without a valid token ends here with 401, before its path, method or
    body matter; only the API's description, preflight requests, and a task's events and export
    pass. Elsewhere None passes: those doors know other credentials.
    """

    def __init__(
        self, app: ASGIApp, authenticate: Authenticate, recall: Recall | None = None
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._recall = recall

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Resolve the token and pass the request on, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            return self._app(scope, receive, send)
        token = _bearer_token(scope)
        principal = self._recall(token) if token and self._recall is not None else None
        state: dict[str, Any] = scope.setdefault("state", {})
        state["principal"] = principal
        # A WebSocket says who it is when it is open.
        if principal is not None or (not token and scope["type"] == "websocket"):
            return self._app(scope, receive, send)
        return self._ask(scope, receive, send, token)

    async def _ask(self, scope: Scope, receive: Receive, send: Send, token: str) -> None:
        try:
            if not token:
                raise Unauthenticated("There is no Bearer token.")
            scope["state"]["principal"] = await self._authenticate(token)
        except TaskError as error:
            unknown = isinstance(error, Unauthenticated)
            if scope["type"] == "http" and (not unknown or _needs_token(scope)):
                return await errors.answer(error)(scope, receive, send)
        return await self._app(scope, receive, send)


def api_path(scope: Scope) -> str | None:
    """Return the path if it belongs to the API, wherever the application is mounted."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path if path == "/api" or path.startswith("/api/") else None


def _needs_token(scope: Scope) -> bool:
    path = api_path(scope)
    if path is None or path == _OPEN or _is_preflight(scope):
        return False
    return not _BROWSED.fullmatch(path) or bool(_bearer_token(scope))


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
