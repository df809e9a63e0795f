"""graphql-core's executor, with a shortcut for objects whose selected fields are plain.

Completing field by field builds a path, an info and a list of nodes for each of them. Where an
object's selected fields are attributes, a function that was generated once for the selection makes
its answer. If that fails, in whatever way, the object is completed field by field, which finds the
error and its place.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.planner.kind import inside, is_non_null
from graph.planner.plain import Plain
from graph.planner.selection import Selections, conditional
from graph.planner.source import Source, Unplanned
from graph.schema import Schema

#: Makes an object's answer.
Encode = Callable[[Any], Any]

#: Encoders that are kept for one operation; more come of many conditions alone.
_KEPT: Final = 256


class Encoders:
    """The encoders of one operation's objects, made when they are first needed."""

    def __init__(
        self, schema: Schema, tree: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._tree = tree
        self._operation = operation
        self._conditions: Sequence[str] | None = None
        self._kept: dict[Any, Encode | None] = {}

    def find(
        self, kind: GraphQLObjectType, fields: Sequence[FieldDetails], variables: dict[str, Any]
    ) -> Encode | None:
        """Return the encoder of an object; None if a selected field is not plain."""
        if self._conditions is None:
            self._conditions = conditional(self._tree, self._operation)
        decided = tuple([variables.get(name) for name in self._conditions])
        # The document holds the nodes, so that their ids stay theirs.
        key = (kind.name, tuple([id(each.node) for each in fields]), decided)
        if key in self._kept:
            return self._kept[key]
        encode: Encode | None = None
        if len(self._kept) < _KEPT:
            values = dict(zip(self._conditions, decided, strict=True))
            selections = Selections(self._schema.core, self._tree, self._operation, values)
            try:
                encode = Plain(selections, Source()).encoder(kind, fields)
            except Unplanned:
                encode = None
            self._kept[key] = encode
        return encode


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Completes plain objects, and lists of them, by generated functions."""

    encoders: Encoders  #: Set after `build`.

    def complete_object_value(  # noqa: PLR0917 - the overridden signature
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete an object."""
        encode = self._encoder(return_type, field_details_list)
        if encode is not None:
            try:
                return encode(result)
            except Exception:  # noqa: BLE001, S110 - field by field it comes again, with its place
                pass
        base: Any = super()  # generic in what is passed through
        return base.complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def complete_list_value(  # noqa: PLR0917 - likewise
        self,
        return_type: Any,
        field_details_list: list[FieldDetails],
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list."""
        item = inside(return_type)
        if is_non_null(item) and is_object_type(inside(item)) and isinstance(result, list):
            encode = self._encoder(inside(item), field_details_list)
            if encode is not None:
                try:
                    return list(map(encode, cast("list[Any]", result)))
                except Exception:  # noqa: BLE001, S110 - likewise
                    pass
        base: Any = super()
        return base.complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _encoder(self, kind: GraphQLObjectType, fields: list[FieldDetails]) -> Encode | None:
        return self.encoders.find(kind, fields, self.variable_values.coerced)
