"""Publishes events after their commit, whoever wrote them.

It stands around the database and not in the services, so that no write path, the sweeper's and
the command line's included, can forget it: what is inserted into the log is published.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from tasks.bus import Bus
from tasks.database import Call, Database, Row, Steps
from tasks.database.base import Session
from tasks.models import Task, TaskEvent
from tasks.store.event import APPEND, Logged

P = ParamSpec("P")
T = TypeVar("T")


#: Where a task's owner stands in the row that its change returns.
_USER_ID: Final = Task.columns().index("user_id")


class PublishingDatabase(Database):
    """A database whose committed events go out on a bus."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.dialect = database.dialect
        self._database = database
        self.bus = bus

    async def write(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one transaction, and publish after its commit what it appended to the log.

        Where the caller is cancelled in between, nothing is published: the bus is a hint.
        """
        ran: list[tuple[Call, Sequence[Row]]] = []
        answer = await self._database.write(lambda: _noting(steps(*args, **kwargs), ran))
        for call, rows in ran:
            self._publish(call, rows)
        return answer

    async def execute(self, call: Call) -> Sequence[Row]:
        """Run one statement as a transaction of its own, and publish likewise."""
        rows = await self._database.execute(call)
        if _appends(call):
            self._publish(call, rows)
        return rows

    def _publish(self, call: Call, rows: Sequence[Row]) -> None:
        """Publish the committed events of a statement."""
        parameters: Mapping[str, Any] = {}  # Of a row among many, what its own were is not known.
        if isinstance(call.parameters, Mapping):
            parameters = call.parameters
            if call.statement is APPEND:
                for row in rows:
                    self.bus.publish(parameters["user_id"], partial(_event, parameters, row))
                return
        for follow in call.statement.following:
            if isinstance(follow, Logged):
                for row in rows:
                    self.bus.publish(row[_USER_ID], partial(follow.of, row, parameters))

    def read(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run statements that only read."""
        return self._database.read(steps, *args, **kwargs)

    async def snapshot(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run statements that only read and all see one moment."""
        return await self._database.snapshot(steps, *args, **kwargs)

    def session(self, *, writes: bool) -> AbstractAsyncContextManager[Session]:
        """Hold one transaction open. What is copied in it is history, and is not published."""
        return self._database.session(writes=writes)

    def lead(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Try to be the one holder of `name`."""
        return self._database.lead(name)

    async def close(self) -> None:
        """Close the database inside."""
        await self._database.close()


def _noting(steps: Steps[T], ran: list[tuple[Call, Sequence[Row]]]) -> Steps[T]:
    """Pass a transaction through, and note the statements by which it appends to the log."""
    ran.clear()  # A transaction that fell to a deadlock begins again.
    try:
        call = next(steps)
        while True:
            try:
                rows = yield call
            except GeneratorExit:
                steps.close()
                raise
            if _appends(call):
                ran.append((call, rows))
            call = steps.send(rows)
    except StopIteration as end:
        return end.value


def _appends(call: Call) -> bool:
    """Say whether a statement appends to the log."""
    return call.statement is APPEND or any(isinstance(f, Logged) for f in call.statement.following)


def _event(parameters: Mapping[str, Any], row: Row) -> TaskEvent:
    """Return the event that was inserted with these parameters."""
    event_id, at, xid = row
    values = {**parameters, "id": event_id, "at": at, "xid": xid}
    return TaskEvent.of([values[name] for name in TaskEvent.columns()])
