"""`/sources`: the platforms, what each needs, and how the hosts' budgets stand."""

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.site import Site
from api.pages.visit import Visit
from tasks.budget import BudgetService
from tasks.ports import Platforms, PlatformState
from tasks.principal import ADMIN

#: What can be used first.
_FIRST: Final = (PlatformState.OPEN, PlatformState.NEEDS_KEY, PlatformState.CLOSED)


class SourcesPage:
    """The catalogue's page."""

    def __init__(self, site: Site, *, platforms: Platforms, budgets: BudgetService) -> None:
        self._site = site
        self._platforms = platforms
        self._budgets = budgets

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [self._site.page("/sources", get=self.show)]

    async def show(self, visit: Visit) -> Response:
        """Show all platforms and the budgets that the reader may see."""
        platforms = sorted(self._platforms.platforms(), key=lambda each: _FIRST.index(each.state))
        return visit.show(
            "sources.html",
            platforms=platforms,
            budgets=await self._budgets.budgets(visit.principal),
            sees_all=ADMIN in visit.principal.scopes,
        )
