"""The pages' styles, scripts and images: read once, and named by what they hold.

One mark stands for all of them and is a part of each address, `/static/<mark>/js/live.js`. So
modules import each other by relative paths, and browsers keep a file for ever: what changes has
another address.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api.pages.compression import accepts_gzip, packed

FOLDER: Final = Path(__file__).parent / "static"
_PATH: Final = "/static"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
#: Packed already.
_DENSE: Final = frozenset({".woff2", ".png", ".webp"})
#: Beside the files that browsers ask for: where vendored ones come from.
_NOT_SERVED: Final = frozenset({".md", ".LICENSE"})


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes | None
    media_type: str


class Assets:
    """Knows the files of a folder by their path within it, and serves them."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = _read(folder)
        self._mark = _mark(self._files)

    def path(self, name: str) -> str:
        """Return a file's path.

        Raises:
            LookupError: There is no such file.
        """
        if name not in self._files:
            raise LookupError(f"There is no asset {name!r}.")
        return f"{_PATH}/{self._mark}/{name}"

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the files."""
        return [Route(f"{_PATH}/{{mark}}/{{name:path}}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for a file."""
        response = self._answer(scope)
        await response(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response("Method Not Allowed", 405, {"Allow": "GET, HEAD"})
        asked: Mapping[str, str] = scope["path_params"]
        file = self._files.get(asked["name"])
        if file is None:
            return Response("Not Found", 404, media_type="text/plain")
        # While versions roll, a page of one process may ask another for its files.
        current = asked["mark"] == self._mark
        headers = {
            "Cache-Control": _FOR_EVER if current else "no-cache",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        content = file.content
        if file.packed is not None:
            headers["Vary"] = "Accept-Encoding"
            if accepts_gzip(Headers(scope=scope)):
                headers["Content-Encoding"] = "gzip"
                content = file.packed
        headers["Content-Length"] = str(len(content))
        body = b"" if scope["method"] == "HEAD" else content
        return Response(body, headers=headers, media_type=file.media_type)


def _read(folder: Path) -> dict[str, _File]:
    files: dict[str, _File] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in _NOT_SERVED:
            continue
        content = path.read_bytes()
        media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        files[path.relative_to(folder).as_posix()] = _File(
            content,
            None if path.suffix in _DENSE else packed(content, once=True),
            media_type or "application/octet-stream",
        )
    return files


def _mark(files: Mapping[str, _File]) -> str:
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"{name}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()[:12]
