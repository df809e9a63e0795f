"""What an operation selects, with the values of the variables that `@include` and `@skip` ask.

graphql-core itself collects the fields, so that fragments, type conditions, merging and order are
those of the ordinary path.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

#: Fields by response key, each with all the nodes that are merged in it.
Fields: TypeAlias = Mapping[str, Sequence[FieldDetails]]

_CONDITIONS: Final = ("include", "skip")


class Selections:
    """Collects the fields of one operation. The document must be valid."""

    def __init__(
        self,
        schema: GraphQLSchema,
        tree: DocumentNode,
        operation: OperationDefinitionNode,
        conditions: Mapping[str, Any],
    ) -> None:
        self.schema = schema
        self._operation = operation
        self._values = VariableValues({}, dict(conditions))
        self._fragments = {
            each.name.value: FragmentDetails(each)
            for each in tree.definitions
            if isinstance(each, FragmentDefinitionNode)
        }

    def root(self, kind: GraphQLObjectType) -> Fields:
        """Return the operation's fields."""
        found: Any = collect_fields(
            self.schema, self._fragments, self._values, kind, self._operation
        )
        return found.grouped_field_set

    def below(self, kind: GraphQLObjectType, fields: Sequence[FieldDetails]) -> Fields:
        """Return the fields below merged fields whose value is of this type."""
        found: Any = collect_subfields(
            self.schema, self._fragments, self._values, self._operation, kind, list(fields)
        )
        return found.grouped_field_set


def nodes(fields: Sequence[FieldDetails]) -> list[FieldNode]:
    """Return the nodes of merged fields."""
    return [each.node for each in fields]


def conditional(tree: DocumentNode, operation: OperationDefinitionNode) -> Sequence[str]:
    """Name the operation's variables that decide what is selected."""
    declared = {each.variable.name.value for each in operation.variable_definitions or ()}
    if not declared:
        return ()
    finder = _Conditions()
    visit(tree, finder)
    return sorted(declared & finder.found)


class _Conditions(Visitor):
    """Finds the variables in `@include` and `@skip`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_directive(self, node: Any, *_: Any) -> None:
        if node.name.value in _CONDITIONS:
            self.found |= set(variables_in(each.value for each in node.arguments or ()))


def variables_in(values: Iterable[Any]) -> Iterable[str]:
    """Name the variables in literals."""
    for value in values:
        if isinstance(value, VariableNode):
            yield value.name.value
        else:
            yield from variables_in(getattr(value, "values", ()))
            yield from variables_in(each.value for each in getattr(value, "fields", ()))
