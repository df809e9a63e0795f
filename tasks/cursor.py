"""Positions in ordered lists, as opaque texts, and the window of a list that a client asks for.

A cursor names a place between rows by the sort key of the row that it was given out for, so it
stays valid while rows come, go and change, and reading on from it costs the same anywhere. It
holds nothing but that key: what a cursor may show is decided by the owner's filter, as always.
"""

import base64
import binascii
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final, Generic, Literal, Self, TypeAlias, TypeVar

import orjson

from tasks.errors import ValidationFailed

T = TypeVar("T")

MAX_PAGE_SIZE: Final = 100
#: Longer than any cursor that was ever given out.
_MAX_CURSOR: Final = 400
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_RANGES: Final = {"small": 2**31, "big": 2**63}

#: What a part of a key is: a 32-bit or 64-bit integer, a text, or a time.
Kind: TypeAlias = Literal["small", "big", "text", "time"]


@dataclass(frozen=True, slots=True)
class Form:
    """How an order's cursors look: a mark that tells orders apart, then the parts of the key.

    The parts named in `nullable`, counted from 0, may be missing.
    """

    mark: str
    kinds: tuple[Kind, ...]
    nullable: frozenset[int] = frozenset()

    def encode(self, key: Sequence[Any]) -> str:
        """Return the cursor of a row with this sort key."""
        # Times come from the database in UTC; orjson writes them as `isoformat` does.
        text = b2a_base64(orjson.dumps((self.mark, *key)), newline=False)
        return text.translate(_URL_SAFE, b"=").decode()

    def marker(self, places: Sequence[int]) -> Callable[[Sequence[Any]], str]:
        """Return what makes the cursor of a row whose sort key stands in these places."""
        if len(places) == 1:
            (place,) = places
            return lambda row: self.encode((row[place],))
        mark, key, dumps = self.mark, itemgetter(*places), orjson.dumps
        # As `encode` does it, in one call: a list makes one for each of its rows.
        return lambda row: (
            b2a_base64(dumps((mark, *key(row))), newline=False).translate(_URL_SAFE, b"=").decode()
        )

    def decode(self, cursor: str, *, argument: str) -> tuple[Any, ...]:
        """Return the sort key that a cursor holds.

        Raises:
            ValidationFailed: It is no cursor of this order.
        """
        try:
            return self._read(cursor)
        except (ValueError, TypeError, binascii.Error, OverflowError):
            sentence = (
                f"The {argument} argument is no cursor of this list in this order; use an edge's "
                "cursor, or startCursor or endCursor, from an answer with the same orderBy."
            )
            raise ValidationFailed({argument: [sentence]}) from None

    def _read(self, cursor: str) -> tuple[Any, ...]:
        if len(cursor) > _MAX_CURSOR or not cursor.isascii():
            raise ValueError
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list):
            raise TypeError
        mark, *key = parts  # pyright: ignore[reportUnknownVariableType] - it came from outside
        if mark != self.mark or len(key) != len(self.kinds):  # pyright: ignore[reportUnknownArgumentType] - likewise
            raise ValueError
        return tuple(
            None if part is None and index in self.nullable else _typed(part, self.kinds[index])
            for index, part in enumerate(key)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - likewise
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of an ordered list: `size` rows from its start, or from its end (`backward`).

    `after` and `before` are cursors that bound it.
    """

    size: int
    backward: bool = False
    after: str | None = None
    before: str | None = None

    @classmethod
    def parse(
        cls,
        *,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> Self:
        """Check what a client asks for.

        Raises:
            ValidationFailed: Not exactly one of `first` and `last` is given, or it is out of range.
        """
        if (first is None) == (last is None):
            sentence = f"Give either first or last, from 1 to {MAX_PAGE_SIZE}."
            raise ValidationFailed({"first": [sentence]})
        name, size = ("first", first) if first is not None else ("last", last)
        if size is None or not 1 <= size <= MAX_PAGE_SIZE:
            sentence = f"The {name} argument is {size}; it must be from 1 to {MAX_PAGE_SIZE}."
            raise ValidationFailed({name: [sentence]})
        return cls(size=size, backward=first is None, after=after, before=before)


@dataclass(slots=True)
class Slice(Generic[T]):
    """A window's rows, in the list's order, each with its cursor."""

    rows: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


def cut(found: Sequence[T], window: Window, cursors: Sequence[str]) -> Slice[T]:
    """Cut what was read, in the order in which it was read, down to the window.

    One row more than the window's size was asked for: its presence says that the list goes on.
    In the other direction a given cursor says so: the row that it came from is there.
    """
    goes_on = len(found) > window.size
    rows, marks = (found[: window.size], cursors[: window.size]) if goes_on else (found, cursors)
    if window.backward:
        rows, marks = rows[::-1], marks[::-1]
        return Slice(rows, marks, has_next=window.before is not None, has_previous=goes_on)
    return Slice(rows, marks, has_next=goes_on, has_previous=window.after is not None)


def _typed(part: Any, kind: Kind) -> Any:
    """Return the part as its kind's value, or raise: a driver must not meet anything else."""
    if kind == "time":
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    if kind == "text":
        if not isinstance(part, str) or "\0" in part:
            raise ValueError
        return part
    bound = _RANGES[kind]
    if type(part) is not int or not -bound <= part < bound:
        raise ValueError
    return part
