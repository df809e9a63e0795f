"""A person's own account: their password, and the browsers that they have signed in with."""

import re
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.flash import Kind
from api.pages.site import Site
from api.pages.visit import Visit
from api.session import Entry, Passwords
from api.session.form import Form, Refused
from tasks.accounts import MIN_PASSWORD, AccountService
from tasks.errors import ValidationFailed

#: What browsers call themselves, the most telling name first: each also names its forebears.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT: Final = re.compile(r"[\w.-]{1,40}", re.ASCII)


class ProfilePages:
    """The pages of an account."""

    def __init__(
        self, site: Site, *, accounts: AccountService, entry: Entry, passwords: Passwords
    ) -> None:
        self._site = site
        self._accounts = accounts
        self._entry = entry
        self._passwords = passwords

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        page = self._site.page
        return [
            page("/profile", get=self.show),
            page("/profile/password", get=self.show, post=self.change_password),
            page("/profile/sessions", get=self.sessions),
            page("/profile/sessions/end", post=self.end_others),
            page("/profile/sessions/{id:int}/end", post=self.end),
        ]

    async def show(self, visit: Visit) -> Response:
        """Show the account, and the form for another password."""
        return self._profile(visit)

    async def change_password(self, visit: Visit, form: Form) -> Response:
        """Replace the password, which ends the other sessions."""
        user, new = visit.user, form.get("new", "")
        try:
            if user.password_hash is not None:
                await self._passwords.verified(visit.request, user.email, form.get("current", ""))
            async with self._passwords.hashing():
                await self._accounts.set_password(user.email, new, kept_session_id=visit.session.id)
        except Refused as error:
            wrong = "This is not your password." if error.status == 401 else str(error)  # noqa: PLR2004 - unauthorized
            return self._profile(visit, {"current": [wrong]}, status=error.status)
        except ValidationFailed as error:
            return self._profile(visit, {"new": error.errors["password"]}, status=422)
        return visit.redirect(
            "/profile", "Your password is changed. All your other sessions have ended."
        )

    async def sessions(self, visit: Visit) -> Response:
        """Show the browsers that the reader has signed in with."""
        found = await self._accounts.sessions.sessions(visit.user.id)
        return visit.show(
            "profile/sessions.html",
            sessions=[(each, browser_name(each.user_agent)) for each in found],
        )

    async def end(self, visit: Visit, form: Form) -> Response:
        """End one session; one's own is the same as signing out."""
        del form
        session_id: int = visit.request.path_params["id"]
        if session_id == visit.session.id:
            response = visit.redirect("/sign-in", "You have signed out.", kind=Kind.INFO)
            await self._entry.leave(visit.request, response)
            return response
        await self._accounts.sessions.end(visit.user.id, session_id)
        return visit.redirect("/profile/sessions", "The session has ended.")

    async def end_others(self, visit: Visit, form: Form) -> Response:
        """End every session but this one."""
        del form
        ended = await self._accounts.sessions.end_others(visit.user.id, kept_id=visit.session.id)
        said = (
            "One other session has ended." if ended == 1 else f"{ended} other sessions have ended."
        )
        return visit.redirect("/profile/sessions", said)

    def _profile(
        self, visit: Visit, errors: dict[str, list[str]] | None = None, *, status: int = 200
    ) -> Response:
        return visit.show(
            "profile/account.html", status=status, errors=errors or {}, least=MIN_PASSWORD
        )


def browser_name(user_agent: str) -> str:
    """Say in two words which browser a `User-Agent` is: `Firefox on Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        product = _PRODUCT.match(user_agent)
        browser = product[0] if product else "Unknown browser"
    return browser if system is None else f"{browser} on {system}"
