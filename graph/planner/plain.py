"""Objects that resolvers made, encoded by one generated function for each selection.

It takes what Strawberry's own definitions say: a field without a resolver is an attribute, and one
whose resolver takes nothing but its object is called. Whatever else is selected is not plain.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetails

from graph.planner.kind import inside, is_list, is_non_null, strawberry_field
from graph.planner.selection import Selections
from graph.planner.source import Source, Unplanned, mapping

#: Scalars whose values are in Python what they are in JSON.
_AS_THEY_ARE: Final = frozenset({"String", "ID", "Boolean", "BigInt"})


class Plain:
    """Makes encoders of plain objects."""

    def __init__(self, selections: Selections, source: Source) -> None:
        self._selections = selections
        self._source = source

    def encoder(
        self,
        kind: GraphQLObjectType,
        fields: Sequence[FieldDetails],
        beside: Sequence[str] = (),
    ) -> Callable[..., dict[str, Any]]:
        """Return what makes an object's answer of it; the object must be there.

        It takes the values of the fields named in `beside` after the object.

        The encoder raises, in whatever way, where the ordinary path would report an error.

        Raises:
            Unplanned: A selected field is not plain.
        """
        selected = self._selections.below(kind, fields)
        items = {
            key: self._field(kind, kind.fields.get(each[0].node.name.value), each, beside)
            for key, each in selected.items()
        }
        return self._source.function(", ".join(["o", *beside]), mapping(items))

    def _field(
        self,
        kind: GraphQLObjectType,
        definition: Any,
        fields: Sequence[FieldDetails],
        beside: Sequence[str],
    ) -> str:
        name = fields[0].node.name.value
        if name == "__typename":
            return repr(kind.name)
        if name in beside:
            return self._value(definition.type, name, fields)
        return self._value(definition.type, self._read(definition), fields)

    def _read(self, definition: Any) -> str:
        """Return the expression that reads a field of an object."""
        field = strawberry_field(definition)
        if field is None or definition.args or field.extensions:
            raise Unplanned
        resolver = field.base_resolver
        if resolver is None:
            return f"o.{field.python_name}"
        if resolver.is_async or resolver.info_parameter or not resolver.self_parameter:
            raise Unplanned
        return f"{self._source.name(resolver.wrapped_func)}(o)"

    def _value(self, kind: Any, value: str, fields: Sequence[FieldDetails]) -> str:
        """Return the expression of a value that may be null, unless its type says otherwise."""
        if is_non_null(kind):
            present = self._present(inside(kind), "v", fields)
            refused = self._source.name(_refuse)
            return f"({present} if (v := {value}) is not None else {refused}())"
        return f"(None if (v := {value}) is None else {self._present(kind, 'v', fields)})"

    def _present(self, kind: Any, value: str, fields: Sequence[FieldDetails]) -> str:
        """Return the expression of a value that is not null."""
        if is_list(kind):
            item = inside(kind)
            if not is_non_null(item):
                raise Unplanned
            return f"[{self._present(inside(item), 'x', fields)} for x in {value}]"
        if isinstance(kind, GraphQLObjectType):
            return f"{self._source.name(self.encoder(kind, fields))}({value})"
        return leaf(self._source, kind, value)


def leaf(source: Source, kind: Any, value: str) -> str:
    """Return the expression of a scalar's or an enum's value that is not null."""
    if isinstance(kind, GraphQLEnumType):
        return f"{source.name(names(kind))}[{value}]"
    if not isinstance(kind, GraphQLScalarType):
        raise Unplanned
    if kind.name in _AS_THEY_ARE:
        return value
    return f"{source.name(_written(kind.serialize))}({value})"


def names(kind: GraphQLEnumType) -> Mapping[Any, str]:
    """Return the names of an enum's members."""
    members: Any = cast("Any", kind).wrapped_cls
    return {members(each.value): name for name, each in kind.values.items()}


def _written(serialize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        written = serialize(value)
        if written is None or written is Undefined:
            raise Unplanned
        return written

    return write


def _refuse() -> Any:
    raise Unplanned
