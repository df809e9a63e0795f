"""Schedules that tests make, and their runs as a worker would treat them."""

from collections.abc import Sequence

import sqlalchemy as sa

from tasks.claim import Checkpoint, Claim
from tasks.column import now
from tasks.database import Database, Statement, Steps
from tasks.models import CursorState, Schedule, StopReason
from tasks.receipt import Receipt
from tasks.schedules import Timetable
from tasks.validation import NewSchedule
from tasks.work import WorkService
from tests.tasks.test_service import Sample

SHIFT = Statement(
    sa.update(Schedule).values(next_run_at=now(sa.bindparam("seconds", type_=sa.Float)))
)


def due_in(seconds: float) -> Steps[None]:
    """Make every schedule due so many seconds from now; negative ones are in the past."""
    yield SHIFT(seconds=seconds)


async def come_due(database: Database, timetable: Timetable) -> float:
    """Let every schedule come due and make the runs; returns what the chore does."""
    await database.write(due_in, -1)
    return await timetable()


def every(written: object = "PT1H", **values: object) -> NewSchedule:
    """Return a valid wish."""
    return NewSchedule.parse(
        {"group_id": "sandbox:happy", "max_posts": 10, "every": written, **values}
    )


async def claimed(work: WorkService) -> Claim:
    """Claim the next task and start it."""
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    return claim


async def finish(
    work: WorkService, ids: Sequence[str] = (), *, validators: dict[str, str] | None = None
) -> Claim:
    """Complete the next task with posts of these ids."""
    claim = await claimed(work)
    checkpoint = Checkpoint(
        cursor_state=CursorState.EXHAUSTED,
        cursor=None,
        posts_count=len(ids),
        receipt=Receipt(requested=10),
    )
    posts = [Sample(id=each) for each in ids]
    await work.complete(claim, checkpoint, posts, StopReason.END_OF_SOURCE, validators=validators)
    return claim
