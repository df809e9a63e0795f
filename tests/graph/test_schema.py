"""The schema as a document: committed, described, and compatible with what was released."""

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
)

import graph.schema
from graph.released import CURRENT, RELEASED, breaking_changes
from tasks.errors import (
    Forbidden,
    SourceClosed,
    TaskError,
    TransitionRefused,
    ValidationFailed,
)

SCHEMA = graph.schema.build_schema()
#: Federation's own, which have no descriptions in its specification either.
FEDERATION = {"_service", "_entities", "_Service", "_Entity", "_Any", "_FieldSet"}


def test_the_committed_schema_is_the_present_one() -> None:
    """`sluice schema > schema.graphql` was run after the last change."""
    assert CURRENT.read_text() == f"{SCHEMA.as_str()}\n"


def test_nothing_that_was_released_is_broken() -> None:
    """A client of the last release still works; deprecate first, and remove in a major release."""
    assert breaking_changes(SCHEMA) == []


def test_a_breaking_change_would_be_found() -> None:
    """The check sees a field that is gone."""
    text = RELEASED.read_text()
    field = '  """Whether they administer the installation."""\n  isAdmin: Boolean!\n'
    without = text.replace(field, "")

    found = find_breaking_changes(
        build_schema(text, assume_valid=True), build_schema(without, assume_valid=True)
    )

    assert [change.description for change in found] == ["Field User.isAdmin was removed."]


def _described(kind: GraphQLNamedType) -> list[tuple[str, str | None]]:
    found = [(kind.name, kind.description)]
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in kind.fields.items():
            if name in FEDERATION:
                continue
            found.append((f"{kind.name}.{name}", field.description))
            for argument, each in getattr(field, "args", {}).items():
                found.append((f"{kind.name}.{name}({argument})", each.description))
    if isinstance(kind, GraphQLEnumType):
        found += [(f"{kind.name}.{name}", value.description) for name, value in kind.values.items()]
    return found


def test_everything_is_described() -> None:
    """Every type, field, argument and value has a sentence."""
    missing = [
        name
        for kind in SCHEMA.core.type_map.values()
        if not kind.name.startswith(("__", "link__")) and kind.name not in FEDERATION
        for name, description in _described(kind)
        if not description
    ]

    assert missing == []


def test_nothing_defaults_to_null() -> None:
    """An argument that may be absent has no default; `= null` would say something else."""
    assert "= null" not in SCHEMA.as_str()


@pytest.mark.parametrize(
    "error", [ValidationFailed, Forbidden, TransitionRefused, SourceClosed, TaskError]
)
def test_codes_are_stable_names(error: type[TaskError]) -> None:
    """What clients branch on is in capitals."""
    assert error.code.replace("_", "").isupper()
