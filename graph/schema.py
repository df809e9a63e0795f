"""The schema, a Federation subgraph: what types, queries, mutations and subscriptions make."""

from collections.abc import Awaitable
from typing import Any, Final, cast

import strawberry
from graphql import GraphQLSchema, Undefined
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from graph.context import Context, Info
from graph.mutation import Mutation
from graph.query import Query
from graph.subscription import Subscription
from graph.types.account import ApiToken, User
from graph.types.node import Node, read_key
from graph.types.platform import Platform
from graph.types.post import Post
from graph.types.scalars import SCALARS
from graph.types.schedule import Schedule
from graph.types.task import Task
from tasks.errors import ValidationFailed

#: The library's default, 2.11, is refused by one of the two composition libraries.
FEDERATION: Final = "2.9"


class Schema(strawberry.federation.Schema):
    """The schema. Immutable once built, and holding no services: each operation brings its own."""

    @property
    def core(self) -> GraphQLSchema:
        """The schema as graphql-core knows it, which parses, validates and executes."""
        return self._schema

    def entities_resolver(
        self, info: Info, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """Resolve a router's references; those of one request are one statement.

        Replaces the library's, which answers with the texts of Python's errors.
        """
        found = [_entity(info.context, cast("Any", each)) for each in representations]
        return cast("list[FederationAny]", found)


def build_schema(*, suggestions: bool = True) -> Schema:
    """Build the schema; `suggestions` lets errors name what was probably meant."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Task, Post, User, ApiToken, Platform, Schedule],
        config=StrawberryConfig(
            scalar_map=dict(SCALARS), disable_field_suggestions=not suggestions
        ),
        federation_version=FEDERATION,
    )
    _drop_null_defaults(schema.core)
    return schema


def _drop_null_defaults(core: GraphQLSchema) -> None:
    """Make what may be absent just that: Python's default of None reads as `= null` otherwise."""
    for kind in core.type_map.values():
        fields: Any = getattr(kind, "fields", {})
        for each in fields.values():
            for given in (each, *getattr(each, "args", {}).values()):
                if getattr(given, "default_value", Undefined) is None:
                    given.default_value = Undefined


def _entity(context: Context, representation: Any) -> Awaitable[Node] | ValidationFailed:
    """Return the loading of one reference, or what is wrong with it."""
    reference = cast("dict[str, Any]", representation if isinstance(representation, dict) else {})
    kind, node_id = reference.get("__typename"), reference.get("id")
    if kind != "Task" or not isinstance(node_id, str):
        sentence = "A representation is an object with the __typename Task and an id."
        return ValidationFailed({"representations": [sentence]})
    try:
        return _task(context, read_key(node_id, "Task"))
    except ValidationFailed as error:
        return error


async def _task(context: Context, task_id: int) -> Node:
    return Task.of(await context.task.load(task_id))
