"""Where a reader of an owner's log stands, so that it can go on there and skip nothing.

The ids of events are no such place: of two transactions the later may commit first. What a
reader has seen is a snapshot of the transactions that had ended, as PostgreSQL describes its own
(`pg_current_snapshot`): a ceiling, and those below it that were still running. A horizon alone
(the oldest that runs) would do as well, were it not that any long transaction of the cluster
holds it back: everything since would be read again and again.

On SQLite, whose writes are serial, an event's id takes the place of its transaction, and nothing
is ever running.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from tasks.errors import ValidationFailed

#: Transactions that a position names; with more it stands further back, and repeats.
MOST_NAMED: Final = 32

_NUMBER: Final = "[0-9]{1,18}"
_NUMBERS: Final = rf"{_NUMBER}(?:\.{_NUMBER}){{0,{MOST_NAMED - 1}}}"
_TEXT: Final = re.compile(
    rf"([ps])({_NUMBER})(?:r({_NUMBERS}))?(?:a({_NUMBERS})i({_NUMBER}))?-([0-9]{{1,11}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Position:
    """What of an owner's log was given: all before the ceiling, but for what it names.

    Its text, which clients keep, is `p105r3.1a2i77-1764000000`: the database's kind, the ceiling,
    how far below it the running ones are, and those in part with the last id; and the time.
    """

    kind: str  #: The database's, "p" or "s": their numbers do not compare.
    ceiling: int  #: Of the transactions from it on, nothing was given.
    at: datetime
    running: tuple[int, ...] = ()  #: Those before it of which nothing was given, in order.
    #: Those of which the events up to the id `last` were given.
    partial: tuple[int, ...] = ()
    last: int = 0

    @classmethod
    def of_snapshot(cls, kind: str, snapshot: str, at: datetime) -> "Position":
        """Return the position of who has read all that a snapshot (`xmin:xmax:xip,xip`) sees."""
        _, ceiling, running = snapshot.split(":")
        return cls(kind, int(ceiling), at, tuple(int(each) for each in running.split(",") if each))

    def below(
        self, ceiling: int, at: datetime, *, partial: Iterable[int] = (), last: int = 0
    ) -> "Position":
        """Return the position of who has read to a lower ceiling, and of some only in part.

        Of the `partial` transactions the events up to the id `last` were given.
        """
        running = tuple(number for number in self.running if number < ceiling)
        begun = tuple(sorted(number for number in partial if number < ceiling))
        return Position(self.kind, ceiling, at, running, begun, last if begun else 0)

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position.

        Raises:
            ValidationFailed: It is none.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            sentence = f"{text!r:.60} is no position; use one that the stream gave."
            raise ValidationFailed({"since": [sentence]})
        kind, ceiling, running, partial, last, at = found.groups()
        return cls(
            kind,
            int(ceiling),
            datetime.fromtimestamp(int(at), UTC),
            _numbers(running, int(ceiling)),
            _numbers(partial, int(ceiling)),
            int(last or 0),
        )

    def __str__(self) -> str:
        named = sorted({*self.running, *self.partial})
        if len(named) > MOST_NAMED:
            lower = self.below(named[MOST_NAMED], self.at, partial=self.partial, last=self.last)
            return str(lower)
        running, partial = _differences(self.running, self.ceiling), ""
        if self.partial:
            partial = f"a{_differences(self.partial, self.ceiling)}i{self.last}"
        return (
            f"{self.kind}{self.ceiling}{running and 'r'}{running}{partial}"
            f"-{int(self.at.timestamp())}"
        )

    def place(self, event_id: int, xid: int) -> int:
        """Return where an event stands on the scale of the ceiling."""
        return xid if self.kind == "p" else event_id

    def covers(self, event_id: int, xid: int) -> bool:
        """Say whether an event was given."""
        place = self.place(event_id, xid)
        if place >= self.ceiling or place in self.running:
            return False
        return place not in self.partial or event_id <= self.last


def after_each(
    since: Position,
    target: Position,
    part: Sequence[tuple[int, int]],
    *,
    later: Collection[tuple[int, int]] = (),
    at: Mapping[int, datetime],
) -> list[tuple[int, Position]]:
    """Return the position after each event of a part of what is new, with the event's id.

    Args:
        since: The position before the first.
        target: The position after everything that is new.
        part: (id, transaction) of the events in the order in which they are given, not empty.
        later: Those that are new too, and come after the part.
        at: When the events happened, as far as that is known.
    """
    places = [target.place(*each) for each in part]
    ceilings = list(accumulate((place + 1 for place in places), max, initial=since.ceiling))[1:]
    waiting = {place for each in later if (place := target.place(*each)) < ceilings[-1]}
    found: list[tuple[int, Position]] = []
    for (event_id, _), place, ceiling in zip(
        reversed(part), reversed(places), reversed(ceilings), strict=True
    ):
        if found or later:
            moment = at.get(event_id, target.at)
            position = target.below(ceiling, moment, partial=waiting, last=event_id)
        else:
            position = target
        found.append((event_id, position))
        waiting.add(place)
    return found[::-1]


def _numbers(text: str | None, ceiling: int) -> tuple[int, ...]:
    return () if text is None else tuple(ceiling - int(number) for number in text.split("."))


def _differences(numbers: Iterable[int], ceiling: int) -> str:
    return ".".join(str(ceiling - number) for number in numbers)
