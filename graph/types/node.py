"""Objects with a global id, and what such an id is made of."""

import base64
import binascii
from typing import Final

import strawberry

from graph.types.description import described
from tasks.errors import ValidationFailed

#: Longer than any id that was ever given out: a platform's own ids are part of a post's.
_MAX_ID: Final = 4096
_MAX_DATABASE_ID: Final = 2**63 - 1


@described
@strawberry.interface
class Node:
    """An object that can be fetched again by its id."""

    id: strawberry.ID = strawberry.field(description="The global id; opaque.")


def global_id(kind: str, *key: object) -> strawberry.ID:
    """Return the global id of the object of a type with this key."""
    text = ":".join((kind, *map(str, key)))
    return strawberry.ID(base64.b64encode(text.encode()).decode())


def read_global_id(value: str, *, argument: str = "id") -> tuple[str, str]:
    """Return the type's name and the key that a global id holds.

    Raises:
        ValidationFailed: It is no global id.
    """
    if len(value) <= _MAX_ID:
        try:
            kind, colon, key = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            pass
        else:
            if colon and kind.isalpha() and key and "\0" not in key:
                return kind, key
    raise _invalid(value, argument)


def read_key(value: str, kind: str, *, argument: str = "id") -> int:
    """Return the database id that a global id of this type holds.

    Raises:
        ValidationFailed: It is no global id, or one of another type.
    """
    found, key = read_global_id(value, argument=argument)
    if found != kind:
        sentence = f"The {argument} is that of a {found:.40}; it must be that of a {kind}."
        raise ValidationFailed({argument: [sentence]})
    return read_database_id(key, value, argument=argument)


def read_database_id(key: str, value: str, *, argument: str = "id") -> int:
    """Return the number in a global id's key.

    Raises:
        ValidationFailed: There is none, as `value` was never given out.
    """
    if not (key.isascii() and key.isdigit() and len(key) < len(str(_MAX_DATABASE_ID))):
        raise _invalid(value, argument)
    return int(key)


def _invalid(value: str, argument: str) -> ValidationFailed:
    sentence = f"The {argument} {value!r:.60} is no id of this API; use the id of an object."
    return ValidationFailed({argument: [sentence]})
