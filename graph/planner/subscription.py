"""Subscriptions to plain objects: the resolver is called, and each item encoded.

A subscription that is refused, or an item that cannot be encoded, is told here or by the ordinary
path in the same words; so nothing but its speed tells a client which one it has.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from graphql import GraphQLError, located_error

from graph.context import Context
from graph.feed import Feed
from graph.planner.argument import Arguments
from graph.planner.kind import inside, is_list, is_non_null, strawberry_field
from graph.planner.mutation import BareInfo
from graph.planner.rows import Maker
from graph.planner.selection import Fields, nodes
from graph.planner.source import Unplanned
from graph.schema import Schema


class Watching:
    """The one root field of a subscription."""

    def __init__(self, schema: Schema, maker: Maker, fields: Fields) -> None:
        """Plan.

        Raises:
            Unplanned: Its items are not plain, or there is not exactly one field.
        """
        if len(fields) != 1:
            raise Unplanned
        ((self._key, self._fields),) = fields.items()
        subscription: Any = schema.core.subscription_type
        definition: Any = subscription.fields[self._fields[0].node.name.value]
        if not is_non_null(definition.type) or is_list(inside(definition.type)):
            raise Unplanned
        self._encode = maker.plain.encoder(inside(definition.type), self._fields)
        self._arguments = Arguments(schema, definition, self._fields[0].node)
        self._resolve: Callable[..., Any] = strawberry_field(definition).base_resolver.wrapped_func

    def read(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the resolver's arguments.

        Raises:
            Unplanned: A value is none of its type.
        """
        return self._arguments.read(variables)

    async def begin(
        self, context: Context, arguments: Mapping[str, Any]
    ) -> Feed[Any, Any] | GraphQLError:
        """Return what it reads, or why it was refused."""
        try:
            return await self._resolve(None, info=BareInfo(context), **arguments)
        except Exception as error:  # noqa: BLE001 - it is the field's, and told as such
            return located_error(error, nodes(self._fields), [self._key])

    def encoded(self, item: Any) -> bytes | None:
        """Return an item's answer as JSON; None if the ordinary path is to make it."""
        try:
            answer = {"data": {self._key: self._encode(item)}}
            return orjson.dumps(answer, option=orjson.OPT_UTC_Z)
        except Exception:  # noqa: BLE001 - field by field it comes again, with its place
            return None
