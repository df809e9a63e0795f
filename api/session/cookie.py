"""What is signed: the session's cookie, and the token that a form carries against forgery."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from tasks import models

NAME: Final = "sluice_session"
#: Names the browser to the forms' tokens, before and after it signs in.
FORM_NAME: Final = "sluice_form"
#: Two weeks. Signing in again starts anew.
MAX_AGE_SECONDS: Final = 14 * 24 * 3600
_MAX_COOKIE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says: the user, and a mark that changes with their password."""

    user_id: int
    mark: str

    def is_of(self, user: models.User) -> bool:
        """Say whether the user may still be here by it."""
        right = hmac.compare_digest(self.mark, _mark(user))
        return self.user_id == user.id and right and user.disabled_at is None


class SessionKeys:
    """Signs and reads cookies and form tokens with the installation's secret. Immutable."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="sluice.session")
        self._sealer = URLSafeTimedSerializer(secret, salt="sluice.sealed")
        self._form_key = hashlib.sha256(f"sluice.form:{secret}".encode()).digest()

    def sign(self, user: models.User) -> str:
        """Return the cookie of a user who has shown their password."""
        return str(self._serializer.dumps([user.id, _mark(user)]))

    def read(self, cookie: str) -> Session | None:
        """Return what a cookie says; None if we did not sign it, or too long ago."""
        if len(cookie) > _MAX_COOKIE:
            return None
        try:
            found: Any = self._serializer.loads(cookie, max_age=MAX_AGE_SECONDS)
        except BadData:
            return None
        user_id, mark = found
        return Session(user_id, mark)

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


def _mark(user: models.User) -> str:
    return hashlib.sha256((user.password_hash or "").encode()).hexdigest()[:16]


def set_cookie(
    response: Response, request: Request, name: str, value: str, *, seconds: int = MAX_AGE_SECONDS
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
