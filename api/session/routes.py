"""`/session`: who is signed in, signing in, signing out. As JSON, and as a page's form.

Only requests of our own origin may change anything here; a form also carries the token that the
page was given, so that an old browser's missing `Origin` header is no way in.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.session.authentication import user_of
from api.session.cookie import FORM_NAME, MAX_AGE_SECONDS, NAME, SessionKeys, new_browser
from api.session.throttle import Attempts, ProcessAttempts
from tasks import models
from tasks.accounts import AccountService
from tasks.errors import Unauthenticated

_MAX_BODY: Final = 16_384
_FORM: Final = "application/x-www-form-urlencoded"
#: Passwords hashed at a time: each takes 64 MB and a core for a moment.
_HASHES: Final = 2


class _Refused(Exception):
    """A request that is answered with a sentence."""

    def __init__(self, message: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a request holds."""

    fields: Mapping[str, Any]
    is_form: bool


def routes(
    accounts: AccountService, keys: SessionKeys, *, attempts: Attempts | None = None
) -> Sequence[BaseRoute]:
    """Return the routes of sessions."""
    door = _Door(accounts, keys, attempts or ProcessAttempts())
    return [
        Route("/session", door.show, methods=["GET"]),
        Route("/session", door.sign_in, methods=["POST"]),
        Route("/session", door.sign_out, methods=["DELETE"]),
        # HTML forms cannot send DELETE.
        Route("/session/end", door.sign_out, methods=["POST"]),
    ]


class _Door:
    """The endpoints."""

    def __init__(self, accounts: AccountService, keys: SessionKeys, attempts: Attempts) -> None:
        self._accounts = accounts
        self._keys = keys
        self._attempts = attempts
        self._hashing = asyncio.Semaphore(_HASHES)

    async def show(self, request: Request) -> Response:
        """Say who is signed in, and the token for the browser's forms."""
        session = self._keys.read(request.cookies.get(NAME, ""))
        user = await user_of(self._accounts, session)
        browser = request.cookies.get(FORM_NAME, "") or new_browser()
        response = _json({"user": _shown(user), "form_token": self._keys.form_token(browser)})
        _set(response, request, FORM_NAME, browser)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Sign in with an e-mail address and a password."""
        try:
            sent = await self._sent(request)
            user = await self._verified(request, sent)
        except _Refused as error:
            return _json({"message": str(error)}, error.status, error.headers)
        response = _done(sent, _json({"user": _shown(user)}))
        _set(response, request, NAME, self._keys.sign(user))
        return response

    async def sign_out(self, request: Request) -> Response:
        """Forget the session. Also where there is none."""
        try:
            sent = await self._sent(request)
        except _Refused as error:
            return _json({"message": str(error)}, error.status, error.headers)
        response = _done(sent, Response(status_code=204))
        response.delete_cookie(NAME, **_attributes(request))
        return response

    async def _verified(self, request: Request, sent: _Sent) -> models.User:
        email, password = sent.fields.get("email"), sent.fields.get("password")
        if not isinstance(email, str) or not isinstance(password, str) or not email:
            raise _Refused("Send an email and a password.", 422)
        email = email.strip().lower()
        address = request.client.host if request.client else ""
        wait = await self._attempts.begin(email, address)
        if wait > 0:
            minutes = math.ceil(wait / 60)
            raise _Refused(
                f"Too many wrong passwords; try again in {minutes} minutes.",
                429,
                {"Retry-After": str(math.ceil(wait))},
            )
        try:
            async with self._hashing:
                user = await self._accounts.verify_password(email, password)
        except Unauthenticated as error:
            raise _Refused(str(error), 401) from None
        await self._attempts.succeeded(email, address)
        return user

    async def _sent(self, request: Request) -> _Sent:
        """Read a request that changes something, if it comes from our own pages."""
        _refuse_foreign(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request)
        if kind == _FORM:
            fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            browser = request.cookies.get(FORM_NAME, "")
            if not self._keys.is_form_token(fields.get("form_token", ""), browser):
                raise _Refused("This form is too old; load the page again.", 403)
            return _Sent(fields, is_form=True)
        if kind != "application/json" and (body or request.method == "POST"):
            raise _Refused(f"Send application/json, or {_FORM}.", 415)
        try:
            fields = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            raise _Refused(f"The request is no JSON: {error}.", 400) from None
        if not isinstance(fields, dict):
            raise _Refused("Send a JSON object.", 400)
        return _Sent(fields, is_form=False)  # pyright: ignore[reportUnknownArgumentType] - from outside


def _refuse_foreign(request: Request) -> None:
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = site in (None, "same-origin", "none")
    if origin is not None:
        ours = ours and urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise _Refused("This can be done from our own pages only.", 403)


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > _MAX_BODY:
                raise _Refused(f"The request has more than {_MAX_BODY} bytes.", 413)
            chunks.append(chunk)
    except ClientDisconnect:
        raise _Refused("The request ended early.", 400) from None
    return b"".join(chunks)


def _done(sent: _Sent, plain: Response) -> Response:
    """Answer a program plainly, and send a form's browser on to a page of ours."""
    if not sent.is_form:
        return plain
    wanted = str(sent.fields.get("next", ""))
    # `//host` and `/\host` are other sites' addresses to a browser.
    ours = wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable()
    return RedirectResponse(wanted if ours else "/", 303, {"cache-control": "no-store"})


def _shown(user: models.User | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return {"id": user.id, "email": user.email, "is_admin": user.is_admin}


def _json(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})})


def _attributes(request: Request) -> dict[str, Any]:
    return {
        "path": "/",
        "httponly": True,
        "samesite": "lax",
        "secure": request.url.scheme == "https",
    }


def _set(response: Response, request: Request, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=MAX_AGE_SECONDS, **_attributes(request))
