"""Recurring tasks: what clients do with schedules, and the chore that makes their runs."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from tasks import models
from tasks.cursor import Form, Slice, Window, cut
from tasks.database import Database, Steps
from tasks.errors import ScheduleNotFound, TargetInvalid
from tasks.models import Schedule
from tasks.ports import Catalogue, Target, Waker
from tasks.principal import TASKS_READ, TASKS_WRITE, Principal
from tasks.recurrence import format_duration, next_run
from tasks.store import schedule as row
from tasks.validation import NewSchedule

#: Runs that one transaction makes.
BATCH: Final = 100
#: The longest the chore waits when nothing is due: schedules are made meanwhile.
LOOK_SECONDS: Final = 5.0
#: How often it looks for schedules that a clock which was set back has put too far ahead.
BRING_NEAR_SECONDS: Final = 60.0

CURSOR: Final = Form("schedule", ("big",))
#: Above every id that a row can have.
_BEYOND: Final = 2**63 - 1

#: What is shown of a schedule; `every` as an ISO 8601 duration.
PUBLIC: Final = (
    "id",
    "group_id",
    "group_name",
    "platform",
    "target",
    "max_posts",
    "priority",
    "every",
    "only_new",
    "next_run_at",
    "last_run_at",
    "last_task_id",
    "paused_at",
    "created_at",
    "updated_at",
)


class ScheduleService:
    """What clients do with schedules. Holds no state; safe to call at once.

    Another user's schedule is none: it cannot be told from one that is not there.
    """

    def __init__(self, database: Database, *, catalogue: Catalogue, waker: Waker) -> None:
        self._database = database
        self._catalogue = catalogue
        self._waker = waker

    async def create(self, principal: Principal, new: NewSchedule) -> Schedule:
        """Create a schedule. Its first run is made within seconds by a running worker.

        Raises:
            ScopeMissing: The token may not write.
            TargetError: `group_id` leads nowhere, or to what a client sends.
        """
        principal.require(TASKS_WRITE)
        target = self._catalogue.resolve(new.group_id)
        if target.platform == models.PUSH:
            raise TargetInvalid(
                f"Nothing is collected for {new.group_id!r}, so nothing can recur: its posts are "
                "sent by a client. Create a task whenever there are posts to send."
            )
        return await self._database.write(row.insert, _values(principal, new, target))

    async def get(self, principal: Principal, schedule_id: int) -> Schedule:
        """Return a schedule.

        Raises:
            ScopeMissing, ScheduleNotFound: As they say.
        """
        principal.require(TASKS_READ)
        found = await self._database.read(row.by_id, schedule_id)
        return _owned(found, principal, schedule_id)

    async def page(
        self, principal: Principal, *, after: int = 0, limit: int = 100
    ) -> list[Schedule]:
        """Return the principal's schedules with ids above `after`, oldest first."""
        principal.require(TASKS_READ)
        return await self._database.read(row.of_user, principal.user_id, after=after, limit=limit)

    async def window(self, principal: Principal, window: Window) -> Slice[Schedule]:
        """Return a window of the principal's schedules, newest first.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: A cursor is none of this list.
        """
        principal.require(TASKS_READ)
        above = _key(window.before, "before", default=0)
        below = _key(window.after, "after", default=_BEYOND)
        found = await self._database.read(
            row.between,
            principal.user_id,
            above=above,
            below=below,
            limit=window.size + 1,
            newest_first=not window.backward,
        )
        return cut(found, window, [CURSOR.encode((each.id,)) for each in found])

    async def pause(self, principal: Principal, schedule_id: int) -> Schedule:
        """Make no more runs; one that is open goes on. A paused schedule stays so.

        Raises:
            ScopeMissing, ScheduleNotFound: As they say.
        """
        principal.require(TASKS_WRITE)
        return await self._database.write(_pause, principal, schedule_id)

    async def resume(self, principal: Principal, schedule_id: int) -> Schedule:
        """Make runs again, from the next of its times on: those of the pause are not made up.

        Raises:
            ScopeMissing, ScheduleNotFound: As they say.
        """
        principal.require(TASKS_WRITE)
        return await self._database.write(_resume, principal, schedule_id)

    async def delete(self, principal: Principal, schedule_id: int) -> None:
        """Delete a schedule; the tasks that it made stay, an open one goes on.

        Raises:
            ScopeMissing, ScheduleNotFound: As they say.
        """
        principal.require(TASKS_WRITE)
        await self._database.write(_delete, principal, schedule_id)


class Timetable:
    """A chore of the sweeper: makes the runs that are due, by the database's clock."""

    def __init__(self, database: Database, *, waker: Waker) -> None:
        self._database = database
        self._waker = waker
        self._bring_near_at = 0.0

    async def __call__(self) -> float:
        """Make what is due; returns the seconds until something may be due again."""
        if time.monotonic() >= self._bring_near_at:
            await self._database.write(row.bring_near)
            self._bring_near_at = time.monotonic() + BRING_NEAR_SECONDS
        made = await self._database.write(row.run_due, limit=BATCH)
        if made:
            self._waker.wake()
        if len(made) == BATCH:
            return 0.0
        left = await self._database.read(row.seconds_to_next)
        return LOOK_SECONDS if left is None else min(max(left, 0.0), LOOK_SECONDS)


def public(schedule: Schedule) -> Mapping[str, Any]:
    """Return what is shown of a schedule."""
    values = {name: getattr(schedule, name, None) for name in PUBLIC}
    return {**values, "every": format_duration(schedule.every_seconds)}


def _values(principal: Principal, new: NewSchedule, target: Target) -> dict[str, Any]:
    return {
        "user_id": principal.user_id,
        "group_id": new.group_id,
        "group_name": new.group_name,
        "platform": target.platform,
        "target": target.target,
        "max_posts": new.max_posts,
        "priority": new.priority,
        "every_seconds": new.every,
        "only_new": new.only_new,
    }


def _owned(found: Schedule | None, principal: Principal, schedule_id: int) -> models.Schedule:
    if found is None or found.user_id != principal.user_id:
        raise ScheduleNotFound(schedule_id)
    return found


def _key(cursor: str | None, argument: str, *, default: int) -> int:
    return default if cursor is None else CURSOR.decode(cursor, argument=argument)[0]


def _pause(principal: Principal, schedule_id: int) -> Steps[Schedule]:
    found = yield from row.locked(schedule_id)
    _owned(found[0] if found else None, principal, schedule_id)
    return (yield from row.pause(schedule_id))


def _resume(principal: Principal, schedule_id: int) -> Steps[Schedule]:
    found = yield from row.locked(schedule_id)
    schedule = _owned(found[0] if found else None, principal, schedule_id)
    if found is None or schedule.paused_at is None:
        return schedule
    every = timedelta(seconds=schedule.every_seconds)
    at = next_run(schedule.next_run_at, every=every, now=found[1])
    return (yield from row.resume(schedule_id, at=at))


def _delete(principal: Principal, schedule_id: int) -> Steps[None]:
    found = yield from row.locked(schedule_id)
    _owned(found[0] if found else None, principal, schedule_id)
    yield from row.delete(schedule_id)
