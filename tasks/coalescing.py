"""Reads that are asked for at the same time, made as one.

When thousands of clients connect again after a restart, each asks the database for a row or two;
a statement for each costs more than everything else of a connect.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Keys that one read asks for at most.
MOST = 500
#: Turns of the loop that a read waits for company. On a busy loop each brings more keys, since
#: what a read finds makes clients ask again together; on an idle one they take microseconds.
TURNS = 4


class Coalesced(Generic[K, V]):
    """One row a key, read for all keys that wait. For one event loop.

    A key that comes while a read is under way belongs to the next one: what is returned was read
    after it was asked for.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Read by `read`, which returns what there is."""
        self._read = read
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return a key's row, or None where there is none.

        Raises what the read raises.
        """
        found: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(found)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        return await found

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                keys = list(islice(self._waiting, MOST))
                waiting = {key: self._waiting.pop(key) for key in keys}
                try:
                    rows = await self._read(keys)
                except Exception as error:  # noqa: BLE001 - it is each asker's
                    _answer(waiting, lambda _, found, error=error: found.set_exception(error))
                else:
                    _answer(waiting, lambda key, found, rows=rows: found.set_result(rows.get(key)))
        finally:
            self._reading = None


def _answer(
    waiting: Mapping[K, Sequence["asyncio.Future[V | None]"]],
    tell: Callable[[K, "asyncio.Future[V | None]"], None],
) -> None:
    for key, askers in waiting.items():
        for found in askers:
            if not found.done():  # by who has stopped to wait
                tell(key, found)
