"""The web pages, put together from the settings."""

from collections.abc import Sequence
from importlib.metadata import version

from starlette.routing import BaseRoute

from api.pages import Site
from api.pages.entrance import EntrancePages
from api.pages.home import HomePages
from api.pages.profile import ProfilePages
from api.pages.tokens import TokenPages
from api.session import Entry, Passwords, SessionKeys
from sluice.doors import graphql_settings
from sluice.services import Services
from sluice.settings import Settings
from tasks.access import TokenService
from tasks.sessions import SignInLinks


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
    accounts, entry = services.accounts, Entry(services.accounts, shared.keys)
    entrance = EntrancePages(
        shared,
        accounts=accounts,
        entry=entry,
        passwords=passwords,
        links=SignInLinks(services.database),
        sign_up=settings.sign_up,
    )
    profile = ProfilePages(shared, accounts=accounts, entry=entry, passwords=passwords)
    return [
        *shared.assets.routes(),
        *HomePages(shared).routes(),
        *entrance.routes(),
        *profile.routes(),
        *TokenPages(shared, TokenService(accounts)).routes(),
    ]
