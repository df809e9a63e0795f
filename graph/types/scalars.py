"""The scalars beyond GraphQL's own."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

#: The largest integer that every JSON reader keeps exactly.
MAX_EXACT: Final = 2**53 - 1

BigInt = NewType("BigInt", int)


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_time(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        # Near the ends of the calendar a zone's offset leads out of it.
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise GraphQLError(
        f"{value!r:.60} is no DateTime; write it as 2026-01-31T09:00:00Z, with a zone."
    )


def _write_date(value: date) -> str:
    return value.isoformat()


def _read_date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"{value!r:.60} is no Date; write it as 2026-01-31.") from None


def _read_big(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_EXACT:
        return value
    raise GraphQLError(f"{value!r:.60} is no BigInt; it is a whole number of at most 2^53 - 1.")


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339 text in UTC, such as `2026-01-31T09:00:00.123456Z`.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_write_time,
        parse_value=_read_time,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day as ISO 8601 text, such as `2026-01-31`.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=_write_date,
        parse_value=_read_date,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number beyond 32 bits, up to 2^53 - 1, as a JSON number.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=int,
        parse_value=_read_big,
    ),
}
