"""What is signed: the session's cookie, and the token that a form carries against forgery."""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from tasks.sessions import SESSION_SECONDS

NAME: Final = "sluice_session"
#: Names the browser to the forms' tokens, before and after it signs in.
FORM_NAME: Final = "sluice_form"
_MAX_COOKIE: Final = 1_000


class SessionKeys:
    """Signs and reads cookies and form tokens with the installation's secret. Immutable."""

    def __init__(self, secret: str) -> None:
        # Another salt than before sessions were rows: neither reads the other's cookies.
        self._serializer = URLSafeTimedSerializer(secret, salt="sluice.session.row")
        self._sealer = URLSafeTimedSerializer(secret, salt="sluice.sealed")
        self._form_key = hashlib.sha256(f"sluice.form:{secret}".encode()).digest()

    def sign(self, key: str) -> str:
        """Return the cookie that carries a session's key."""
        return str(self._serializer.dumps(key))

    def read(self, cookie: str) -> str | None:
        """Return the key in a cookie; None if we did not sign it, or too long ago."""
        if not 0 < len(cookie) <= _MAX_COOKIE:
            return None
        try:
            found: Any = self._serializer.loads(cookie, max_age=SESSION_SECONDS)
        except BadData:
            return None
        return str(found)

    def seal(self, text: str) -> str:
        """Return a text that can be read by anybody and written by us alone."""
        return str(self._sealer.dumps(text))

    def unseal(self, sealed: str, *, max_age_seconds: int) -> str | None:
        """Return a text that was sealed; None if we did not, or too long ago."""
        try:
            found: Any = self._sealer.loads(sealed, max_age=max_age_seconds)
        except BadData:
            return None
        return str(found)

    def form_token(self, browser: str) -> str:
        """Return the token that the forms of a browser carry."""
        return hmac.new(self._form_key, browser.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, token: str, browser: str) -> bool:
        """Say whether a form came from a page that we gave to this browser."""
        expected = self.form_token(browser)
        return bool(browser) and hmac.compare_digest(token.encode(), expected.encode())


def new_browser() -> str:
    """Return a name for a browser that has none."""
    return secrets.token_urlsafe(16)


def set_cookie(
    response: Response, request: Request, name: str, value: str, *, seconds: int = SESSION_SECONDS
) -> None:
    """Leave a cookie that scripts cannot read and other sites' requests do not bring along."""
    response.set_cookie(name, value, max_age=seconds, **attributes(request))


def attributes(request: Request) -> dict[str, Any]:
    """Return what every cookie of ours is set, and deleted, with."""
    return {
        "path": "/",
        "httponly": True,
        "samesite": "lax",
        "secure": request.url.scheme == "https",
    }


def cookies(scope: Scope) -> dict[str, str]:
    """Return a request's cookies by name; of a broken header, none."""
    text = "; ".join(
        value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"
    )
    if not text:
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}
