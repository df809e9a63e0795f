"""Posts that a client sends for a task of the platform `push`, checked once for every door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr

from tasks.errors import ValidationFailed
from tasks.validation import MAX_POSTS, Integer, WithoutNulls, storable, text_of_number

#: As many as the largest task holds.
MAX_BATCH: Final = MAX_POSTS
MAX_ID: Final = 1000
MAX_AUTHOR: Final = 255
MAX_URL: Final = 2048
#: More than any large platform lets people write (63,206 characters). Even with each of them
#: escaped in JSON (12 bytes outside the basic plane), a post fits into a body of 1 MiB.
MAX_MESSAGE: Final = 65_536
#: The largest integer that every JSON reader keeps exactly.
MAX_COUNT: Final = 2**53 - 1

#: Times before it are slips: the year that was forgotten, or a count of seconds that was cut.
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)


def _moment(value: object) -> object:
    """Read an ISO 8601 time with its zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("moment") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("moment")
    try:
        read = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("moment") from None
    if read < _EARLIEST:
        raise ValueError("moment")
    return read


def _address(value: str) -> str:
    """Refuse what is no web address: people click on it."""
    if not value.lower().startswith(("http://", "https://")) or not value.isprintable():
        raise ValueError("address")
    return value


def _identifier(value: str) -> str:
    """Refuse what would break a line of a log, or of a list of ids."""
    if not value.isprintable():
        raise ValueError("printable")
    return value


Identifier = Annotated[
    StrictStr,
    Field(max_length=MAX_ID),
    AfterValidator(_identifier),
    BeforeValidator(text_of_number),
]
Message = Annotated[StrictStr, Field(max_length=MAX_MESSAGE), AfterValidator(storable)]
Author = Annotated[StrictStr, Field(max_length=MAX_AUTHOR), AfterValidator(storable)]
Url = Annotated[StrictStr, Field(max_length=MAX_URL), AfterValidator(_address)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Count = Annotated[Integer, Field(ge=0, le=MAX_COUNT)]


class NewPost(WithoutNulls):
    """A post as a client sends it. What is absent, null or an empty text is unknown."""

    id: Identifier  #: Unique within the task, and the same whenever the post is sent again.
    message: Message | None = None
    author: Author | None = None
    url: Url | None = None
    created_time: Moment | None = None
    likes: Count | None = None
    comments: Count | None = None
    shares: Count | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts to add, in their order, and whether they are the last."""

    posts: Sequence[NewPost]
    finish: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Check what a client sent: `posts`, 1 to 500, which may be left out with `finish`.

        Raises:
            ValidationFailed: With every failing field, named like `posts.3.created_time`.
        """
        finish = values.get("finish")
        errors: dict[str, list[str]] = {}
        if finish is not None and not isinstance(finish, bool):
            errors["finish"] = ["The finish field must be true or false."]
        sent = values.get("posts")
        posts: list[NewPost] = []
        if refused := _refused(sent, may_be_empty=finish is True):
            errors["posts"] = [refused]
        else:
            posts = _parse_each(cast("Sequence[object]", sent or ()), errors)
        if errors:
            raise ValidationFailed(errors)
        return cls(posts, finish is True)

    def canonical(self) -> dict[str, Any]:
        """Return what tells a repeat from another batch, however either was written."""
        return {
            "posts": [post.model_dump(mode="json") for post in self.posts],
            "finish": self.finish,
        }


def _refused(sent: object, *, may_be_empty: bool) -> str | None:
    """Say what is wrong with the list of posts, if anything is."""
    if sent is None:
        return None if may_be_empty else "The posts field is required."
    if not isinstance(sent, list):
        return "The posts field must be an array."
    number = len(cast("list[object]", sent))
    if not number and not may_be_empty:
        return "The posts field must have at least 1 item."
    if number > MAX_BATCH:
        return f"The posts field must not have more than {MAX_BATCH} items."
    return None


def _parse_each(sent: Sequence[object], errors: dict[str, list[str]]) -> list[NewPost]:
    """Check the posts; what is wrong goes into `errors`."""
    posts: list[NewPost] = []
    for index, values in enumerate(sent):
        if not isinstance(values, dict):
            errors[f"posts.{index}"] = ["A post must be an object."]
            continue
        try:
            posts.append(NewPost.parse(cast("Mapping[str, Any]", values)))
        except ValidationFailed as error:
            errors |= {f"posts.{index}.{name}": each for name, each in error.errors.items()}
    return posts
