"""One request for a page: who asks, and the ways to answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.pages import flash
from api.pages.compression import accepts_gzip, packed
from api.pages.flash import Kind, Notice
from api.pages.headers import security_headers
from api.rest.links import origin
from api.session import Viewer
from api.session.cookie import FORM_NAME, attributes, new_browser, set_cookie
from tasks import models
from tasks.principal import Principal

if TYPE_CHECKING:
    from api.pages.site import Site

#: Set by the switch on every page; without it, the browser's own preference counts.
THEME: Final = "sluice_theme"
THEMES: Final = ("light", "dark")


@dataclass(frozen=True)
class Visit:
    """A request for a page. Templates find it as `visit`."""

    request: Request
    site: "Site"

    @property
    def viewer(self) -> Viewer | None:
        """Who has signed in, if anybody has."""
        found: Viewer | None = self.request.scope.get("state", {}).get("viewer")
        return found

    @property
    def user(self) -> models.User:
        """Who has signed in; for pages that ask for it (`Access`)."""
        return self._required.user

    @property
    def session(self) -> models.WebSession:
        """The session that they are here by."""
        return self._required.session

    @property
    def principal(self) -> Principal:
        """The same as the services want them."""
        return self._required.principal

    @property
    def _required(self) -> Viewer:
        if self.viewer is None:
            raise LookupError("Nobody has signed in: the page's route must ask for it.")
        return self.viewer

    @property
    def path(self) -> str:
        """The page's own path, wherever the application is mounted."""
        scope = self.request.scope
        return str(scope["path"]).removeprefix(scope.get("root_path", ""))

    @property
    def here(self) -> str:
        """The path with its query, for coming back to."""
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    @cached_property
    def browser(self) -> str:
        """The browser's name, which the forms' token is made from."""
        return self.request.cookies.get(FORM_NAME, "") or new_browser()

    @property
    def form_token(self) -> str:
        """What each form carries in a hidden field of this name."""
        return self.site.keys.form_token(self.browser)

    @property
    def theme(self) -> str | None:
        """`light` or `dark`, if the reader chose."""
        chosen = self.request.cookies.get(THEME)
        return chosen if chosen in THEMES else None

    @property
    def notice(self) -> Notice | None:
        """What the last form's answer left to be said."""
        return flash.read(self.site.keys, self.request.cookies.get(flash.NAME, ""))

    @property
    def origin(self) -> str:
        """Where the reader reached us, without a path: `https://sluice.example`."""
        return origin(self.request.scope)

    def url(self, path: str, **query: object) -> str:
        """Return the address of a path of ours; what is None is left out of the query."""
        given = {name: value for name, value in query.items() if value is not None}
        asked = f"?{urlencode(given, doseq=True)}" if given else ""
        return f"{self.request.scope.get('root_path', '')}{path}{asked}"

    def asset(self, name: str) -> str:
        """Return the address of a file in `static/`."""
        return self.url(self.site.assets.path(name))

    def is_within(self, path: str) -> bool:
        """Say whether this page stands at a path or below it."""
        return self.path == path or self.path.startswith(f"{path}/")

    def show(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Answer with a page."""
        content = self.site.render(template, visit=self, **values).encode()
        sent = {
            **security_headers(self.request.url.scheme),
            "Cache-Control": "no-store",
            "Vary": "Accept-Encoding, Cookie",
            **(headers or {}),
        }
        if accepts_gzip(self.request.headers) and (shorter := packed(content)) is not None:
            sent["Content-Encoding"] = "gzip"
            content = shorter
        response = Response(content, status, sent, media_type="text/html")
        if FORM_NAME not in self.request.cookies:
            set_cookie(response, self.request, FORM_NAME, self.browser)
        if flash.NAME in self.request.cookies:
            response.delete_cookie(flash.NAME, **attributes(self.request))
        return response

    def redirect(
        self, path: str, message: str | None = None, *, kind: Kind = Kind.GOOD, **query: object
    ) -> Response:
        """Send the browser on to a page of ours, which says the message."""
        headers = {**security_headers(self.request.url.scheme), "Cache-Control": "no-store"}
        response = RedirectResponse(self.url(path, **query), 303, headers)
        if message is not None:
            said = flash.written(self.site.keys, Notice(message, kind))
            set_cookie(response, self.request, flash.NAME, said, seconds=flash.SECONDS)
        return response
