"""What a task's posts show when they are counted: when, how liked, by whom.

The database counts, so that what is held here is a few rows, however many posts there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tasks.database import Database, Steps
from tasks.principal import RESULTS_READ, Principal
from tasks.store import statistics as counts

#: How long a slot of the timeline may be, in seconds: from a minute to about ten years. The
#: shortest is taken with which there are at most `MOST_SLOTS`.
WIDTHS: Final = (
    *(60, 300, 900, 1_800),
    *(hours * 3_600 for hours in (1, 3, 6, 12)),
    *(days * 86_400 for days in (1, 2, 7, 28, 91, 364, 3_640)),
)
MOST_SLOTS: Final = 60


@dataclass(frozen=True, slots=True)
class Slot:
    """The posts of a stretch of time that begins `at`."""

    at: datetime
    posts: int


@dataclass(frozen=True, slots=True)
class Band:
    """The posts with at least so many likes and at most so many; None for no bound."""

    least: int | None
    most: int | None
    posts: int


@dataclass(frozen=True, slots=True)
class AuthorCount:
    """An author's posts, and the likes of those of which they are known."""

    name: str
    posts: int
    likes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A task's posts, counted. Slots and bands come in order, empty ones between others too."""

    posts: int
    slots: Sequence[Slot]
    slot_seconds: int
    undated: int  #: Posts without a time.
    bands: Sequence[Band]
    unrated: int  #: Posts whose likes are unknown.
    authors: Sequence[AuthorCount]  #: Those with the most posts, at most 10.
    author_count: int
    unnamed: int  #: Posts without an author.


class StatisticsService:
    """Counts for clients. Holds no state; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_task(self, principal: Principal, task_id: int) -> Statistics:
        """Count a task's posts; of a task that is not the principal's there are none.

        Raises:
            ScopeMissing: The credential may not read results.
        """
        principal.require(RESULTS_READ)
        return await self._database.snapshot(_counted, principal.user_id, task_id)


def _counted(user_id: int, task_id: int) -> Steps[Statistics]:
    found = yield from counts.summary(user_id, task_id)
    slots: Sequence[Slot] = ()
    width = WIDTHS[0]
    if found.first is not None and found.last is not None:
        width = _width(found.first, found.last)
        start = found.first // width * width
        numbers = yield from counts.slots(user_id, task_id, start=start, width=width)
        slots = [
            Slot(_moment(start + index * width), numbers.get(index, 0))
            for index in range(max(numbers, default=-1) + 1)
        ]
    bands = yield from counts.bands(user_id, task_id)
    authors = yield from counts.most_active(user_id, task_id)
    return Statistics(
        posts=found.posts,
        slots=slots,
        slot_seconds=width,
        undated=found.posts - found.dated,
        bands=_bands(bands),
        unrated=found.posts - found.liked,
        authors=[AuthorCount(*each) for each in authors],
        author_count=found.authors,
        unnamed=found.posts - found.named,
    )


def _width(first: int, last: int) -> int:
    for width in WIDTHS:
        if last // width - first // width < MOST_SLOTS:
            return width
    return WIDTHS[-1]


def _moment(seconds: int) -> datetime:
    # Not `fromtimestamp`, which some systems refuse before 1970.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _bands(numbers: dict[int, int]) -> list[Band]:
    if not numbers:
        return []
    edges = counts.EDGES
    return [
        Band(
            least=edges[index - 1] if index > 0 else None,
            most=edges[index] - 1 if index < len(edges) else None,
            posts=numbers.get(index, 0),
        )
        for index in range(min(numbers), max(numbers) + 1)
    ]
