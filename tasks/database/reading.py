"""Reads of one statement that are asked for in the same turn of the event loop, sent as one.

Of a short read the smaller part is the read: a timer, writing to the socket, reading from it and
waking who waits cost both sides several times as much. Under load many requests are at the same
point at the same time, so their reads share all this: the statement goes once for each of them,
and their rows come back together. Each still sees what is committed when it starts. Nothing is
held back for it: what waits when there is a connection goes along.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from tasks.database.lane import Lane
from tasks.database.statement import NUMBER, Call, Row, Statement
from tasks.errors import DatabaseUnavailable

#: Runs a call on a connection.
Fetch: TypeAlias = Callable[[Any, Call], Awaitable[Sequence[Row]]]
#: Turns an error of the driver into what callers are told.
Translate: TypeAlias = Callable[[Exception], Exception]


@dataclass(slots=True)
class _Waiting:
    call: Call
    answer: "asyncio.Future[Sequence[Row]]"


@dataclass(slots=True)
class _Line:
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    coming: int = 0  #: Batches that have taken nobody along yet.


class Reading:
    """Runs reads on the connections of a lane. For one event loop."""

    def __init__(self, lane: Lane, fetch: Fetch, translate: Translate) -> None:
        self._lane = lane
        self._fetch = fetch
        self._translate = translate
        self._lines: dict[Statement, _Line] = {}
        #: Kept, since the loop refers to a task weakly.
        self._serving: set[asyncio.Task[None]] = set()

    async def fetch(self, call: Call) -> Sequence[Row]:
        """Run a call, with others of its statement where that is `shared`.

        A caller who is cancelled while the call waits takes it back; one who is cancelled while
        it is under way does not stop it.
        """
        if not call.statement.shared:
            return await self._alone(call)
        line = self._lines.get(call.statement)
        if line is None:
            line = self._lines[call.statement] = _Line()
        answer: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()
        line.waiting.append(_Waiting(call, answer))
        if len(line.waiting) > line.coming * call.statement.shared:
            line.coming += 1
            serving = asyncio.create_task(self._serve(call.statement, line))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
        return await answer

    async def _serve(self, statement: Statement, line: _Line) -> None:
        """Take along who waits when there is a connection."""
        try:
            connection = await self._lane.take()
        except Exception as error:  # noqa: BLE001 - it is the callers'
            _refuse(self._next(statement, line), self._translate(error))
            return
        batch = self._next(statement, line)
        if not batch:
            self._lane.give(connection)
            return
        try:
            rows = await self._on(connection, _together(statement, batch))
        except DatabaseUnavailable as error:
            _refuse(batch, error)
        except Exception as error:  # noqa: BLE001 - it is the callers'
            if len(batch) == 1:
                _refuse(batch, error)
            else:
                await self._each(batch)
        except BaseException:
            for each in batch:
                each.answer.cancel()
            raise
        else:
            _answer(batch, rows)

    def _next(self, statement: Statement, line: _Line) -> list[_Waiting]:
        line.coming -= 1
        batch: list[_Waiting] = []
        while line.waiting and len(batch) < statement.shared:
            each = line.waiting.popleft()
            if not each.answer.done():
                batch.append(each)
        if not line.coming:
            del self._lines[statement]
        return batch

    async def _each(self, batch: Sequence[_Waiting]) -> None:
        """Run one after the other: one that cannot be run must not take the others with it."""
        for each in batch:
            try:
                rows = await self._alone(each.call)
            except Exception as error:  # noqa: BLE001 - it is the caller's
                _refuse([each], error)
            else:
                _answer([each], rows)

    async def _alone(self, call: Call) -> Sequence[Row]:
        try:
            connection = await self._lane.take()
        except Exception as error:
            raise self._translate(error) from error
        return await self._on(connection, call)

    async def _on(self, connection: Any, call: Call) -> Sequence[Row]:
        """Run a call on a connection, and give that back."""
        try:
            rows = await self._fetch(connection, call)
        except Exception as error:
            if isinstance(error, asyncpg.InternalClientError):
                # It has lost its place in the protocol; nobody must be given it again.
                connection.terminate()
            await self._lane.drop(connection)
            raise self._translate(error) from error
        except BaseException:
            await self._lane.drop(connection)
            raise
        self._lane.give(connection)
        return rows


def _together(statement: Statement, batch: Sequence[_Waiting]) -> Call:
    if len(batch) == 1:
        return batch[0].call
    return statement.each([{**each.call.only, NUMBER: number} for number, each in enumerate(batch)])


def _answer(batch: Sequence[_Waiting], rows: Sequence[Row]) -> None:
    if len(batch) == 1:
        answers: Sequence[Sequence[Row]] = [rows]
    else:
        own: list[list[Row]] = [[] for _ in batch]
        for row in rows:
            number: int = row[-1]
            own[number].append(row)
        answers = own
    for each, found in zip(batch, answers, strict=True):
        if not each.answer.done():
            each.answer.set_result(found)


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
