"""`/session`: who is signed in, signing in, signing out. As JSON, and as a page's form.

Only requests of our own origin may change anything here; a form also carries the token that the
page was given, so that an old browser's missing `Origin` header is no way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.session import form
from api.session.cookie import FORM_NAME, SessionKeys, new_browser, set_cookie
from api.session.entry import Entry
from api.session.form import Refused, read_body, require_own_page
from api.session.passwords import Passwords
from api.session.throttle import ProcessAttempts
from tasks import models
from tasks.accounts import AccountService


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a request holds."""

    fields: Mapping[str, Any]
    is_form: bool


def routes(
    accounts: AccountService, keys: SessionKeys, passwords: Passwords | None = None
) -> Sequence[BaseRoute]:
    """Return the routes of sessions. Without `passwords`, tries are counted here alone."""
    passwords = passwords or Passwords(accounts, ProcessAttempts())
    door = _Door(Entry(accounts, keys), keys, passwords)
    return [
        Route("/session", door.show, methods=["GET"]),
        Route("/session", door.sign_in, methods=["POST"]),
        Route("/session", door.sign_out, methods=["DELETE"]),
        # HTML forms cannot send DELETE.
        Route("/session/end", door.sign_out, methods=["POST"]),
    ]


class _Door:
    """The endpoints."""

    def __init__(self, entry: Entry, keys: SessionKeys, passwords: Passwords) -> None:
        self._entry = entry
        self._keys = keys
        self._passwords = passwords

    async def show(self, request: Request) -> Response:
        """Say who is signed in, and the token for the browser's forms."""
        signed_in = await self._entry.found(request.scope)
        user = None if signed_in is None else signed_in.user
        browser = request.cookies.get(FORM_NAME, "") or new_browser()
        response = _json({"user": _shown(user), "form_token": self._keys.form_token(browser)})
        set_cookie(response, request, FORM_NAME, browser)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Sign in with an e-mail address and a password."""
        try:
            sent = await self._sent(request)
            user = await self._verified(request, sent)
        except Refused as error:
            return _json({"message": str(error)}, error.status, error.headers)
        response = _done(sent, _json({"user": _shown(user)}))
        await self._entry.enter(request, response, user)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session. Also where there is none."""
        try:
            sent = await self._sent(request)
        except Refused as error:
            return _json({"message": str(error)}, error.status, error.headers)
        response = _done(sent, Response(status_code=204))
        await self._entry.leave(request, response)
        return response

    async def _verified(self, request: Request, sent: _Sent) -> models.User:
        email, password = sent.fields.get("email"), sent.fields.get("password")
        if not isinstance(email, str) or not isinstance(password, str) or not email:
            raise Refused("Send an email and a password.", 422)
        return await self._passwords.verified(request, email, password)

    async def _sent(self, request: Request) -> _Sent:
        """Read a request that changes something, if it comes from our own pages."""
        require_own_page(request)
        kind = form.media_type(request)
        body = await read_body(request)
        if kind == form.MEDIA_TYPE:
            fields = form.parsed(body)
            form.require_form_token(request, self._keys, fields)
            return _Sent(fields, is_form=True)
        if kind != "application/json" and (body or request.method == "POST"):
            raise Refused(f"Send application/json, or {form.MEDIA_TYPE}.", 415)
        try:
            fields = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            raise Refused(f"The request is no JSON: {error}.", 400) from None
        if not isinstance(fields, dict):
            raise Refused("Send a JSON object.", 400)
        return _Sent(fields, is_form=False)  # pyright: ignore[reportUnknownArgumentType] - from outside


def _done(sent: _Sent, plain: Response) -> Response:
    """Answer a program plainly, and send a form's browser on to a page of ours."""
    if not sent.is_form:
        return plain
    wanted = form.local_path(str(sent.fields.get("next", "")))
    return RedirectResponse(wanted, 303, {"cache-control": "no-store"})


def _shown(user: models.User | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return {"id": user.id, "email": user.email, "is_admin": user.is_admin}


def _json(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})})
