"""Signing in, signing out, making an account, and links that sign in once."""

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.flash import Kind
from api.pages.site import Access, Site
from api.pages.visit import Visit
from api.session import Entry, Passwords
from api.session.form import Form, Refused, local_path
from tasks import models
from tasks.accounts import MIN_PASSWORD, AccountService
from tasks.errors import AccountExists, Unauthenticated, ValidationFailed
from tasks.sessions import SignInLinks

_LINK: Final = "/sign-in/link"


def link_path(secret: str) -> str:
    """Return the path, and what follows it, that a link's secret is used at."""
    return f"{_LINK}?{urlencode({'token': secret})}"


class EntrancePages:
    """The pages of those who are not in yet, or want to leave."""

    def __init__(
        self,
        site: Site,
        *,
        accounts: AccountService,
        entry: Entry,
        passwords: Passwords,
        links: SignInLinks,
        sign_up: bool,
    ) -> None:
        """Take the services; `sign_up` says whether anybody may make an account."""
        self._site = site
        self._accounts = accounts
        self._entry = entry
        self._passwords = passwords
        self._links = links
        self._sign_up = sign_up

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        page, anybody = self._site.page, Access.ANYBODY
        routes: list[BaseRoute] = [
            page("/sign-in", get=self.ask, post=self.sign_in, access=anybody),
            page("/sign-out", post=self.sign_out, access=anybody),
            page(_LINK, get=self.ask_link, post=self.use_link, access=anybody),
        ]
        if self._sign_up:
            routes.append(
                page("/sign-up", get=self.ask_new, post=self.make_account, access=anybody)
            )
        return routes

    async def ask(self, visit: Visit) -> Response:
        """Show the form; whoever has signed in goes on."""
        wanted = local_path(visit.request.query_params.get("next", ""))
        if visit.viewer is not None:
            return visit.redirect(wanted)
        return visit.show("sign_in.html", email="", wanted=wanted, error=None)

    async def sign_in(self, visit: Visit, form: Form) -> Response:
        """Sign in, and go on to where the reader wanted to."""
        email, wanted = form.get("email", ""), local_path(form.get("next", ""))
        try:
            user = await self._passwords.verified(visit.request, email, form.get("password", ""))
        except Refused as error:
            return visit.show(
                "sign_in.html",
                status=error.status,
                headers=error.headers,
                email=email,
                wanted=wanted,
                error=str(error),
            )
        return await self._entered(visit, user, wanted)

    async def sign_out(self, visit: Visit, form: Form) -> Response:
        """End the session."""
        del form
        response = visit.redirect("/sign-in", "You have signed out.", kind=Kind.INFO)
        await self._entry.leave(visit.request, response)
        return response

    async def ask_link(self, visit: Visit) -> Response:
        """Show whom a link would sign in. Only the button uses it up: programs open links, too."""
        secret = visit.request.query_params.get("token", "")
        owner = await self._links.owner(secret)
        if owner is None:
            return visit.show("link.html", status=404, owner=None, secret="")
        return visit.show("link.html", owner=owner, secret=secret)

    async def use_link(self, visit: Visit, form: Form) -> Response:
        """Sign in by a link, which ends it."""
        try:
            user = await self._links.use(form.get("token", ""))
        except Unauthenticated:
            return visit.show("link.html", status=404, owner=None, secret="")
        if user.password_hash is None:
            return await self._entered(
                visit,
                user,
                "/profile",
                "You are in. Choose a password, to come back without a link.",
            )
        return await self._entered(visit, user, "/")

    async def ask_new(self, visit: Visit) -> Response:
        """Show the form for an account."""
        if visit.viewer is not None:
            return visit.redirect("/")
        return self._new(visit)

    async def make_account(self, visit: Visit, form: Form) -> Response:
        """Make an account, and sign in with it."""
        email, password = form.get("email", ""), form.get("password", "")
        try:
            # An account costs as much as a wrong password, and is as tempting to machines.
            await self._passwords.count(visit.request, email.strip().lower())
            async with self._passwords.hashing():
                user = await self._accounts.create_user(email, password=password)
        except Refused as error:
            return self._new(
                visit, email, {"email": [str(error)]}, status=error.status, headers=error.headers
            )
        except ValidationFailed as error:
            return self._new(visit, email, error.errors, status=422)
        except AccountExists:
            taken = "There is an account with this address already; sign in instead."
            return self._new(visit, email, {"email": [taken]}, status=422)
        return await self._entered(visit, user, "/", "Welcome. Your account is ready.")

    def _new(
        self,
        visit: Visit,
        email: str = "",
        errors: dict[str, list[str]] | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        return visit.show(
            "sign_up.html",
            status=status,
            headers=headers,
            email=email,
            errors=errors or {},
            least=MIN_PASSWORD,
        )

    async def _entered(
        self, visit: Visit, user: models.User, wanted: str, message: str | None = None
    ) -> Response:
        response = visit.redirect(wanted, message)
        await self._entry.enter(visit.request, response, user)
        return response
