"""The claim's promises on PostgreSQL, where claims, creators and clients really meet."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
import sqlalchemy as sa

from tasks.accounts import AccountService
from tasks.claim import Claim, Limits
from tasks.database import Database, Statement, Steps, open_database
from tasks.errors import DatabaseUnavailable, TaskError
from tasks.models import StopReason, Task
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.store.queue import Caps
from tasks.work import WorkService
from tests.conftest import AnyTarget, principal_of
from tests.tasks.promises import check_log, everything
from tests.tasks.test_service import at, new

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

TASK = Task.table().c
#: As `TaskService.create` leaves them, but by the thousand.
MANY = Statement(
    sa.text(
        "INSERT INTO task (user_id, group_id, platform, target, max_posts, priority, status,"
        " attempt, failures, posts_count, cursor_state, revision, created_at, updated_at)"
        " SELECT CAST(:user_id AS bigint), 'x:1', 'x', '1', 1, CAST(:priority AS integer),"
        " 'pending', 0, 0, 0, 'start', 1, now(), now()"
        " FROM generate_series(1, CAST(:number AS integer))"
    )
)
END_OTHERS = Statement(
    sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
)


def insert_many(user_id: int, number: int, priority: int) -> Steps[None]:
    """Insert so many pending tasks."""
    yield MANY(user_id=user_id, number=number, priority=priority)


@asynccontextmanager
async def claimers(url: str, number: int, limits: Limits) -> AsyncGenerator[list[WorkService]]:
    """Open a worker's side for each claimer, each with connections of its own."""
    opened = [await open_database(url, connections=2) for _ in range(number)]
    try:
        yield [WorkService(each, waker=Sleeper(), limits=limits) for each in opened]
    finally:
        for each in opened:
            await each.close()


async def owners(accounts: AccountService, number: int) -> list[Principal]:
    """Create users."""
    made = [await accounts.create_user(f"{index}@example.org") for index in range(number)]
    return [principal_of(user) for user in made]


async def test_ten_thousand_urgent_tasks_do_not_hold_up_another_owner(
    database: Database, service: TaskService, work: WorkService, accounts: AccountService
) -> None:
    """One owner has 10,000 tasks at priority 100; another's one at 0 is taken within one turn."""
    many, one = await owners(accounts, 2)
    await service.create(many, new(priority=100))
    await database.write(insert_many, many.user_id, 9_999, 100)
    before = await work.claim_many("w", most=5)
    task = await service.create(one, new(priority=0))

    found = await work.claim_many("w", most=2)

    assert [claim.task.user_id for claim in before.claims] == [many.user_id] * 5
    assert task.id in [claim.task.id for claim in found.claims]


async def test_eight_claimers_keep_the_exact_order_of_priorities(
    database_url: str, service: TaskService, principal: Principal
) -> None:
    """However many claim at once, no task is taken before one of higher priority, or older."""
    for number in range(200):
        await service.create(principal, new(priority=number * 7919 % 5))

    claimed: list[list[Task]] = []

    async def claim(work: WorkService, name: str, most: int) -> None:
        while found := (await work.claim_many(name, most=most)).claims:
            claimed.append([claim.task for claim in found])

    async with claimers(database_url, 8, Limits(lease_seconds=3600)) as workers:
        await asyncio.gather(
            *(claim(work, f"w{index}", 1 + index % 3) for index, work in enumerate(workers))
        )

    # Claims are made one after the other; within one, tasks are given in their order.
    in_order = sorted(claimed, key=lambda tasks: tasks[0].updated_at)
    taken = [(-task.priority, task.id) for tasks in in_order for task in tasks]
    assert len(taken) == 200
    assert taken == sorted(taken)


async def test_turns_are_exact_within_one_claim_of_many(
    service: TaskService, work: WorkService, accounts: AccountService
) -> None:
    """A claim of several tasks takes them as single claims would: owner by owner."""
    first, second, third = await owners(accounts, 3)
    for owner, number in ((first, 4), (second, 1), (third, 3)):
        for _ in range(number):
            await service.create(owner, new())
    names = {first.user_id: "a", second.user_id: "b", third.user_id: "c"}

    taken: list[str] = []
    while (found := await work.claim_many("w", most=3)).claims:
        taken += [names[claim.task.user_id] for claim in found.claims]

    assert "".join(taken) == "abcacaca"[:8]


@pytest.mark.parametrize("seed", range(8))
async def test_claims_of_any_size_take_what_single_claims_would(
    service: TaskService, work: WorkService, accounts: AccountService, seed: int
) -> None:
    """Owners take turns until one after the other has nothing left, each with the best first."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable choice, guards nothing
    people = await owners(accounts, dice.randint(1, 9))
    left: dict[int, list[tuple[int, int]]] = {}
    for owner in people:
        for _ in range(dice.randint(1, 12)):
            task = await service.create(owner, new(priority=dice.randint(0, 2)))
            left.setdefault(owner.user_id, []).append((-task.priority, task.id))
    expected: list[int] = []
    while left:
        for owner in list(left):
            best = min(left[owner])
            left[owner].remove(best)
            expected.append(best[1])
            if not left[owner]:
                del left[owner]

    taken: list[int] = []
    while (found := await work.claim_many("w", most=dice.randint(1, 20))).claims:
        taken += [claim.task.id for claim in found.claims]

    assert taken == expected


async def test_a_claim_ends_before_an_owner_who_has_nothing_left(
    service: TaskService, work: WorkService, accounts: AccountService
) -> None:
    """The next one takes them out of the line, so that it never fills with those."""
    first, second = await owners(accounts, 2)
    for owner in (first, *[second] * 5):
        await service.create(owner, new())

    sizes = [len((await work.claim_many("w", most=4)).claims) for _ in range(3)]

    assert sizes == [2, 4, 0]


@pytest.mark.parametrize(
    ("caps", "most"), [(Caps(per_user=2), 2 * 3), (Caps(per_platform=3), 3), (Caps(), 40)]
)
async def test_caps_hold_under_concurrent_claims(
    database_url: str, service: TaskService, accounts: AccountService, caps: Caps, most: int
) -> None:
    """Eight claimers never get more than the caps allow, and the rest comes as ends free them."""
    people = await owners(accounts, 3)
    for number in range(40):
        await service.create(people[number % 3], new("x:1"))
    running: set[int] = set()
    peak = 0
    ended = 0

    async def worker(work: WorkService, name: str) -> None:
        nonlocal peak, ended
        while ended < 40:
            for claim in (await work.claim_many(name, most=4)).claims:
                running.add(claim.task.id)
                peak = max(peak, len(running))
                await work.start(claim)
                running.discard(claim.task.id)
                await work.complete(claim, at(0), [], StopReason.END_OF_SOURCE)
                ended += 1
            await asyncio.sleep(0)

    async with claimers(database_url, 8, Limits(caps=caps)) as workers:
        async with asyncio.timeout(60):
            await asyncio.gather(*(worker(work, f"w{n}") for n, work in enumerate(workers)))

    assert ended == 40
    assert peak <= most


async def test_creators_clients_and_claims_race_without_losing_anybody(
    database: Database, database_url: str, accounts: AccountService
) -> None:
    """Owners come and go while tasks are made, cancelled, reset, run and given back: all end.

    No safety net runs here (no `reconcile`): an owner who was forgotten would never be served.
    """
    people = await owners(accounts, 6)
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper())
    created = asyncio.Event()

    async with claimers(database_url, 4, Limits()) as workers, asyncio.timeout(90):
        working = [
            asyncio.create_task(work_until(created, work, f"w{number}"))
            for number, work in enumerate(workers)
        ]
        await asyncio.gather(*(make_and_meddle(service, people[n::3]) for n in range(3)))
        created.set()
        await asyncio.gather(*working)
        while (found := await workers[0].claim_many("last", most=16)).claims or found.more:
            for claim in found.claims:
                await run(workers[0], claim, give_back=False)

    state = await database.read(everything)
    assert {task.status for task in state.tasks} <= {"completed", "failed"}
    assert len(state.tasks) == 180
    for task in state.tasks:
        check_log(task, [each for each in state.events if each.task_id == task.id])


async def make_and_meddle(service: TaskService, people: Sequence[Principal]) -> None:
    """Create tasks for people in turn; cancel and reset some, where the moment allows it."""
    for number in range(60):
        owner = people[number % len(people)]
        task = await service.create(owner, new())
        if number % 5 == 0:
            with suppress(TaskError):
                await service.cancel(owner, task.id)
                await service.reset(owner, task.id)
        await asyncio.sleep(0.001 * (number % 4))


async def work_until(created: asyncio.Event, work: WorkService, name: str) -> None:
    """Claim and run; every third task of a claim is given back."""
    while not created.is_set():
        for number, claim in enumerate((await work.claim_many(name, most=3)).claims):
            await run(work, claim, give_back=number == 2)
        await asyncio.sleep(0)


async def run(work: WorkService, claim: Claim, *, give_back: bool) -> None:
    """Run a claim to an end, unless a client was faster."""
    with suppress(TaskError):
        await work.start(claim)
        if give_back:
            await work.release(claim)
        else:
            await work.complete(claim, at(0), [], StopReason.END_OF_SOURCE)


async def test_a_leader_that_is_not_heard_of_is_replaced(database_url: str) -> None:
    """The server ends a silent leader's session; who led learns of it, and another may lead."""
    first = await open_database(database_url, connections=2)
    second = await open_database(database_url, connections=2)

    async def lead() -> None:
        async with first.lead("x") as leading, second.lead("x") as other:
            assert leading
            assert not other
            await first.write(end_other_sessions)
            # Ended by the loss of the lead, which the next beat finds out.
            await asyncio.Event().wait()

    with pytest.raises(DatabaseUnavailable, match="took the lead"):
        await lead()

    async with second.lead("x") as leading:
        assert leading
    await first.close()
    await second.close()


def end_other_sessions() -> Steps[None]:
    """End every other session on this database, as the server does with a silent one."""
    yield END_OTHERS()
