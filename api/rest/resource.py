"""One path and what it answers to each method, as an ASGI application."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rest import errors, shapes

Handler = Callable[[Request], Awaitable[ASGIApp]]


class Resource:
    """Calls the method's handler, and answers every error in JSON by the one table.

    An instance is an endpoint of a route without `methods`, so that a wrong method is answered
    here, in JSON. HEAD is answered as GET, without its body.
    """

    def __init__(self, **handlers: Handler) -> None:
        """Take the handlers by their method's name in lower case."""
        self._handlers: Final = {method.upper(): handler for method, handler in handlers.items()}
        if get := self._handlers.get("GET"):
            self._handlers["HEAD"] = get
        self._allow: Final = {"Allow": ", ".join(sorted([*self._handlers, "OPTIONS"]))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response: ASGIApp = await self._respond(Request(scope, receive))
        except ClientDisconnect:
            return  # Nobody is left to answer.
        except Exception as error:  # noqa: BLE001 - the table masks what it does not know
            response = errors.answer(error)
        await response(scope, receive, _bodiless(send) if scope["method"] == "HEAD" else send)

    async def _respond(self, request: Request) -> ASGIApp:
        if handler := self._handlers.get(request.method):
            return await handler(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=self._allow)
        return shapes.error("Method not allowed", status=405, headers=self._allow)


class Nowhere:
    """Answers every path that no route knows, whatever the method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = shapes.message("Not found", status=404)
        await response(scope, receive, _bodiless(send) if scope["method"] == "HEAD" else send)


def _bodiless(send: Send) -> Send:
    """Send the headers as they are, and no body."""

    async def headers_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return headers_only
