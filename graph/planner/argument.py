"""Variables and arguments: coerced as graphql-core and Strawberry do, with what is fixed done once.

Where a value is not what its type takes, `Unplanned` is raised, and the ordinary path says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, Final, TypeAlias

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    GraphQLString,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities.coerce_input_value import (
    coerce_default_value,
    coerce_input_literal,  # pyright: ignore[reportUnknownVariableType] - generic over what types wrap
    coerce_input_value,  # pyright: ignore[reportUnknownVariableType] - likewise
)
from strawberry.schema.compat import is_scalar
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from graph.planner.kind import is_input_object, is_non_null, nullable, strawberry_field
from graph.planner.selection import variables_in
from graph.planner.source import Unplanned
from graph.schema import Schema

_INT: Final = 2**31

#: Reads an argument's value from the variables; `Undefined` if it has none.
Read: TypeAlias = Callable[[Mapping[str, Any]], Any]


class Variables:
    """An operation's variables."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._each: list[tuple[str, Callable[[Any], Any], Any, bool]] = []
        for node in operation.variable_definitions or ():
            signature: Any = get_variable_signature(schema, node)
            default = coerce_default_value(signature)
            required = is_non_null(signature.type)
            self._each.append((signature.name, _coercer(signature.type), default, required))

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the coerced values of those that have one.

        Raises:
            Unplanned: A value is missing or none of its type.
        """
        coerced: dict[str, Any] = {}
        for name, coerce, default, required in self._each:
            value = given.get(name, Undefined)
            if value is Undefined:
                if default is not Undefined:
                    coerced[name] = default
                elif required:
                    raise Unplanned
                continue
            value = coerce(value)
            if value is Undefined:
                raise Unplanned
            coerced[name] = value
        return coerced


class Arguments:
    """A field's arguments, as its resolver takes them."""

    def __init__(self, schema: Schema, definition: GraphQLField, node: FieldNode) -> None:
        field = strawberry_field(definition)
        given = {each.name.value: each.value for each in node.arguments or ()}
        self._fixed: dict[str, Any] = {}
        self._varying: list[tuple[str, Read]] = []
        constant = FieldNode(
            name=node.name,
            arguments=tuple(
                each for each in node.arguments or () if not set(variables_in([each.value]))
            ),
        )
        named = schema.config.name_converter.from_argument
        types = {named(each): each for each in field.arguments}
        for name, argument in definition.args.items():
            known = types[name]
            value = given.get(name)
            if value is None or not set(variables_in([value])):
                found = _constant(definition, name, constant)
                if found is not Undefined:
                    self._fixed[known.python_name] = _converter(schema, known.type)(found)
            else:
                read = _varying(schema, argument, known.type, value)
                self._varying.append((known.python_name, read))

    @property
    def fixed(self) -> bool:
        """Say whether no variable decides anything."""
        return not self._varying

    def only(self, *names: str) -> "Arguments":
        """Return those of these names alone."""
        some = object.__new__(Arguments)
        some._fixed = {name: each for name, each in self._fixed.items() if name in names}
        some._varying = [each for each in self._varying if each[0] in names]
        return some

    def read(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return them by the resolver's names; those without a value are left out.

        Raises:
            Unplanned: A value is none of its type.
        """
        if not self._varying:
            return self._fixed
        values = dict(self._fixed)
        for name, read in self._varying:
            value = read(variables)
            if value is not Undefined:
                values[name] = value
        return values


def _constant(definition: GraphQLField, name: str, node: FieldNode) -> Any:
    """Return the value of an argument that no variable decides; Undefined if it has none."""
    argument = definition.args[name]
    one = GraphQLField(GraphQLString, args={name: argument})
    try:
        values = get_argument_values(one, node)
    except GraphQLError:
        raise Unplanned from None
    return values.get(argument.out_name or name, Undefined)


def _varying(schema: Schema, argument: Any, kind: Any, value: Any) -> Read:
    """Return what reads an argument in which a variable stands."""
    convert = _converter(schema, kind)
    if isinstance(value, VariableNode):
        return _of_variable(argument, value.name.value, convert)
    named = nullable(argument.type)
    if isinstance(value, ObjectValueNode) and is_input_object(named):
        return _of_object(schema, named, kind, value)

    def read(variables: Mapping[str, Any]) -> Any:
        found = coerce_input_literal(value, argument.type, VariableValues({}, dict(variables)))
        if found is Undefined:
            raise Unplanned
        return convert(found)

    return read


def _of_variable(argument: Any, name: str, convert: Callable[[Any], Any]) -> Read:
    default = coerce_default_value(argument)
    absent = Undefined if default is Undefined else convert(default)
    required = is_non_null(argument.type)

    def read(variables: Mapping[str, Any]) -> Any:
        found = variables.get(name, Undefined)
        if found is Undefined:
            if required and absent is Undefined:
                raise Unplanned
            return absent
        if found is None and required:
            raise Unplanned
        return convert(found)

    return read


def _of_object(schema: Schema, named: Any, kind: Any, value: ObjectValueNode) -> Read:
    """Return what makes an input object of a literal in which variables stand."""
    made, known = _input(schema, kind)
    absent = _absent(known)
    readers: list[tuple[str, Read]] = []
    given = {each.name.value: each.value for each in value.fields}
    for name, definition in named.fields.items():
        field = known[name]
        literal = given.get(name)
        if literal is not None:
            readers.append((field.python_name, _varying(schema, definition, field.type, literal)))
        elif (default := coerce_default_value(definition)) is not Undefined:
            absent[field.python_name] = _converter(schema, field.type)(default)

    def read(variables: Mapping[str, Any]) -> Any:
        values = dict(absent)
        for name, each in readers:
            found = each(variables)
            if found is not Undefined:
                values[name] = found
        return made(**values)

    return read


def _converter(schema: Schema, kind: Any) -> Callable[[Any], Any]:
    """Return what makes Strawberry's inputs of coerced values; scalars and enums stay."""
    registry = schema.schema_converter.scalar_registry
    inner: Any = kind.of_type if isinstance(kind, StrawberryOptional) else kind
    if is_scalar(inner, registry) or isinstance(inner, StrawberryEnumDefinition):
        return lambda value: value
    if isinstance(inner, StrawberryList):
        item = _converter(schema, inner.of_type)
        return lambda values: None if values is None else [item(each) for each in values]
    made, known = _input(schema, inner)
    fields = [(n, each.python_name, _converter(schema, each.type)) for n, each in known.items()]
    absent = _absent(known)

    def convert(given: Mapping[str, Any] | None) -> Any:
        if given is None:
            return None
        values = dict(absent)
        for name, python_name, each in fields:
            if name in given:
                values[python_name] = each(given[name])
        return made(**values)

    return convert


def _input(schema: Schema, kind: Any) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """Return what makes an input, and its fields by the schema's names."""
    inner: Any = kind.of_type if isinstance(kind, StrawberryOptional) else kind
    definition = get_object_definition(inner, strict=True)
    named = schema.config.name_converter.from_field
    return inner, {named(each): each for each in definition.fields}


def _absent(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of fields that were not given and have no default of their own."""
    return {
        each.python_name: None
        for each in fields.values()
        if each.default is MISSING and each.default_factory is MISSING
    }


def _coercer(kind: Any) -> Callable[[Any], Any]:
    """Return what coerces a variable; plain values of the common types without a detour."""
    inner = nullable(kind)

    def coerced(value: Any) -> Any:
        return coerce_input_value(value, kind)

    if isinstance(inner, GraphQLEnumType):
        known = {name: inner.parse_value(name) for name in inner.values}
        return lambda value: (
            known[value] if type(value) is str and value in known else coerced(value)
        )
    name = getattr(inner, "name", None)
    if name in ("String", "ID"):
        return lambda value: value if type(value) is str else coerced(value)
    if name == "Int":
        return lambda value: (
            value if type(value) is int and -_INT <= value < _INT else coerced(value)
        )
    if name == "Boolean":
        return lambda value: value if type(value) is bool else coerced(value)
    return coerced
