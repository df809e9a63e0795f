"""What every table's model is made of."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlmodel import SQLModel

# Without it SQLite hands out a deleted row's id again, and a tombstone would speak of a new task.
NO_REUSE = {"sqlite_autoincrement": True}


class Record(SQLModel):
    """A table's base: instances are built from rows in the order of the columns."""

    # SQLModel annotates this as a text and assigns a descriptor, which type checkers believe.
    __tablename__: ClassVar[Any]
    _names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Build an instance from a row that holds every column in the table's order.

        Bypasses pydantic and the session: the values come from the database, which has checked
        them. The instance has no state of the ORM, so its attributes can be read alone.
        """
        instance: Any = cls.__new__(cls)
        # What a shared statement adds to a row is left out.
        instance.__dict__.update(zip(cls.columns(), row, strict=False))
        return instance

    @classmethod
    def table(cls) -> sa.Table:
        """Return the table, for building statements."""
        return cls.__dict__["__table__"]

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Name the table's columns, in order."""
        if not cls._names:
            cls._names = tuple(column.name for column in cls.table().columns)
        return cls._names
