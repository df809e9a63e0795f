"""What a client may ask for, checked once for every door.

Each model is built by `parse(mapping)`, which reads the fields it knows, ignores the rest, and
raises `ValidationFailed` with every failing field at once. The sentences are those of the
framework that the documented API was first written with, since clients show them to people.
As there, texts lose the blanks around them, an empty text is no value, and a whole number may
come as text (`"100"`).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from tasks.errors import ValidationFailed
from tasks.models import TaskStatus
from tasks.recurrence import LEAST_SECONDS, MOST_SECONDS, parse_duration

MAX_GROUP_ID: Final = 2048  #: Longer than any address that a browser would open.
MAX_GROUP_NAME: Final = 255
MAX_POSTS: Final = 500
PRIORITY_LEAST: Final = -(2**31)  #: The column is a 32-bit integer.
PRIORITY_MOST: Final = 2**31 - 1
MAX_PER_PAGE: Final = 100
#: The largest integer that every JSON reader keeps exactly; times `MAX_PER_PAGE` it is still a
#: 64-bit offset.
MAX_PAGE: Final = 2**53
MAX_IDEMPOTENCY_KEY: Final = 255

_WHOLE: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,18})", re.ASCII)
#: A float above this has lost digits, so its text is not what the client wrote.
_EXACT_FLOAT: Final = 2.0**53

#: The sentence for each of pydantic's error types; a type that is not listed keeps its own words.
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "The {name} field is required.",
    "int_type": "The {name} field must be an integer.",
    "string_type": "The {name} field must be a string.",
    "string_unicode": "The {name} field must be valid Unicode text.",
    "surrogate": "The {name} field must be valid Unicode text.",
    "string_too_long": "The {name} field must not be greater than {max_length} characters.",
    "greater_than_equal": "The {name} field must be at least {ge}.",
    "less_than_equal": "The {name} field must not be greater than {le}.",
    "enum": "The selected {name} is invalid.",
    "literal_error": "The selected {name} is invalid.",
    "nul": "The {name} field must not contain NUL characters.",
    "bool_type": "The {name} field must be true or false.",
    "duration": "The {name} field must be a duration such as PT15M or P1D, or a number of seconds.",
    "often": "The {name} field must be at least one minute.",
    "moment": "The {name} field must be a time with its zone, such as 2024-01-01T09:00:00Z.",
    "address": "The {name} field must be an address that begins with http:// or https://.",
    "printable": "The {name} field must not contain control characters.",
    "seldom": "The {name} field must not be longer than 366 days.",
}


def _whole(value: object) -> object:
    """Turn a whole number written as text or as a float into an integer; leave the rest."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def text_of_number(value: object) -> object:
    """Turn a JSON number into its text, unless reading it has already lost digits."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and abs(value) < _EXACT_FLOAT:
        return str(int(value)) if value.is_integer() else str(value)
    return value


def storable(value: str) -> str:
    """Refuse what PostgreSQL cannot keep in a text: NUL, and halves of surrogate pairs."""
    if "\0" in value:
        raise ValueError("nul")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("surrogate") from None
    return value


def _zero_if_none(value: object) -> object:
    """Let null mean 0."""
    return 0 if value is None else value


def _seconds(value: object) -> object:
    """Turn a duration, or a whole number of seconds, into seconds."""
    seconds = parse_duration(value) if isinstance(value, str) else None
    found = _whole(value) if seconds is None else seconds
    if not isinstance(found, int) or isinstance(found, bool):
        raise ValueError("duration")  # noqa: TRY004 - pydantic gathers ValueError alone
    return found


def _recurring(seconds: int) -> int:
    """Refuse what would never end to run, or hardly begin."""
    if seconds < LEAST_SECONDS:
        raise ValueError("often")
    if seconds > MOST_SECONDS:
        raise ValueError("seldom")
    return seconds


Integer = Annotated[StrictInt, BeforeValidator(_whole)]
Every = Annotated[StrictInt, AfterValidator(_recurring), BeforeValidator(_seconds)]

GroupId = Annotated[
    StrictStr,
    Field(max_length=MAX_GROUP_ID),
    AfterValidator(storable),
    BeforeValidator(text_of_number),
]
GroupName = Annotated[StrictStr, Field(max_length=MAX_GROUP_NAME), AfterValidator(storable)]
MaxPosts = Annotated[Integer, Field(ge=1, le=MAX_POSTS)]
Priority = Annotated[
    Integer, Field(ge=PRIORITY_LEAST, le=PRIORITY_MOST), BeforeValidator(_zero_if_none)
]
PerPage = Annotated[Integer, Field(ge=1, le=MAX_PER_PAGE)]
Page = Annotated[Integer, Field(ge=1, le=MAX_PAGE)]


class Input(BaseModel):
    """The base: a frozen value, built by `parse`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Check `values` and build the model; unknown names are ignored.

        Raises:
            ValidationFailed: With every failing field and its sentences.
        """
        known = {name: _trimmed(values[name]) for name in cls.model_fields if name in values}
        return cls._checked(known)

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ValidationFailed(_sentences(error)) from None


class WithoutNulls(Input):
    """An input in which null is the same as absent."""

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        return super()._checked({n: value for n, value in values.items() if value is not None})


class NewTask(WithoutNulls):
    """A task to create."""

    group_id: GroupId
    group_name: GroupName | None = None
    max_posts: MaxPosts
    priority: Priority = 0

    @classmethod
    def parse_each(cls, wishes: Sequence[Mapping[str, Any]]) -> list[Self]:
        """Check several wishes together.

        Raises:
            ValidationFailed: With every failing field of all, named like `tasks.3.max_posts`.
        """
        parsed: list[Self] = []
        errors: dict[str, list[str]] = {}
        for index, values in enumerate(wishes):
            try:
                parsed.append(cls.parse(values))
            except ValidationFailed as error:
                errors |= {f"tasks.{index}.{name}": each for name, each in error.errors.items()}
        if errors:
            raise ValidationFailed(errors)
        return parsed


class NewSchedule(NewTask):
    """A schedule to create: the task that each run of it is, and how often."""

    every: Every  #: Seconds; an ISO 8601 duration is read as well.
    only_new: StrictBool = False  #: Each run brings only what the runs before did not.


class TaskChanges(Input):
    """Changes of a pending task. A field that was not given is not changed.

    Null clears `group_name`, sets `priority` to 0, and is refused for `max_posts`.
    """

    group_name: GroupName | None = None
    max_posts: MaxPosts = 1
    priority: Priority = 0

    def given(self) -> dict[str, Any]:
        """Return the given fields alone, by the columns' names."""
        return self.model_dump(exclude_unset=True)


class SortBy(StrEnum):
    """What a list can be sorted by."""

    CREATED_AT = "created_at"
    STATUS = "status"
    PRIORITY = "priority"


class Listing(WithoutNulls):
    """Which of the owner's tasks to list, in which order, and which page of them."""

    status: TaskStatus | None = None  #: None for all.
    sort_by: SortBy = SortBy.CREATED_AT
    sort_order: Literal["asc", "desc"] = "desc"
    per_page: PerPage = 15
    page: Page = 1

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        if values.get("status") == "all":
            values = {**values, "status": None}
        return super()._checked(values)

    @property
    def descending(self) -> bool:
        """Say whether the greatest comes first."""
        return self.sort_order == "desc"

    @property
    def offset(self) -> int:
        """Count the tasks before this page."""
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What makes a repeated create recognisable: unique by user, door and key for 24 hours."""

    key: str
    door: str  #: `rest` or `graphql`: the same key means different things at different doors.
    body_digest: str  #: SHA-256 of what was asked for, hexadecimal.

    @classmethod
    def of(cls, key: str, *, door: str, body: object) -> Self:
        """Check a client's key and digest the body, which is JSON-like, whatever its key order.

        Raises:
            ValidationFailed: The key is empty, too long, or not printable ASCII.
        """
        if not (0 < len(key) <= MAX_IDEMPOTENCY_KEY and key.isascii() and key.isprintable()):
            expected = f"1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters"
            raise ValidationFailed(
                {"idempotency_key": [f"The idempotency key must be {expected}."]}
            )
        canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        return cls(key, door, hashlib.sha256(canonical).hexdigest())


def _trimmed(value: object) -> object:
    """Take the blanks off a text; an empty one is no value."""
    return (value.strip() or None) if isinstance(value, str) else value


def _sentences(failed: ValidationError) -> dict[str, list[str]]:
    """Word pydantic's errors, by the name of the field."""
    worded: dict[str, list[str]] = {}
    for error in failed.errors(include_url=False):
        field, details = str(error["loc"][0]), error.get("ctx", {})
        # Our own checks name their sentence by the message of the `ValueError` they raise.
        kind = str(details["error"]) if error["type"] == "value_error" else error["type"]
        template = _SENTENCES.get(kind, "The {name} field is invalid.")
        sentence = template.format(name=field.replace("_", " "), **details)
        worded.setdefault(field, []).append(sentence)
    return worded
