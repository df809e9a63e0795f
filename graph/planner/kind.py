"""Types of the schema, which graphql-core's annotations leave generic over what they wrap."""

from typing import Any

from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull


def is_non_null(kind: Any) -> bool:
    """Say whether a value of the type may not be null."""
    return isinstance(kind, GraphQLNonNull)


def is_list(kind: Any) -> bool:
    """Say whether a value of the type is a list."""
    return isinstance(kind, GraphQLList)


def is_input_object(kind: Any) -> bool:
    """Say whether a value of the type is an input object."""
    return isinstance(kind, GraphQLInputObjectType)


def inside(kind: Any) -> Any:
    """Return the type that a list or a type that is not null wraps."""
    return kind.of_type


def nullable(kind: Any) -> Any:
    """Return the type without saying that a value may not be null."""
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as the module says


def strawberry_field(definition: Any) -> Any:
    """Return Strawberry's definition of a field; None if it is the library's own."""
    extensions: dict[str, Any] = definition.extensions or {}
    return extensions.get("strawberry-definition")
