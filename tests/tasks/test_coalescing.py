"""Reads that are asked for at the same time."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tasks.coalescing import MOST, Coalesced
from tasks.errors import DatabaseUnavailable


class Table:
    """Rows by key; a read takes until it is let through."""

    def __init__(self) -> None:
        self.rows = {1: "a", 2: "b"}
        self.reads: list[Sequence[int]] = []
        self.open = asyncio.Event()
        self.failure: Exception | None = None

    async def read(self, keys: Sequence[int]) -> Mapping[int, str]:
        """Return what there is of these keys."""
        self.reads.append(keys)
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return {key: self.rows[key] for key in keys if key in self.rows}


@pytest.fixture
def table() -> Table:
    """Return the table."""
    return Table()


async def test_what_is_asked_for_together_is_one_read(table: Table) -> None:
    """Each asker is given its own row, or None; who asks for the same shares it."""
    table.open.set()
    rows = Coalesced(table.read)

    assert await asyncio.gather(*map(rows.get, (1, 2, 3, 1))) == ["a", "b", None, "a"]
    assert table.reads == [[1, 2, 3]]


async def test_what_comes_during_a_read_is_the_next_ones(table: Table) -> None:
    """A row is read after it was asked for, so that no asker is told of what was before."""
    rows = Coalesced(table.read)
    first = asyncio.create_task(rows.get(1))
    while not table.reads:  # noqa: ASYNC110 - the read that is waited for sets no event
        await asyncio.sleep(0)
    later = [asyncio.create_task(rows.get(key)) for key in (1, 2)]
    await asyncio.sleep(0)
    table.rows[1] = "changed"
    table.open.set()

    assert await asyncio.gather(first, *later) == ["changed", "changed", "b"]
    assert table.reads == [[1], [1, 2]]


async def test_what_comes_a_moment_later_is_read_as_well(table: Table) -> None:
    """On a busy loop, what is asked for in the next turns is still the same read."""
    table.open.set()
    rows = Coalesced(table.read)
    first = asyncio.create_task(rows.get(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert await rows.get(2) == "b"
    assert await first == "a"
    assert table.reads == [[1, 2]]


async def test_a_failure_is_each_askers(table: Table) -> None:
    """And the next read is made anew."""
    table.open.set()
    table.failure = DatabaseUnavailable("away")
    rows = Coalesced(table.read)
    found = await asyncio.gather(rows.get(1), rows.get(2), return_exceptions=True)
    table.failure = None

    assert [type(each) for each in found] == [DatabaseUnavailable] * 2
    assert await rows.get(1) == "a"


async def test_who_stops_to_wait_holds_up_nobody(table: Table) -> None:
    """A cancelled asker leaves the read to the others."""
    rows = Coalesced(table.read)
    gone, stays = asyncio.create_task(rows.get(1)), asyncio.create_task(rows.get(1))
    await asyncio.sleep(0)
    gone.cancel()
    table.open.set()

    assert await stays == "a"
    assert gone.cancelled()


async def test_a_read_asks_for_so_many_at_most(table: Table) -> None:
    """More are several reads."""
    table.open.set()
    rows = Coalesced(table.read)

    await asyncio.gather(*map(rows.get, range(MOST + 1)))

    assert [len(keys) for keys in table.reads] == [MOST, 1]
