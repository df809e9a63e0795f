"""Descriptions come from docstrings, so that a sentence stands in one place."""

import inspect
from typing import Any, TypeVar

from strawberry.types import get_object_definition

T = TypeVar("T", bound=type)


def described(cls: T) -> T:
    """Give a type the description of its docstring, and likewise its resolvers' fields.

    Stands above Strawberry's decorator. A description that was given is kept.
    """
    definition = get_object_definition(cls, strict=True)
    definition.description = definition.description or _sentences(cls)
    for field in definition.fields:
        resolver: Any = field.base_resolver  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - generic over its answer
        if field.description is None and resolver is not None:
            field.description = _sentences(resolver.wrapped_func)
    return cls


def _sentences(documented: object) -> str | None:
    """Return a docstring as Markdown, each paragraph on one line."""
    text = inspect.getdoc(documented)
    if text is None:
        return None
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
