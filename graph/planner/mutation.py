"""Mutations whose payloads are plain: their resolvers are called, and what they return is encoded.

What a mutation has changed cannot be begun again on the ordinary path. So everything that may
raise `Unplanned` is done before the first resolver is called.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import located_error
from graphql.execution.collect_fields import FieldDetails

from graph.context import Context
from graph.errors import field_error
from graph.planner.argument import Arguments
from graph.planner.kind import is_list, is_non_null, strawberry_field
from graph.planner.rows import Maker
from graph.planner.selection import Fields, nodes
from graph.planner.source import Unplanned
from graph.schema import Schema


@dataclass(frozen=True, slots=True)
class BareInfo:
    """What our resolvers take of Strawberry's info."""

    context: Context


class Change:
    """A root field of a mutation."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        self._fields = fields
        mutation: Any = schema.core.mutation_type
        definition: Any = mutation.fields[fields[0].node.name.value]
        if is_non_null(definition.type) or is_list(definition.type):
            raise Unplanned
        self._encode = maker.plain.encoder(definition.type, fields)
        self._arguments = Arguments(schema, definition, fields[0].node)
        self._resolve: Callable[..., Any] = strawberry_field(definition).base_resolver.wrapped_func

    def read(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the resolver's arguments."""
        return self._arguments.read(variables)

    async def make(
        self, context: Context, key: str, arguments: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any] | None]:
        """Return the payload's answer, or null and the error."""
        try:
            payload = await self._resolve(None, info=BareInfo(context), **arguments)
            return self._encode(payload), None
        except Exception as error:  # noqa: BLE001 - it is the field's, and told as such
            return None, field_error(located_error(error, nodes(self._fields), [key]))


class Changes:
    """The root fields of a mutation, which are made one after the other."""

    def __init__(self, schema: Schema, maker: Maker, fields: Fields) -> None:
        """Plan.

        Raises:
            Unplanned: One of them is not plain.
        """
        self._each = {key: Change(schema, maker, each) for key, each in fields.items()}

    def read(self, variables: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return the arguments of each.

        Raises:
            Unplanned: One is none of its type.
        """
        return {key: each.read(variables) for key, each in self._each.items()}

    async def run(
        self, context: Context, arguments: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Make them, and return `data` and `errors`."""
        data: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        for key, each in self._each.items():
            data[key], error = await each.make(context, key, arguments[key])
            errors += [] if error is None else [error]
        return {"data": data, "errors": errors} if errors else {"data": data}
