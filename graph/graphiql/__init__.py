"""GraphiQL: a page for trying the API out, from our own files alone."""

from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

_FOLDER: Final = Path(__file__).parent

#: Scripts, styles and requests are ours; GraphiQL sets styles in its elements, and carries its
#: fonts and icons as `data:` addresses.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
    "vary": "Accept",
}


class GraphiQL:
    """Answers the page. Its files are served by `assets`, below the page's own address."""

    def __init__(self) -> None:
        self.assets: ASGIApp = _Assets(StaticFiles(directory=_FOLDER))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the page."""
        response = FileResponse(_FOLDER / "page.html", headers=_HEADERS)
        await response(scope, receive, send)


class _Assets:
    """Serves the folder's styles and scripts, and nothing else in it."""

    def __init__(self, files: ASGIApp) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith((".js", ".css")):
            return await Response(status_code=404)(scope, receive, send)

        return await self._files(scope, receive, send)
