"""The installation as its administrator sees it: workers, queue, throughput, failures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tasks.database import Database, Steps
from tasks.models import EventType
from tasks.principal import ADMIN, Principal
from tasks.store import operation
from tasks.store.operation import MINUTE_SECONDS, Depth, Holder

MINUTES: Final = operation.HOUR_SECONDS // MINUTE_SECONDS


@dataclass(frozen=True, slots=True)
class Minute:
    """How many tasks ended in the minute that begins `at`."""

    at: datetime
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Failures:
    """How many tasks failed in the last hour with this error code, or were `cancelled`."""

    reason: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How the installation stands at one moment of the database's clock."""

    at: datetime
    workers: Sequence[Holder]  #: Those that hold a task now; an idle one leaves no trace.
    queue: Depth
    minutes: Sequence[Minute]  #: The last 60, in order; the last of them is not over yet.
    failures: Sequence[Failures]  #: The most frequent first.


class OperationService:
    """Figures for administrators. Holds no state; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self, principal: Principal) -> Figures:
        """Return how the whole installation stands, all users' tasks included.

        Raises:
            ScopeMissing: The credential may not administer.
        """
        principal.require(ADMIN)
        return await self._database.snapshot(_figures)


def _figures() -> Steps[Figures]:
    at = yield from operation.clock()
    workers = yield from operation.holders()
    queue = yield from operation.depth()
    ended = yield from operation.ended()
    tasks: Counter[tuple[int, str]] = Counter()
    reasons: Counter[str] = Counter()
    for each in ended:
        tasks[each.minute, each.type] += each.tasks
        if each.type == EventType.FAILED:
            reasons[each.reason or "unknown"] += each.tasks
    this_minute = int(at.timestamp()) // MINUTE_SECONDS
    return Figures(
        at=at,
        workers=workers,
        queue=queue,
        minutes=[
            Minute(
                datetime.fromtimestamp(0, UTC) + timedelta(seconds=number * MINUTE_SECONDS),
                completed=tasks[number, EventType.COMPLETED],
                failed=tasks[number, EventType.FAILED],
            )
            for number in range(this_minute - MINUTES + 1, this_minute + 1)
        ],
        failures=[Failures(*each) for each in reasons.most_common()],
    )
