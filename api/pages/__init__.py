"""The web pages: rendered on the server, useful without scripts, from our own files alone.

A page is a handler that takes a `Visit` and answers it, and a template in `templates/` that
extends `base.html`. Routes come from `Site.page`, which stands between the two and the browser: it
sends people who must sign in to do so, refuses forms that no page of ours sent, turns errors into
pages, and adds the headers.

    class Colours:
        def __init__(self, site: Site) -> None:
            self._site = site

        def routes(self) -> list[Route]:
            return [self._site.page("/colours", get=self.show, post=self.add)]

        async def show(self, visit: Visit) -> Response:
            return visit.show("colours.html", colours=["red"])

        async def add(self, visit: Visit, form: Form) -> Response:
            return visit.redirect("/colours", f"Added {form['name']}.")

Templates find `visit` (who is there, `visit.url("/path")`, `visit.asset("app.css")`) and import
the macros of `parts.html`. Scripts are ES modules in `static/js/`, loaded with
`{% block scripts %}`; as no inline script runs, data reaches them in `data-` attributes. Styles
stand in `static/app.css`; what one page alone needs may have a file of its own
(`{% block styles %}`).
"""

from api.pages.assets import Assets
from api.pages.site import Access, Site
from api.pages.visit import Visit

__all__ = ["Access", "Assets", "Site", "Visit"]
