"""Statements of one kind that wait at the same time, run as one: one round trip, one commit.

A worker's runs each write for themselves, hundreds at a time, and each commit waits for the disk
and costs both sides what a statement costs. Nothing is held back for it: the first goes at once,
and what comes while it is under way goes together when it is back, as SQLite's writer does it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tasks.database.statement import Call, Row, Statement
from tasks.errors import DatabaseUnavailable

#: Calls that go together: a page's posts may be half a megabyte.
MOST: Final = 32

#: Runs calls of one statement in one transaction; returns their rows.
Together: TypeAlias = Callable[[Sequence[Call]], Awaitable[Sequence[Row]]]


@dataclass(slots=True)
class _Waiting:
    call: Call
    key: Any
    answer: "asyncio.Future[Sequence[Row]]"


@dataclass(slots=True)
class _Line:
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    #: What serves it; kept, since the loop refers to a task weakly.
    server: "asyncio.Task[None] | None" = None


class Gathering:
    """Runs calls of statements that say by what their rows are told apart (`keyed`)."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self._lines: dict[Statement, _Line] = {}

    async def execute(self, call: Call) -> Sequence[Row]:
        """Run a call with what else waits; returns its own rows.

        A caller who is cancelled while the call waits takes it back; one who is cancelled while
        it is under way does not stop it.
        """
        line = self._lines.setdefault(call.statement, _Line())
        key = call.only[call.statement.keyed]
        answer: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()
        line.waiting.append(_Waiting(call, key, answer))
        if line.server is None:
            line.server = asyncio.create_task(self._serve(line))
        return await answer

    async def _serve(self, line: _Line) -> None:
        try:
            while batch := _next(line.waiting):
                await self._run(batch)
        finally:
            line.server = None

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        try:
            rows = await self._together([each.call for each in batch])
        except DatabaseUnavailable as error:
            _refuse(batch, error)
        except Exception as error:  # noqa: BLE001 - it is the callers'
            if len(batch) == 1:
                _refuse(batch, error)
                return
            # One that cannot be run must not take the others with it.
            for each in batch:
                await self._run([each])
        except BaseException:
            for each in batch:
                each.answer.cancel()
            raise
        else:
            _answer(batch, rows)


def _next(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Take what goes next, with no key twice: in the order of the keys, to meet no deadlock."""
    batch: dict[Any, _Waiting] = {}
    while waiting and len(batch) < MOST and waiting[0].key not in batch:
        each = waiting.popleft()
        if not each.answer.done():
            batch[each.key] = each
    return [batch[key] for key in sorted(batch)]


def _answer(batch: Sequence[_Waiting], rows: Sequence[Row]) -> None:
    own: dict[Any, list[Row]] = {}
    for row in rows:
        own.setdefault(row[0], []).append(row)
    for each in batch:
        if not each.answer.done():
            each.answer.set_result(own.get(each.key, []))


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
