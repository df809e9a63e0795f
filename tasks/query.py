"""What clients read beyond one task: windows of lists, many objects at once, why a task waits.

Everything is batched, so that a door which is asked for a hundred tasks and what hangs on them
sends a handful of statements. Nothing here tells another user's object from one that does not
exist.
"""

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from tasks import models
from tasks.budget import RATE_LIMITED
from tasks.cursor import Slice, Window, cut
from tasks.database import Database, Row, Steps
from tasks.errors import ValidationFailed
from tasks.filter import PostOrder, TaskFilter, TaskOrder, search_errors
from tasks.models import TaskStatus
from tasks.principal import RESULTS_READ, TASKS_READ, Principal
from tasks.store import account, connection, lookup, nested
from tasks.store.queue import Caps

#: How many of an owner's tasks are counted to find a place in line.
LINE_COUNTED: Final = 1_000
#: Up to here a total is counted anew each time; above, it may be this old.
EXACT_TOTAL: Final = 10_000
TOTAL_SECONDS: Final = 2.0
#: Totals that are remembered at once; the oldest goes first.
TOTALS_KEPT: Final = 1_000


class WaitReason(StrEnum):
    """Why a pending task is not running."""

    QUEUED = "queued"  #: It is in line.
    USER_CAP = "user_cap"  #: As many of the owner's tasks run as may.
    PLATFORM_CAP = "platform_cap"  #: As many tasks of the platform run as may.
    RATE_LIMITED = "rate_limited"  #: The platform asked for a pause, or its host's budget is spent.
    RETRY = "retry"  #: A try failed for a reason that may pass.
    POSTS = "posts"  #: No worker takes it: a client is to send its posts.


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a task waits, and for how long as far as that is known."""

    reason: WaitReason
    until: datetime | None = None
    #: The same owner's tasks that are claimed before it; None while it is in no line.
    ahead: int | None = None


class Pending(NamedTuple):
    """What decides why a task waits."""

    id: int
    status: str
    not_before: datetime | None
    error_code: str | None
    platform: str


Waiter: TypeAlias = models.Task | Pending


class QueryService:
    """Reads for clients. Holds no state but remembered totals; safe to call at once."""

    def __init__(self, database: Database, *, caps: Caps | None = None) -> None:
        self._database = database
        self._caps = caps or Caps()
        self._totals: dict[tuple[int, str], tuple[int, float]] = {}

    async def tasks(
        self,
        principal: Principal,
        window: Window,
        *,
        where: TaskFilter,
        order: TaskOrder = TaskOrder.CREATED,
        descending: bool = True,
    ) -> Slice[models.Task]:
        """Return a window of the principal's tasks.

        A walk from cursor to cursor shows every task exactly once whose sort key and filter
        match do not change meanwhile, whatever else is created, changed or deleted.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: A cursor or a filter is none.
        """
        principal.require(TASKS_READ)
        where.check()
        found = await self._database.read(
            connection.window, principal.user_id, window, where, order, descending=descending
        )
        return cut(found, window, [connection.cursor(order, task) for task in found])

    async def task_rows(
        self,
        principal: Principal,
        window: Window,
        *,
        where: TaskFilter,
        order: TaskOrder,
        descending: bool,
        columns: tuple[str, ...],
    ) -> Slice[Row]:
        """Return the same as rows of these columns, without cursors.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: A cursor or a filter is none.
        """
        principal.require(TASKS_READ)
        where.check()
        found = await self._database.read(
            connection.rows,
            principal.user_id,
            window,
            where,
            order,
            columns,
            descending=descending,
        )
        return cut(found, window, ())

    async def count(self, principal: Principal, where: TaskFilter) -> int:
        """Count the principal's tasks; exact up to 10,000, above it may be 2 seconds old."""
        principal.require(TASKS_READ)
        where.check()
        key, clock = (principal.user_id, repr(sorted(where.given().items()))), time.monotonic()
        kept = self._totals.get(key)
        if kept is not None and clock - kept[1] < TOTAL_SECONDS:
            return kept[0]
        total = await self._database.read(connection.count, principal.user_id, where)
        self._totals.pop(key, None)
        if total > EXACT_TOTAL:
            self._totals[key] = (total, clock)
            if len(self._totals) > TOTALS_KEPT:
                self._totals.pop(next(iter(self._totals)))
        return total

    async def tasks_by_id(
        self, principal: Principal, ids: Sequence[int]
    ) -> Mapping[int, models.Task]:
        """Return those of the tasks that exist and are the principal's, by id."""
        principal.require(TASKS_READ)
        return await self._database.read(lookup.tasks, principal.user_id, ids)

    def task_rows_by_id(
        self, principal: Principal, ids: Sequence[int], columns: tuple[str, ...]
    ) -> Awaitable[Sequence[Row]]:
        """Return these columns of those of the tasks that are the principal's, in no order."""
        principal.require(TASKS_READ)
        return self._database.read(lookup.task_rows, principal.user_id, ids, columns)

    async def posts_by_id(
        self, principal: Principal, keys: Sequence[tuple[int, str]]
    ) -> Mapping[tuple[int, str], models.Post]:
        """Return those of the posts that exist in the principal's tasks.

        A post is named by its task's id and the platform's id of it.
        """
        principal.require(RESULTS_READ)
        return await self._database.read(lookup.posts, principal.user_id, keys)

    async def tokens_by_id(
        self, principal: Principal, ids: Sequence[int]
    ) -> Mapping[int, models.ApiToken]:
        """Return those of the tokens that are the principal's, by id."""
        return await self._database.read(lookup.tokens, principal.user_id, ids)

    async def user(self, principal: Principal) -> models.User | None:
        """Return the user behind the principal; None if they were deleted meanwhile."""
        return await self._database.read(account.user_by_id, principal.user_id)

    async def posts(
        self,
        principal: Principal,
        task_ids: Sequence[int],
        window: Window,
        *,
        order: PostOrder = PostOrder.POSITION,
        descending: bool = False,
        search: str | None = None,
    ) -> Mapping[int, Slice[models.Post]]:
        """Return the same window of each task's posts, by the task's id.

        With `search`, of those posts whose message or author contains it, in any case.

        Raises:
            ScopeMissing: The token may not read results.
            ValidationFailed: A cursor is none of this order, or the search is too long.
        """
        principal.require(RESULTS_READ)
        if errors := search_errors(search):
            raise ValidationFailed(errors)
        found = await self._database.read(
            nested.posts,
            principal.user_id,
            task_ids,
            window,
            order,
            descending=descending,
            search=search,
        )
        return {
            task_id: cut(rows, window, [nested.post_cursor(order, post) for post in rows])
            for task_id in task_ids
            for rows in (found.get(task_id, []),)
        }

    async def post_rows(
        self,
        principal: Principal,
        task_ids: Sequence[int],
        window: Window,
        *,
        order: PostOrder,
        descending: bool,
        columns: tuple[str, ...],
        search: str | None = None,
    ) -> Mapping[int, Slice[Row]]:
        """Return the same as rows of these columns, without cursors.

        The first column is `task_id`. A task without any may be left out.

        Raises:
            ScopeMissing: The token may not read results.
            ValidationFailed: A cursor is none of this order, or the search is too long.
        """
        principal.require(RESULTS_READ)
        if errors := search_errors(search):
            raise ValidationFailed(errors)
        found = await self._database.read(
            nested.post_rows,
            principal.user_id,
            task_ids,
            window,
            order,
            columns,
            descending=descending,
            search=search,
        )
        return _by_task(task_ids, found, window)

    async def events(
        self,
        principal: Principal,
        task_ids: Sequence[int],
        window: Window,
        *,
        descending: bool = False,
    ) -> Mapping[int, Slice[models.TaskEvent]]:
        """Return the same window of each task's events, by the task's id, in order of `seq`.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: A cursor is none of an event.
        """
        principal.require(TASKS_READ)
        found = await self._database.read(
            nested.events, principal.user_id, task_ids, window, descending=descending
        )
        return {
            task_id: cut(rows, window, [nested.event_cursor(each) for each in rows])
            for task_id in task_ids
            for rows in (found.get(task_id, []),)
        }

    async def event_rows(
        self,
        principal: Principal,
        task_ids: Sequence[int],
        window: Window,
        *,
        descending: bool,
        columns: tuple[str, ...],
    ) -> Mapping[int, Slice[Row]]:
        """Return the same as rows of these columns, without cursors.

        The first column is `task_id`. A task without any may be left out.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: A cursor is none of an event.
        """
        principal.require(TASKS_READ)
        found = await self._database.read(
            nested.event_rows, principal.user_id, task_ids, window, columns, descending=descending
        )
        return _by_task(task_ids, found, window)

    async def waiting(self, principal: Principal, tasks: Sequence[Waiter]) -> Mapping[int, Wait]:
        """Say of each task that is pending why it does not run, by its id."""
        principal.require(TASKS_READ)
        pending = [task for task in tasks if task.status == TaskStatus.PENDING]
        waits = {task.id: _put_off(task) for task in pending if task.not_before is not None}
        waits |= {t.id: Wait(WaitReason.POSTS) for t in pending if t.platform == models.PUSH}
        claimable = [task for task in pending if task.id not in waits]
        if claimable:
            waits |= await self._database.read(_in_line, principal.user_id, claimable, self._caps)
        return waits


def _by_task(
    task_ids: Sequence[int], rows: Sequence[Row], window: Window
) -> Mapping[int, Slice[Row]]:
    """Cut the window out of each task's rows, whose first value is the task's id."""
    if len(task_ids) == 1:
        return {task_ids[0]: cut(rows, window, ())}
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return {key: cut(each, window, ()) for key, each in found.items()}


def _put_off(task: Waiter) -> Wait:
    limited = task.error_code == RATE_LIMITED
    return Wait(WaitReason.RATE_LIMITED if limited else WaitReason.RETRY, until=task.not_before)


def _in_line(user_id: int, tasks: Sequence[Waiter], caps: Caps) -> Steps[dict[int, Wait]]:
    line = yield from lookup.line(user_id, limit=LINE_COUNTED)
    ahead = {task_id: place for place, task_id in enumerate(line)}
    at_user_cap = False
    if caps.per_user is not None:
        at_user_cap = (yield from lookup.running(user_id)) >= caps.per_user
    running: Mapping[str, int] = {}
    if caps.per_platform is not None:
        running = yield from lookup.running_by_platform()
    waits: dict[int, Wait] = {}
    for task in tasks:
        reason = WaitReason.QUEUED
        if caps.per_platform is not None and running.get(task.platform, 0) >= caps.per_platform:
            reason = WaitReason.PLATFORM_CAP
        if at_user_cap:
            reason = WaitReason.USER_CAP
        waits[task.id] = Wait(reason, ahead=ahead.get(task.id, LINE_COUNTED))
    return waits
