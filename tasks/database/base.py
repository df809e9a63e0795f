"""What both databases offer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ParamSpec, TypeVar

from tasks.database.statement import Call, Row, Steps
from tasks.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")


class UniqueViolation(StorageError):
    """A row with this key exists already. `constraint` names the constraint or its columns."""

    code = "UNIQUE_VIOLATION"

    def __init__(self, constraint: str) -> None:
        super().__init__(f"A row with the same {constraint} exists already.")
        self.constraint = constraint


class Session(ABC):
    """One transaction that its user drives for as long as they like."""

    @abstractmethod
    async def run(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run statements in the transaction, and go on with it."""


class Database(ABC):
    """Runs transactions. Errors of the connection are raised as `DatabaseUnavailable`."""

    dialect: str

    @abstractmethod
    async def write(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one transaction that may write, and commit it before this returns.

        `steps` may be run again from its start (deadlock, serialisation failure), so it must
        touch nothing but what it yields. An exception inside it rolls everything back.
        """

    @abstractmethod
    async def execute(self, call: Call) -> Sequence[Row]:
        """Run one statement in a transaction of its own: one round trip on PostgreSQL."""

    @abstractmethod
    def read(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run statements that only read; each sees what is committed when it starts."""

    @abstractmethod
    async def snapshot(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run statements that only read and all see one moment."""

    @abstractmethod
    def session(self, *, writes: bool) -> AbstractAsyncContextManager[Session]:
        """Hold one transaction open: a snapshot that only reads, or one that `writes`.

        For copying whole databases, where a transaction must see rows come from elsewhere. It
        holds its locks for as long, SQLite's against every other writer. The end of the context
        commits, an exception rolls back.
        """

    @abstractmethod
    def lead(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Try to be the one holder of `name` in the whole installation; says whether we are.

        Leadership ends with the context, with the connection, or with the process.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun and close every connection."""
