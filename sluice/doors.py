"""GraphQL and sessions, put together from the settings."""

import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

import structlog
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from api import session
from api.session import (
    Attempts,
    Passwords,
    ProcessAttempts,
    RedisAttempts,
    SessionAuthentication,
    SessionKeys,
)
from graph import application
from graph.application import GraphQLSettings
from graph.context import Services as GraphQLServices
from graph.limits import Bucket, Limits, ProcessBucket, Rate, RedisBucket
from graph.transport.live import Live
from sluice.data_directory import DataDirectory
from sluice.services import Services, caps
from sluice.settings import Settings
from tasks.access import TokenService
from tasks.models import PUSH
from tasks.operation import OperationService
from tasks.ports import Platform, PlatformState
from tasks.query import QueryService
from tasks.resolution import ResolutionService
from tasks.statistics import StatisticsService
from workers.catalogue import SourceCatalogue
from workers.source import Source

log = structlog.stdlib.get_logger(__name__)


#: No source: its posts come from clients.
FED: Final = Platform(
    name=PUSH,
    title="What you send yourself",
    state=PlatformState.OPEN,
    target_help="Any name. No worker collects: send the posts with addPosts, or with "
    "POST /api/tasks/{id}/posts.",
    examples=[f"{PUSH}:my-collector"],
    documentation=None,
    read_on=None,
    has_credential=False,
)


class ListedSources:
    """The sources as the platforms that clients see."""

    def __init__(self, catalogue: SourceCatalogue) -> None:
        listed = [*(_platform(source) for source in catalogue.sources), FED]
        self._platforms = sorted(listed, key=lambda platform: platform.name)

    def platforms(self) -> Sequence[Platform]:
        """Return them by name."""
        return self._platforms


def graphql_settings(settings: Settings) -> GraphQLSettings:
    """Return what the settings mean for GraphQL; production says less unless told otherwise."""
    open_by_default = settings.env == "development"
    introspection = _or(settings.graphql_introspection, open_by_default)
    return GraphQLSettings(
        limits=Limits(
            body_bytes=settings.graphql_max_body_bytes,
            tokens=settings.graphql_max_tokens,
            depth=settings.graphql_max_depth,
            aliases=settings.graphql_max_aliases,
            directives=settings.graphql_max_directives,
            root_fields=settings.graphql_max_root_fields,
            nodes=settings.graphql_max_nodes,
        ),
        rate=_rate(settings),
        introspection=introspection,
        suggestions=_or(settings.graphql_suggestions, open_by_default),
        batching=settings.graphql_batching,
        graphiql=_or(settings.graphql_graphiql, introspection),
    )


@contextlib.asynccontextmanager
async def charging(settings: Settings) -> AsyncGenerator[Bucket]:
    """Open what GraphQL's costs are charged to: one for all processes where they share a Redis."""
    if settings.redis_url is None:
        yield ProcessBucket(_rate(settings))
        return
    bucket = RedisBucket(settings.redis_url, _rate(settings))
    try:
        yield bucket
    finally:
        await bucket.close()


@contextlib.asynccontextmanager
async def throttling(settings: Settings) -> AsyncGenerator[Attempts]:
    """Open what counts tries of passwords: for all processes where they share a Redis."""
    if settings.redis_url is None:
        yield ProcessAttempts()
        return
    attempts = RedisAttempts(settings.redis_url)
    try:
        yield attempts
    finally:
        await attempts.close()


def routes(
    settings: Settings,
    services: Services,
    keys: SessionKeys,
    *,
    bucket: Bucket | None = None,
    passwords: Passwords | None = None,
) -> list[BaseRoute]:
    """Return the routes of GraphQL and sessions. What is not given, this process keeps itself."""
    served = GraphQLServices(
        tasks=services.tasks,
        query=QueryService(services.database, caps=caps(settings)),
        tokens=TokenService(services.accounts),
        platforms=ListedSources(services.catalogue),
        schedules=services.schedules,
        ingest=services.ingest,
        budgets=services.budgets,
        watch=services.watch,
        statistics=StatisticsService(services.database),
        operations=OperationService(services.database),
        resolution=ResolutionService(services.catalogue),
    )
    live = Live(
        authenticate=services.accounts.authenticate,
        connections=services.connections,
        init_seconds=settings.graphql_init_seconds,
    )
    return [
        *application.routes(served, graphql_settings(settings), bucket=bucket, live=live),
        *session.routes(services.accounts, keys, passwords),
    ]


def session_keys(settings: Settings) -> SessionKeys:
    """Return what signs sessions.

    Raises:
        DataDirectoryUnusable: The data directory cannot keep the key.
    """
    if settings.secret_key is not None:
        return SessionKeys(settings.secret_key)
    if settings.database_is_embedded:
        return SessionKeys(DataDirectory(settings.data_dir).secret_key())
    log.warning(
        "SLUICE_SECRET_KEY is not set: sessions end with this process, and hold in it alone"
    )
    return SessionKeys(secrets.token_hex(32))


def session_middleware(services: Services, keys: SessionKeys) -> Callable[[ASGIApp], ASGIApp]:
    """Return what resolves sessions' cookies."""
    return lambda app: SessionAuthentication(app, keys, services.accounts)


def _rate(settings: Settings) -> Rate:
    return Rate(
        capacity=settings.graphql_cost_capacity, per_second=settings.graphql_cost_per_second
    )


def _or(setting: bool | None, default: bool) -> bool:  # noqa: FBT001 - a value and its default
    return default if setting is None else setting


def _platform(source: Source) -> Platform:
    info = source.info
    return Platform(
        name=info.name,
        title=info.title,
        state=PlatformState(source.state.value),
        target_help=info.target_help,
        examples=[f"{info.name}:{example}" for example in info.examples],
        documentation=info.documentation,
        read_on=info.read_on,
        has_credential=bool(source.credentials),
        missing_settings=[setting.variable for setting in source.missing],
        closed_since=info.closure.since if info.closure else None,
        closed_reason=info.closure.reason if info.closure else None,
    )
