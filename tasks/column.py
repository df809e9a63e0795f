"""Column types that mean the same on PostgreSQL and SQLite, and the database's clock.

SQLite has no time type: an instant is kept there as the text
`YYYY-MM-DD HH:MM:SS.ffffff` in UTC, which sorts as time does.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator

Text = sa.Text

#: A 64-bit key that the database hands out. SQLite does that only for `INTEGER`.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC time with microseconds."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times; SQLite gets them without the zone, which it cannot keep."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return an aware time from both databases."""
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Json(TypeDecorator[Any]):
    """A JSON value, encoded by orjson on both databases."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose `jsonb` on PostgreSQL, text on SQLite."""
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else sa.Text())
