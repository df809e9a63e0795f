"""What a schedule's runs are told of those before them."""

from tasks.claim import Checkpoint
from tasks.database import Database
from tasks.models import CursorState
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.schedules import ScheduleService, Timetable
from tasks.service import TaskService
from tasks.store import schedule as store
from tasks.work import WorkService
from tests.tasks.recurring import claimed, come_due, every, finish
from tests.tasks.test_service import Sample


async def test_a_run_is_told_what_completed_runs_before_it_brought(
    *,
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """With the validators of the last; retention and deleted tasks take nothing of it away."""
    await schedules.create(principal, every(only_new=True))

    await come_due(database, timetable)
    await finish(work, ["a", "b"], validators={"etag": "1"})
    await come_due(database, timetable)
    second = await finish(work, ["c"], validators={"etag": "2"})
    await service.delete(principal, 1)
    await come_due(database, timetable)
    third = await claimed(work)

    former = await work.former(third)
    assert former is not None
    assert (former.known, former.validators) == ({"a", "b", "c"}, {"etag": "2"})

    # The run that is repeated must find its own posts again.
    await service.reset(principal, second.task.id)
    repeated = await claimed(work)
    before = await work.former(repeated)
    assert repeated.task.id == second.task.id
    assert before is not None
    assert (before.known, before.validators) == ({"a", "b"}, None)


async def test_an_unfinished_run_leaves_nothing(
    *,
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """What lies behind its end was not read, so it must not be where the next one stops."""
    await schedules.create(principal, every(only_new=True))
    await timetable()
    claim = await claimed(work)
    checkpoint = Checkpoint(
        cursor_state=CursorState.AT, cursor="1", posts_count=1, receipt=Receipt(requested=10)
    )
    await work.record(claim, checkpoint, [Sample(id="a")])
    await service.cancel(principal, claim.task.id)
    await come_due(database, timetable)

    former = await work.former(await claimed(work))

    assert former is not None
    assert former.known == frozenset()


async def test_a_schedule_of_everything_remembers_nothing(
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    work: WorkService,
    principal: Principal,
) -> None:
    """Each of its runs reads the whole."""
    await schedules.create(principal, every())
    await timetable()
    await finish(work, ["a"], validators={"etag": "1"})
    await come_due(database, timetable)

    assert await work.former(await claimed(work)) is None


async def test_the_memory_of_a_schedule_is_bounded(
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    work: WorkService,
    principal: Principal,
) -> None:
    """The oldest runs are forgotten whole."""
    await schedules.create(principal, every(only_new=True))
    for number in range(6):
        await come_due(database, timetable)
        await finish(work, [f"{number}-{index}" for index in range(450)])
    await come_due(database, timetable)

    former = await work.former(await claimed(work))

    assert former is not None
    assert {each.partition("-")[0] for each in former.known} == {"2", "3", "4", "5"}
    assert len(former.known) <= store.KNOWN_KEPT
