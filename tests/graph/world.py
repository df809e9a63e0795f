"""Databases full of odd values, made from a seed, and the people who look at them."""

import base64
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from graph.context import Services
from graph.execution import Caller, Execution, Request
from graph.limits import Limits, ProcessBucket, Rate
from graph.schema import Schema
from tasks import models
from tasks.accounts import AccountService
from tasks.bus import ProcessBus
from tasks.cursor import Window
from tasks.database import Database, Statement, Steps
from tasks.filter import PostOrder, TaskFilter, TaskOrder
from tasks.models import EventType, StopReason, TaskStatus
from tasks.principal import SCOPES, TASKS_READ, Principal
from tasks.query import QueryService
from tasks.store import task as row
from tasks.store.queue import Caps
from tests.conftest import principal_of
from tests.graph.conftest import services_on
from tests.graph.generated import Pool

TEXTS: Final = (
    "", "a", "Grüppe", "𝄞 clef", 'quote " and \\', "line\nbreak\t", "\u2028\u2029", "\x01\x7f",
    "<script>", "e\u0301", "x" * 300, "日本語", "\ufeff",
)  # fmt: skip
SMALL: Final = (0, 1, -1, 7, 2**31 - 1, -(2**31))
BIG: Final = (0, 1, -1, 2**31, 2**53 - 1, 2**53 + 1, 2**63 - 1, -(2**63))
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


def _tasks(user_id: int, number: int, chance: random.Random) -> dict[str, Any]:
    """Return the columns of a task whose values fit nothing but their types."""
    status = chance.choice(list(TaskStatus))

    def maybe(value: Any) -> Any:
        return chance.choice([None, value])

    return {
        "user_id": user_id,
        "group_id": chance.choice(TEXTS) + str(chance.randrange(3)),
        "group_name": maybe(chance.choice(TEXTS)),
        "platform": chance.choice(["sandbox", "push", "feed", "ü"]),
        "target": chance.choice(TEXTS),
        "max_posts": chance.choice([1, 3, 500, 2**31 - 1]),
        "priority": chance.choice(SMALL),
        "status": status.value,
        "worker_id": maybe(chance.choice(TEXTS)),
        "lease_expires_at": None,
        "attempt": chance.choice(SMALL),
        "failures": chance.choice(SMALL),
        "not_before": maybe(_moment(chance)),
        "cursor_state": "start",
        "cursor": None,
        "posts_count": chance.choice([0, 1, 2, 499, 2**31 - 1]),
        # Few different times, so that keys meet ties.
        "created_at": EPOCH + timedelta(days=number % 5),
        "assigned_at": maybe(_moment(chance)),
        "started_at": maybe(_moment(chance)),
        "completed_at": maybe(EPOCH + timedelta(days=number % 3)),
        "updated_at": _moment(chance),
        "stop_reason": maybe(chance.choice([*(each.value for each in StopReason), ""])),
        "error_code": maybe(chance.choice(["SOURCE_NOT_FOUND", "SOURCE_RATE_LIMITED", ""])),
        "error_message": maybe(chance.choice(TEXTS)),
        "receipt": _receipt(chance),
        # Revisions begin at 1; watches rely on it.
        "revision": max(1, chance.choice(BIG)),
        "correlation_id": None,
        "schedule_id": maybe(chance.choice([0, 5, 2**62])),
        "posts_expired_at": chance.choice([None, None, EPOCH]),
    }


def _receipt(chance: random.Random) -> Mapping[str, Any] | None:
    """Return none, an empty one, a full one, or one that no worker ever wrote."""
    full = {
        "collected": 3,
        "duplicates": 2,
        "skipped": {"repost": 1, "ü": 2},
        "pages": 4,
        "calls": 5,
        "waited_seconds": chance.choice([0, 0.5, 1e300, 12]),
        "newest_at": "2026-01-31T10:00:00.000001+02:00",
        "oldest_at": "2026-01-01T00:00:00Z",
        "auth_mode": chance.choice([None, *TEXTS]),
        "stop_reason": chance.choice([None, "reached_max", "error"]),
        "complete": chance.choice([True, False]),
    }
    odd: list[Mapping[str, Any]] = [
        {"collected": 2**40},
        {"collected": "many"},
        {"stop_reason": "unknown"},
        {"newest_at": "never"},
    ]
    return chance.choice([None, {}, *[full] * 12, chance.choice(odd)])


def _moment(chance: random.Random) -> datetime:
    """Return a time; the database's own have no more than microseconds."""
    return chance.choice(
        [
            EPOCH,
            EPOCH + timedelta(microseconds=1),
            EPOCH + timedelta(milliseconds=120),
            # The last microsecond of the calendar is infinity to one of the drivers.
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
            datetime(1000, 1, 1, tzinfo=UTC),
        ]
    )


def _post(task_id: int, position: int, chance: random.Random) -> dict[str, Any]:
    def maybe(value: Any) -> Any:
        return chance.choice([None, value])

    return {
        "task_id": task_id,
        "position": position,
        "post_id": f"{chance.choice(TEXTS)}{position}",
        "message": maybe(chance.choice(TEXTS)),
        "author": maybe(chance.choice(TEXTS)),
        "url": maybe("https://example.org/ü?a=b&c"),
        "created_time": maybe(_moment(chance)),
        "likes": maybe(chance.choice(BIG)),
        "comments": maybe(chance.choice(BIG)),
        "shares": maybe(chance.choice([1, 2])),
    }


def _event(task: models.Task, seq: int, chance: random.Random) -> dict[str, Any]:
    kind = chance.choice(list(EventType))
    return {
        "task_id": task.id,
        "user_id": task.user_id,
        "seq": seq,
        "type": kind.value,
        "at": _moment(chance),
        "data": {} if kind is EventType.DELETED else dict(models.public(task)),
        "xid": 0,
    }


def _insert(model: type[models.Record]) -> sa.Insert:
    """Build the insert of all columns but an id that the database hands out."""
    columns = model.table().c
    names = [n for n in model.columns() if n != "id"]
    return sa.insert(model).values({n: sa.bindparam(n, type_=columns[n].type) for n in names})


INSERT_TASK: Final = Statement(_insert(models.Task).returning(*models.Task.table().c))
INSERT_POST: Final = Statement(_insert(models.Post))
INSERT_EVENT: Final = Statement(_insert(models.TaskEvent))


def _fill(user_ids: Sequence[int], seed: int) -> Steps[list[models.Task]]:
    """Give each user some tasks, and the tasks posts and events."""
    chance = random.Random(seed)  # noqa: S311 - odd values are no secrets
    tasks: list[models.Task] = []
    for number in range(26):
        rows = yield INSERT_TASK(**_tasks(user_ids[number % 2], number, chance))
        task = models.Task.of(rows[0])
        tasks.append(task)
        posts = [_post(task.id, each, chance) for each in range(chance.choice([0, 1, 4, 12]))]
        if posts:
            yield INSERT_POST.each(posts)
        events = [_event(task, seq, chance) for seq in range(1, chance.choice([1, 2, 6]))]
        if events:
            yield INSERT_EVENT.each(events)
    return tasks


@dataclass(frozen=True, slots=True)
class Compared:
    """What the two ways answered: planned, and as the ordinary path does."""

    ours: Any
    theirs: Any

    @property
    def planned(self) -> bool:
        """Say whether a plan answered."""
        return self.ours.encoded is not None


@dataclass(frozen=True, slots=True)
class World:
    """A filled database, who looks at it, and both ways of executing."""

    database: Database
    bus: ProcessBus
    callers: Sequence[Caller]
    pool: Pool
    planned: Execution
    ordinary: Execution

    async def ask(self, caller: int, query: str, variables: Mapping[str, Any]) -> Compared:
        """Execute both ways."""
        request = Request(query=query, variables=variables)
        who = self.callers[caller % len(self.callers)]
        return Compared(
            await self.planned.answer(request, who), await self.ordinary.answer(request, who)
        )

    async def end(self, task_id: int) -> None:
        """Tell who watches a task that it was deleted, and leave it as it is."""
        task = await self.database.read(row.by_id, task_id)
        assert task is not None
        tombstone = models.TaskEvent(
            id=0,
            task_id=task_id,
            user_id=task.user_id,
            seq=task.revision + 1,
            type=EventType.DELETED,
            at=EPOCH,
            data={},
            xid=0,
        )
        self.bus.publish(task.user_id, lambda: tombstone)


async def open_world(database: Database, schema: Schema, seed: int) -> World:
    """Fill a migrated, empty database from a seed."""
    accounts = AccountService(database)
    users = [await accounts.create_user(f"{name}@example.org") for name in ("ada", "eve", "nil")]
    await accounts.create_token(users[0].id, "tökén", scopes=SCOPES)
    tasks = await database.write(_fill, [user.id for user in users[:2]], seed)
    bus = ProcessBus()
    services = services_on(database, accounts, bus=bus, caps=Caps(per_user=3, per_platform=4))
    pool = await _pool(services.query, users, tasks)
    return World(
        database=database,
        bus=bus,
        callers=[Caller(each) for each in _principals(users)],
        pool=pool,
        planned=_execution(schema, services, plans=True),
        ordinary=_execution(schema, services, plans=False),
    )


def _principals(users: Sequence[models.User]) -> Sequence[Principal]:
    """Return the owner in many ways, and others."""
    ada, eve, nil = (replace(principal_of(user), token_id=user.id) for user in users)
    return [
        *[ada] * 6,
        eve,
        nil,
        replace(ada, scopes=frozenset({TASKS_READ})),
        replace(ada, scopes=frozenset()),
        replace(ada, scopes=frozenset({TASKS_READ}), via_session=True),
        replace(ada, user_id=10**6),
    ]


def _execution(schema: Schema, services: Services, *, plans: bool) -> Execution:
    """Return a way to execute whose bucket's clock stands still."""
    rate = Rate(capacity=10**12, per_second=10**9)
    bucket = ProcessBucket(rate, clock=lambda: 0.0)
    return Execution(schema, services, limits=Limits(), bucket=bucket, plans=plans)


async def _pool(
    query: QueryService, users: Sequence[models.User], tasks: Sequence[models.Task]
) -> Pool:
    ada = principal_of(users[0])
    cursors = ["", "nonsense", "ü", "WyJjIl0"]
    for order in TaskOrder:
        page = await query.tasks(ada, Window(size=9), where=TaskFilter(), order=order)
        cursors += page.cursors[2::3]
    mine = [task for task in tasks if task.user_id == ada.user_id]
    for by in PostOrder:
        slices = await query.posts(ada, [mine[0].id, mine[1].id], Window(size=9), order=by)
        cursors += [cursor for each in slices.values() for cursor in each.cursors[1::3]]
    keys = [f"Task:{task.id}" for task in [*mine[:7], tasks[1]]]
    keys += [f"User:{users[0].id}", f"User:{users[1].id}", "Platform:sandbox", "Platform:x"]
    keys += [f"Post:{mine[0].id}:a0", "Task:999999", "Task:ü", "Nothing:1", "Schedule:1", "Task:"]
    ids = [base64.b64encode(key.encode()).decode() for key in keys]
    return Pool(
        ids=[*ids[:8] * 4, *ids, "", "x", "…"],
        cursors=cursors,
        groups=[*{task.group_id for task in tasks}, "none", "nul\0", "x" * 3000],
        database_ids=[*[task.id for task in tasks[::2]] * 2, tasks[1].id, 0, -1, 2**53 - 1],
    )
