"""Recurring tasks on both databases: when runs are made, and whose they are."""

import asyncio
from datetime import timedelta

import pytest

from tasks import models
from tasks.accounts import AccountService
from tasks.database import Database
from tasks.errors import ScheduleNotFound, ScopeMissing, TargetError
from tasks.ports import Sleeper
from tasks.principal import TASKS_READ, Principal
from tasks.schedules import LOOK_SECONDS, ScheduleService, Timetable, public
from tasks.service import TaskService
from tasks.validation import Listing
from tasks.work import WorkService
from tests.conftest import principal_of
from tests.tasks.recurring import come_due, due_in, every, finish


async def runs(service: TaskService, principal: Principal) -> list[models.Task]:
    """Return the principal's tasks, oldest first."""
    listing = Listing.parse({"sort_order": "asc", "per_page": 100})
    return (await service.page(principal, listing)).tasks


async def test_the_first_run_is_made_at_once(
    schedules: ScheduleService, timetable: Timetable, service: TaskService, principal: Principal
) -> None:
    """It is an ordinary task that names its schedule, with its first event."""
    made = await schedules.create(principal, every(group_name="Name", priority=3))

    await timetable()

    (run,) = await runs(service, principal)
    assert (run.schedule_id, run.status, run.group_name, run.priority) == (
        made.id,
        "pending",
        "Name",
        3,
    )
    (event,) = await service.events(principal, run.id)
    assert (event.type, event.data["schedule_id"]) == ("created", made.id)
    after = await schedules.get(principal, made.id)
    assert (after.last_task_id, after.last_run_at is not None) == (run.id, True)
    assert after.next_run_at == made.next_run_at + timedelta(hours=1)


async def test_a_run_can_be_claimed(
    schedules: ScheduleService, timetable: Timetable, work: WorkService, principal: Principal
) -> None:
    """Its owner is in the line."""
    await schedules.create(principal, every())
    await timetable()

    assert await work.claim("w") is not None
    assert await work.claim("w") is None


async def test_missed_runs_are_made_up_once(
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    service: TaskService,
    principal: Principal,
) -> None:
    """After three days without a worker there is one run, and the grid is kept."""
    await schedules.create(principal, every("PT1H"))
    await database.write(due_in, -72 * 3600 - 600)

    waits = [await timetable() for _ in range(3)]

    assert len(await runs(service, principal)) == 1
    (schedule,) = await schedules.page(principal)
    assert schedule.last_run_at is not None
    left = schedule.next_run_at - schedule.last_run_at
    assert timedelta(minutes=49) < left <= timedelta(minutes=50)
    assert waits == [LOOK_SECONDS] * 3


async def test_at_most_one_run_is_open(
    *,
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """What came due meanwhile is made up when the open run has ended, also when it is cancelled."""
    await schedules.create(principal, every())
    await timetable()
    await come_due(database, timetable)
    assert len(await runs(service, principal)) == 1

    await finish(work)
    await timetable()
    assert len(await runs(service, principal)) == 2

    await database.write(due_in, -1)
    await service.cancel(principal, 2)
    await timetable()
    assert len(await runs(service, principal)) == 3

    await database.write(due_in, -1)
    await service.cancel(principal, 3)
    await service.reset(principal, 1)
    await timetable()
    assert len(await runs(service, principal)) == 3


async def test_two_leaders_make_a_run_once(
    schedules: ScheduleService, database: Database, service: TaskService, principal: Principal
) -> None:
    """A leader that has lost its lead and does not know it yet does no harm."""
    for _ in range(5):
        await schedules.create(principal, every())

    await asyncio.gather(*(Timetable(database, waker=Sleeper())() for _ in range(4)))

    made = await runs(service, principal)
    assert sorted(run.schedule_id or 0 for run in made) == [1, 2, 3, 4, 5]


async def test_a_pause_is_not_made_up(
    schedules: ScheduleService,
    timetable: Timetable,
    database: Database,
    service: TaskService,
    principal: Principal,
) -> None:
    """Paused means that no run is wanted; both commands may be repeated."""
    made = await schedules.create(principal, every("P1D"))
    first = await schedules.pause(principal, made.id)
    again = await schedules.pause(principal, made.id)
    await database.write(due_in, -5 * 86_400 + 60)
    await timetable()
    assert first.paused_at == again.paused_at is not None

    resumed = await schedules.resume(principal, made.id)
    await timetable()

    assert await runs(service, principal) == []
    assert resumed.paused_at is None
    assert timedelta() < resumed.next_run_at - resumed.updated_at <= timedelta(seconds=60)
    assert (await schedules.resume(principal, made.id)).next_run_at == resumed.next_run_at


async def test_a_clock_that_was_set_back_does_not_silence_a_schedule(
    schedules: ScheduleService, timetable: Timetable, database: Database, principal: Principal
) -> None:
    """It runs within one period of the time that it is now."""
    await schedules.create(principal, every("PT1H"))
    await database.write(due_in, 30 * 86_400)

    await timetable()

    (schedule,) = await schedules.page(principal)
    assert schedule.next_run_at - schedule.updated_at < timedelta(hours=1, minutes=1)


async def test_a_schedule_that_comes_due_soon_is_waited_for(
    schedules: ScheduleService, timetable: Timetable, database: Database, principal: Principal
) -> None:
    """The chore asks to be called when it comes, and does not ask for one that is held up."""
    await schedules.create(principal, every())
    await timetable()
    await database.write(due_in, 2)
    assert 1 < await timetable() <= 2

    assert await come_due(database, timetable) == LOOK_SECONDS


async def test_a_disabled_user_has_no_runs(
    schedules: ScheduleService,
    timetable: Timetable,
    service: TaskService,
    accounts: AccountService,
    principal: Principal,
) -> None:
    """Who is kept out collects nothing."""
    await schedules.create(principal, every())
    await accounts.disable_user("ada@example.org")

    await timetable()

    assert await runs(service, principal) == []


async def test_a_deleted_schedule_leaves_its_tasks(
    schedules: ScheduleService,
    timetable: Timetable,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """They still say where they came from, and an open one ends as ever."""
    made = await schedules.create(principal, every(only_new=True))
    await timetable()
    await schedules.delete(principal, made.id)
    await timetable()

    claim = await finish(work, ["a"])

    (run,) = await runs(service, principal)
    assert (run.id, run.status, run.schedule_id) == (claim.task.id, "completed", made.id)
    assert await work.former(claim) is None


async def test_a_foreign_schedule_is_none(
    schedules: ScheduleService, accounts: AccountService, principal: Principal
) -> None:
    """It cannot be told from one that is not there."""
    made = await schedules.create(principal, every())
    other = principal_of(await accounts.create_user("bob@example.org"))

    for call in (schedules.get, schedules.pause, schedules.resume, schedules.delete):
        with pytest.raises(ScheduleNotFound):
            await call(other, made.id)
        with pytest.raises(ScheduleNotFound):
            await call(principal, made.id + 1)
    assert await schedules.page(other) == []


async def test_scopes_and_targets_are_checked(
    schedules: ScheduleService, principal: Principal
) -> None:
    """As for a task."""
    reader = Principal(user_id=principal.user_id, scopes=frozenset({TASKS_READ}))

    with pytest.raises(ScopeMissing):
        await schedules.create(reader, every())
    with pytest.raises(TargetError):
        await schedules.create(principal, every(group_id="nowhere"))


async def test_lists_go_on_after_an_id(schedules: ScheduleService, principal: Principal) -> None:
    """Oldest first, and shown with the duration as people write it."""
    made = [await schedules.create(principal, every(written)) for written in (60, "P1D", 5400)]

    page = await schedules.page(principal, limit=2)
    rest = await schedules.page(principal, after=page[-1].id)

    assert [each.id for each in (*page, *rest)] == [each.id for each in made]
    assert [public(each)["every"] for each in made] == ["PT1M", "P1D", "PT1H30M"]
