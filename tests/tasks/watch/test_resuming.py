"""An owner's stream that is left and resumed at any moment, while transactions end in any order."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tasks.database import Database, Steps
from tasks.models import EventType
from tasks.position import MOST_NAMED, Position, after_each
from tasks.principal import Principal
from tasks.store.event import APPEND
from tasks.watch import OwnerStream, WatchService
from tests.tasks.watch.world import World, take

AT = datetime(2026, 11, 24, tzinfo=UTC)
STEP = 10
_NUMBERS = st.integers(min_value=1, max_value=10**15)


def appending(user_id: int, task_ids: range) -> Callable[[], Steps[None]]:
    """Append the first event of each task, in one transaction."""

    def steps() -> Steps[None]:
        for task_id in task_ids:
            data = {"v": 1, "id": task_id, "revision": 1}
            yield APPEND(
                task_id=task_id, user_id=user_id, seq=1, type=EventType.DELETED.value, data=data
            )

    return steps


async def resumed(
    watching: WatchService, principal: Principal, position: str, *, until: int
) -> list[int]:
    """Return the tasks told by streams that each give ten items and are left."""
    found: list[int] = []
    while until not in found:
        stream: OwnerStream = await watching.tasks(principal, since=position)
        for _ in range(STEP):
            (item,) = await take(stream, 1)
            position = item.position
            if item.update is not None:
                found.append(item.update.task_id)
            if found[-1:] == [until]:
                break
        await stream.aclose()
    return found


async def test_a_transaction_of_many_events_is_left_in_its_middle(
    world: World, watching: WatchService, principal: Principal
) -> None:
    """A client that never holds on for as long as a transaction is gets on all the same."""
    position = (await take(await watching.tasks(principal), 1))[0].position
    await world.database.write(appending(principal.user_id, range(1000, 1250)))

    found = await resumed(watching, principal, position, until=1249)

    assert found == list(range(1000, 1250))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_transaction_that_stays_open_makes_nobody_read_again(
    world: World, watching: WatchService, database: Database, principal: Principal
) -> None:
    """Streams go on past it, and its own events come when it ends, each once."""
    position = (await take(await watching.tasks(principal), 1))[0].position
    async with database.session(writes=True) as session:
        await session.run(appending(principal.user_id, range(900, 901)))
        for task_id in range(1000, 1035):
            await world.database.write(appending(principal.user_id, range(task_id, task_id + 1)))

        found = await resumed(watching, principal, position, until=1034)
        assert found == list(range(1000, 1035))

        left = await watching.tasks(principal, since=position)
        position = (await take(left, 35))[-1].position
        await left.aclose()
    late = await watching.tasks(principal, since=position)
    assert [item.update.task_id for item in await take(late, 1) if item.update] == [900]


class Log:
    """An owner's log as PostgreSQL keeps it, with transactions that end in any order."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._xids = count(1)
        self.running: set[int] = set()
        self.written: dict[int, int] = {}  # event id -> transaction

    @property
    def visible(self) -> set[int]:
        """The ids of the events whose transactions have ended."""
        return {each for each, xid in self.written.items() if xid not in self.running}

    def begin(self) -> None:
        """Begin a transaction."""
        self.running.add(next(self._xids))

    def append(self, choice: int) -> None:
        """Append an event in a running transaction."""
        if self.running:
            running = sorted(self.running)
            self.written[next(self._ids)] = running[choice % len(running)]

    def end(self, choice: int) -> None:
        """Commit a running transaction."""
        if self.running:
            self.running.discard(sorted(self.running)[choice % len(self.running)])

    def beyond(self, since: Position) -> list[tuple[int, int]]:
        """Return what the statement returns (`tasks.column.beyond`)."""
        found: list[tuple[int, int]] = []
        for event_id in sorted(self.visible):
            xid = self.written[event_id]
            partly = xid in since.partial and event_id > since.last
            if xid >= since.ceiling or xid in since.running or partly:
                found.append((event_id, xid))
        return found

    def now(self) -> Position:
        """Return the position of who has read all that is visible."""
        ceiling = max([*self.running, *self.written.values(), 0]) + 1
        lowest = min([*self.running, ceiling])
        running = ",".join(map(str, sorted(self.running)))
        return Position.of_snapshot("p", f"{lowest}:{ceiling}:{running}", AT)


#: What happens: a transaction begins, appends or ends, or the reader reads so many and is left.
_HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "append", "append", "append", "end", "read"]), st.integers(1, 4)
    ),
    max_size=60,
)


def read(log: Log, since: Position, most: int) -> tuple[list[int], Position]:
    """Read on from a position, and leave after `most` events."""
    window = log.beyond(since)
    if not window:
        return [], log.now()
    read_at_once = most + 2
    part, later = window[:read_at_once], window[read_at_once:]
    given_to_client = after_each(since, log.now(), part, later=later, at={})[:most]
    return [event_id for event_id, _ in given_to_client], given_to_client[-1][1]


def run(happenings: list[tuple[str, int]], *, whole: bool) -> tuple[Log, list[int]]:
    """Return the log, and the events that a client was given which sends its position each time."""
    log = Log()
    position = log.now()
    found: list[int] = []
    ends = [("end", 0)] * len(happenings)
    for what, choice in [*happenings, *ends, ("read", 1), ("read", 10**6)]:
        if what == "read":
            given_ids, after = read(log, position, 10**6 if whole else choice)
            found += given_ids
            position = Position.parse(str(after))
        elif what == "begin":
            log.begin()
        elif what == "append":
            log.append(choice)
        else:
            log.end(choice)
    return log, found


#: The newest transaction is left in its middle, and another begins.
_AMID_ALONE = ["begin", "append", "append", "end", "read", "begin", "append", "end"]


@given(happenings=_HAPPENINGS)
@example(happenings=[(what, 1) for what in _AMID_ALONE])
@settings(max_examples=500, deadline=None)
def test_nothing_is_skipped(happenings: list[tuple[str, int]]) -> None:
    """Whatever the order in which transactions end, and wherever the reader is cut off."""
    log, found = run(happenings, whole=False)

    assert set(found) == set(log.written)


@given(happenings=_HAPPENINGS)
@settings(max_examples=500, deadline=None)
def test_nothing_is_repeated_to_who_reads_to_the_end(happenings: list[tuple[str, int]]) -> None:
    """Repeats come of leaving amid transactions that overlap, and of nothing else."""
    assume(sum(what == "begin" for what, _ in happenings) <= MOST_NAMED)
    log, found = run(happenings, whole=True)

    assert sorted(found) == sorted(log.written)


@given(
    ceiling=_NUMBERS,
    running=st.sets(_NUMBERS, max_size=40),
    partial=st.sets(_NUMBERS, max_size=40),
    ids=st.tuples(_NUMBERS, _NUMBERS),
    choice=st.integers(min_value=0),
)
def test_a_text_covers_no_more_than_the_position(
    ceiling: int, running: set[int], partial: set[int], ids: tuple[int, int], choice: int
) -> None:
    """A short position reads back as it was, a long one stands further back."""
    last, event_id = ids
    whole = Position("p", 2**60, AT, tuple(sorted(running)))
    position = whole.below(ceiling, AT, partial=partial - running, last=last)
    text = str(position)

    read_back = Position.parse(text)
    named = sorted({*running, *partial, ceiling})
    xid = max(named[choice % len(named)] - choice % 3, 0)
    if len(position.running) + len(position.partial) <= MOST_NAMED:
        assert read_back == position
    assert str(read_back) == text
    if read_back.covers(event_id, xid):
        assert position.covers(event_id, xid)


def test_a_position_of_before_means_what_it_meant() -> None:
    """Positions that named a horizon alone are positions still."""
    assert Position.parse("p105-1764000000") == Position(
        "p", 105, datetime.fromtimestamp(1764000000, UTC)
    )
