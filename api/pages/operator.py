"""`/operator`: how the whole installation stands, for its administrators."""

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.site import Access, Site
from api.pages.visit import Visit
from tasks.operation import OperationService


class OperatorPage:
    """The administrators' page."""

    def __init__(self, site: Site, *, operations: OperationService) -> None:
        self._site = site
        self._operations = operations

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [self._site.page("/operator", get=self.show, access=Access.ADMIN)]

    async def show(self, visit: Visit) -> Response:
        """Show the workers, the queue, what ended in the last hour, and why tasks failed."""
        figures = await self._operations.figures(visit.principal)
        return visit.show("operator.html", figures=figures)
