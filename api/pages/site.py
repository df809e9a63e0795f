"""What all pages share: the templates, who may see them, and how they say what is wrong."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.authentication import api_path
from api.correlation import masked
from api.pages import filters
from api.pages.assets import Assets
from api.pages.failure import Failure
from api.pages.flash import Kind
from api.pages.visit import Visit
from api.session import SessionKeys
from api.session.cookie import NAME
from api.session.form import MAX_BODY, Form, Refused, read_form
from tasks.errors import TaskError

_TEMPLATES: Final = Path(__file__).parent / "templates"

Show = Callable[[Visit], Awaitable[Response]]
Change = Callable[[Visit, Form], Awaitable[Response]]


class Access(Enum):
    """Who may see a page."""

    ANYBODY = auto()
    SIGNED_IN = auto()
    ADMIN = auto()


class Site:
    """The pages' common ground. Nothing changes it after the start."""

    def __init__(
        self,
        keys: SessionKeys,
        *,
        assets: Assets | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Take what signs cookies; `values` are seen by every template."""
        self.keys = keys
        self.assets = assets or Assets()
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(filters.FILTERS)
        self._templates.globals.update(values or {})

    def add_filters(self, **filters: Callable[..., Any]) -> None:
        """Let templates use further filters; before the first page is shown."""
        self._templates.filters.update(filters)

    def render(self, template: str, **values: Any) -> str:
        """Return a template filled in. What it asks for and is not given raises."""
        return self._templates.get_template(template).render(values)

    def page(
        self,
        path: str,
        *,
        get: Show | None = None,
        post: Change | None = None,
        access: Access = Access.SIGNED_IN,
        max_body: int = MAX_BODY,
    ) -> Route:
        """Return the route of a page.

        `get` shows it, also to HEAD. `post` takes a form, which has been checked to come from a
        page of ours, and has at most `max_body` bytes.
        """
        return Route(path, _Page(self, get=get, post=post, access=access, max_body=max_body))

    async def lost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a path that no route knows; an ASGI application."""
        if scope["type"] == "websocket":
            return await WebSocketClose()(scope, receive, send)
        response: ASGIApp = PlainTextResponse("Not Found", status_code=404)
        if wants_page(scope):
            response = Failure.LOST.answer(Visit(Request(scope), self))
        return await response(scope, receive, send)

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer what nobody caught: with a page for a browser, whose id stands in the log."""
        if not wants_page(request.scope):
            return await masked(request, error)
        return Failure.of(error).answer(Visit(request, self))


class _Page:
    """One path, as an ASGI application."""

    def __init__(
        self, site: Site, *, get: Show | None, post: Change | None, access: Access, max_body: int
    ) -> None:
        self._site = site
        self._get = get
        self._post = post
        self._access = access
        self._max_body = max_body
        methods = [*(("GET", "HEAD") if get else ()), *(("POST",) if post else ())]
        self._allow: Final = {"Allow": ", ".join(methods)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        visit = Visit(Request(scope, receive), self._site)
        response = await self._answer(visit)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _answer(self, visit: Visit) -> Response:
        if visit.request.method not in self._allow["Allow"].split(", "):
            return Failure.METHOD.answer(visit, headers=self._allow)
        try:
            return self._turned_away(visit) or await self._handled(visit)
        except Refused as error:
            failure = Failure.of_status(error.status)
            return failure.answer(visit, str(error), headers=error.headers)
        except TaskError as error:
            # What is no mistake of the reader is logged with its traceback, by who stands outside.
            failure = Failure.of(error)
            if failure.status >= 500:  # noqa: PLR2004 - from here on, the server is to blame
                raise
            return failure.answer(visit, str(error))

    def _turned_away(self, visit: Visit) -> Response | None:
        """Answer those who may not see the page."""
        if self._access is not Access.ANYBODY and visit.viewer is None:
            return _to_sign_in(visit)
        if self._access is Access.ADMIN and not visit.user.is_admin:
            return Failure.FORBIDDEN.answer(visit)
        return None

    async def _handled(self, visit: Visit) -> Response:
        if visit.request.method == "POST" and self._post is not None:
            form = await read_form(visit.request, self._site.keys, most=self._max_body)
            return await self._post(visit, form)
        assert self._get is not None  # noqa: S101 - `_allow` has been asked
        return await self._get(visit)


def wants_page(scope: Scope) -> bool:
    """Say whether a browser asks for something to read, outside of the APIs."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    if api_path(scope) is not None or path == "/graphql" or path.startswith("/graphql/"):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _to_sign_in(visit: Visit) -> Response:
    """Send to the page for signing in, and back afterwards."""
    request = visit.request
    wanted = None
    if request.method in ("GET", "HEAD"):
        wanted = visit.here
    message = "Your session has ended. Sign in again." if NAME in request.cookies else None
    return visit.redirect("/sign-in", message, kind=Kind.INFO, next=wanted)
