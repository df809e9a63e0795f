"""The web pages, put together from the settings."""

from collections.abc import Sequence
from importlib.metadata import version

from starlette.routing import BaseRoute

from api.pages import Site
from api.pages.home import HomePages
from api.session import Passwords, SessionKeys
from sluice.doors import graphql_settings
from sluice.services import Services
from sluice.settings import Settings


def site(settings: Settings, keys: SessionKeys) -> Site:
    """Return what all pages share."""
    return Site(
        keys,
        values={
            "version": version("sluice"),
            "graphiql": graphql_settings(settings).graphiql,
            "sign_up": settings.sign_up,
        },
    )


def routes(
    settings: Settings, services: Services, shared: Site, passwords: Passwords
) -> Sequence[BaseRoute]:
    """Return the routes of the pages and of their files."""
    del settings, services, passwords
    return [
        *shared.assets.routes(),
        *HomePages(shared).routes(),
    ]
