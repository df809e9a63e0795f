"""The web pages, put together from the settings."""

from collections.abc import Sequence
from importlib.metadata import version

from starlette.routing import BaseRoute

from api.pages import Site, words
from api.pages.entrance import EntrancePages
from api.pages.home import HomePages
from api.pages.operator import OperatorPage
from api.pages.profile import ProfilePages
from api.pages.sources import SourcesPage
from api.pages.task import TaskPages
from api.pages.tasks import TasksPages
from api.pages.tokens import TokenPages
from api.session import Entry, Passwords, SessionKeys
from sluice.doors import ListedSources, graphql_settings
from sluice.services import Services, caps
from sluice.settings import Settings
from tasks.access import TokenService
from tasks.operation import OperationService
from tasks.query import QueryService
from tasks.sessions import SignInLinks
from tasks.statistics import StatisticsService


def site(settings: Settings, keys: SessionKeys) -> Site:
    """Return what all pages share."""
    return Site(
        keys,
        values={
            "words": words,
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
        *_task_pages(settings, services, shared),
    ]


def _task_pages(settings: Settings, services: Services, shared: Site) -> Sequence[BaseRoute]:
    platforms = ListedSources(services.catalogue)
    query = QueryService(services.database, caps=caps(settings))
    return [
        *TasksPages(shared, tasks=services.tasks, query=query, platforms=platforms).routes(),
        *TaskPages(
            shared,
            tasks=services.tasks,
            query=query,
            statistics=StatisticsService(services.database),
            platforms=platforms,
        ).routes(),
        *SourcesPage(shared, platforms=platforms, budgets=services.budgets).routes(),
        *OperatorPage(shared, operations=OperationService(services.database)).routes(),
    ]
