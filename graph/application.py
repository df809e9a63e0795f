"""The GraphQL API put together: its settings, and the routes it answers on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from graph.context import Services
from graph.execution import Execution
from graph.graphiql import GraphiQL
from graph.http import GraphQLEndpoint, Transport
from graph.limits import Bucket, Limits, ProcessBucket, Rate
from graph.schema import build_schema
from graph.transport.live import Live
from graph.transport.websocket import WebSocketEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLSettings:
    """What an installation decides about its GraphQL API."""

    limits: Limits = field(default_factory=Limits)
    rate: Rate = field(default_factory=Rate)
    introspection: bool = True
    suggestions: bool = True
    batching: bool = False
    graphiql: bool = True


def routes(
    services: Services,
    settings: GraphQLSettings,
    *,
    bucket: Bucket | None = None,
    live: Live | None = None,
) -> Sequence[BaseRoute]:
    """Return the routes of the GraphQL API. The bucket is this process's own unless one is given.

    The authentication stands before them. Without `live`, nothing can be subscribed to.
    """
    execution = Execution(
        build_schema(suggestions=settings.suggestions),
        services,
        limits=settings.limits,
        bucket=bucket or ProcessBucket(settings.rate),
        introspection=settings.introspection,
        suggestions=settings.suggestions,
    )
    graphiql = GraphiQL() if settings.graphiql else None
    transport = Transport(batching=settings.batching, graphiql=graphiql)
    # A Route and no Mount, which would move the path to `/graphql/`.
    found: list[BaseRoute] = [
        Route("/graphql", GraphQLEndpoint(execution, settings.limits, transport, live))
    ]
    if live is not None:
        found.append(WebSocketRoute("/graphql", WebSocketEndpoint(execution, live)))
    if graphiql is not None:
        found.append(Mount("/graphql/assets", graphiql.assets))
    return found
