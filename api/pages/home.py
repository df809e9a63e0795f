"""`/`, for people who are not there yet, and the switch of colours."""

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.site import Access, Site
from api.pages.visit import THEME, THEMES, Visit
from api.session.cookie import attributes
from api.session.form import Form, local_path

_YEAR_SECONDS: Final = 365 * 24 * 3600


class HomePages:
    """The pages that need nobody to sign in and show nobody's things."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            self._site.page("/", get=self.home, access=Access.ANYBODY),
            self._site.page("/theme", post=self.theme, access=Access.ANYBODY),
        ]

    async def home(self, visit: Visit) -> Response:
        """Say what this is; whoever has signed in goes on to their tasks."""
        if visit.viewer is not None:
            return visit.redirect("/tasks")
        return visit.show("home.html")

    async def theme(self, visit: Visit, form: Form) -> Response:
        """Choose light or dark, or leave it to the browser."""
        response = visit.redirect(local_path(form.get("next", "")))
        chosen = form.get("theme", "")
        # The script of the switch writes this cookie too.
        shared: dict[str, Any] = {**attributes(visit.request), "httponly": False}
        if chosen in THEMES:
            response.set_cookie(THEME, chosen, max_age=_YEAR_SECONDS, **shared)
        else:
            response.delete_cookie(THEME, **shared)
        return response
