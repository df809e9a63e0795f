"""Fields of strangers' JSON: what is absent or of another type is None, never an error.

A reply's frame and its posts' ids are required as usual, so that something else than the reply
asked for does not pass for an empty one; everything that a post can do without is one of these.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import pydantic

from workers import text

#: The largest count that the database keeps.
MOST: Final = 2**31 - 1


def moment(written: Any) -> datetime | None:
    """Read an ISO 8601 time, aware, in UTC; one without a zone is taken for UTC."""
    if not isinstance(written, str):
        return None
    try:
        read = datetime.fromisoformat(written.strip())
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def epoch(seconds: Any) -> datetime | None:
    """Read the seconds since 1970, as an aware time in UTC."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _words(value: Any) -> str | None:
    return text.clean(value) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST else None


def _identifier(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _object(value: Any) -> Any:
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType] - JSON of strangers


def _objects(value: Any) -> Any:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - likewise


#: A text as it is written, but for what cannot be stored.
Words = Annotated[str | None, pydantic.BeforeValidator(_words)]
#: A number of likes and the like.
Count = Annotated[int | None, pydantic.BeforeValidator(_count)]
#: An aware time.
Moment = Annotated[datetime | None, pydantic.BeforeValidator(moment)]
#: An aware time, written as the seconds since 1970.
Epoch = Annotated[datetime | None, pydantic.BeforeValidator(epoch)]
Flag = Annotated[bool, pydantic.BeforeValidator(lambda value: value is True)]
#: Required: what tells a post from others, written as a number or a text.
Identifier = Annotated[
    str,
    pydantic.BeforeValidator(_identifier),
    pydantic.StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
#: Marks the object or list of objects that follows as one that may be missing.
OPTIONAL: Final = pydantic.BeforeValidator(_object)
LISTED: Final = pydantic.BeforeValidator(_objects)


class Rendered(pydantic.BaseModel):
    """A text as HTML."""

    rendered: Words = None


class Refusal(pydantic.BaseModel):
    """What most platforms refuse a call with."""

    error: Words = None
    message: Words = None


REFUSAL: Final = pydantic.TypeAdapter(Refusal)


def first(*texts: str | None) -> str | None:
    """Return the first text that is not blank."""
    return next((one for one in texts if one and one.strip()), None)


def paragraphs(texts: Sequence[str | None]) -> str | None:
    """Join the texts that are not blank, parted by empty lines; None without any."""
    return "\n\n".join(one for one in texts if one and one.strip()) or None
