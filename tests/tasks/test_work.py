"""The worker's side: claims, guards and the sweeper, on both databases."""

import asyncio
from collections.abc import Sequence

import pytest

from tasks.accounts import AccountService
from tasks.claim import Claim, Limits
from tasks.database import Database
from tasks.errors import LeaseLost
from tasks.models import StopReason
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.store.queue import Caps
from tasks.validation import TaskChanges
from tasks.work import WorkService
from tests.conftest import AnyTarget, principal_of
from tests.tasks.promises import age
from tests.tasks.test_service import Sample, at, new


async def claims(work: WorkService, number: int) -> list[Claim]:
    """Claim so many tasks by so many workers at once."""
    found = await asyncio.gather(*(work.claim(f"w{n}") for n in range(number)))
    return [claim for claim in found if claim is not None]


async def owners_of(accounts: AccountService, names: Sequence[str]) -> list[Principal]:
    """Create users."""
    return [principal_of(await accounts.create_user(f"{name}@example.org")) for name in names]


async def test_concurrent_claims_take_each_task_once(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Twenty claims on twelve tasks find twelve different tasks."""
    made = [await service.create(principal, new()) for _ in range(12)]

    found = await claims(work, 20)

    assert sorted(claim.task.id for claim in found) == [task.id for task in made]


async def test_owners_take_turns_and_priority_counts_within_one(
    service: TaskService, work: WorkService, accounts: AccountService
) -> None:
    """An owner with many urgent tasks does not hold up one with a single task."""
    many, one = await owners_of(accounts, ["many", "one"])
    low = await service.create(many, new(priority=1))
    high = [await service.create(many, new(priority=100)) for _ in range(3)]
    single = await service.create(one, new())

    order = [claim.task.id for _ in range(5) if (claim := await work.claim("w")) is not None]

    assert order == [high[0].id, single.id, high[1].id, high[2].id, low.id]


async def test_a_changed_priority_counts_at_once(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The next claim sees an edit."""
    first = await service.create(principal, new(priority=5))
    second = await service.create(principal, new(priority=1))

    await service.update(principal, second.id, TaskChanges.parse({"priority": 9}))

    claim = await work.claim("w")
    assert claim is not None
    assert claim.task.id == second.id != first.id


async def test_a_stale_attempt_of_the_same_worker_writes_nothing(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """The attempt fences: a worker that lost a task and has it again cannot use its old claim."""
    task = await service.create(principal, new())
    stale = await work.claim("w")
    assert stale is not None
    await work.start(stale)
    await database.write(age, task.id)
    await work.sweep()
    current = await work.claim("w")
    assert current is not None
    await work.start(current)
    before = await service.get(principal, task.id)

    receipt = Receipt(requested=10)
    for write in (
        work.start(stale),
        work.record(stale, at(1), [Sample(id="x")]),
        work.complete(stale, at(1), [Sample(id="x")], StopReason.END_OF_SOURCE),
        work.fail(stale, at(0), error_code="X", error_message="x"),
        work.release(stale, receipt),
        work.wait(stale, seconds=1, failures=0, error_code="X", error_message="x", receipt=receipt),
    ):
        with pytest.raises(LeaseLost):
            await write

    after = await service.get(principal, task.id)
    assert (after.revision, after.posts_count) == (before.revision, 0)
    assert await work.renew("w", {task.id: stale.attempt}) == {task.id}
    assert await work.renew("w", {task.id: current.attempt}) == set()


async def test_a_task_that_loses_its_workers_fails_in_the_end(
    service: TaskService, work: WorkService, database: Database, principal: Principal
) -> None:
    """A poison task is given up after the cap of failures, and says so."""
    task = await service.create(principal, new())

    for _ in range(work.limits.max_failures):
        assert await work.claim("w") is not None
        await database.write(age, task.id)
        await work.sweep()
        # From the second time on it waits before its next try.
        await database.write(age, task.id)
        await work.sweep()

    failed = await service.get(principal, task.id)
    assert (failed.status, failed.error_code) == ("failed", "WORKER_LOST")
    assert failed.receipt is not None
    assert failed.receipt["stop_reason"] == "error"
    assert await work.claim("w") is None


async def test_a_user_cap_holds_and_frees(
    service: TaskService, database: Database, accounts: AccountService
) -> None:
    """With a cap of one, an owner's second task waits for the end of the first; others do not."""
    capped = WorkService(
        database, waker=Sleeper(), limits=Limits(caps=Caps(per_user=1, per_platform=None))
    )
    ada, bob = await owners_of(accounts, ["ada", "bob"])
    first, second = [await service.create(ada, new()) for _ in range(2)]
    other = await service.create(bob, new())

    found = await claims(capped, 4)

    assert sorted(claim.task.id for claim in found) == [first.id, other.id]
    held = next(claim for claim in found if claim.task.id == first.id)
    await capped.start(held)
    await capped.complete(held, at(0), [], StopReason.END_OF_SOURCE)
    again = await capped.claim("w")
    assert again is not None
    assert again.task.id == second.id


async def test_a_platform_cap_holds_and_frees(database: Database, accounts: AccountService) -> None:
    """With a cap of one a platform, only tasks of other platforms are claimed beside it."""
    limits = Limits(caps=Caps(per_user=None, per_platform=1))
    capped = WorkService(database, waker=Sleeper(), limits=limits)
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper(), caps=limits.caps)
    ada, bob = await owners_of(accounts, ["ada", "bob"])
    first = await service.create(ada, new("x:1"))
    second = await service.create(bob, new("x:2"))
    other = await service.create(bob, new("y:1"))

    found = await claims(capped, 4)

    assert sorted(claim.task.id for claim in found) == [first.id, other.id]
    await service.cancel(ada, first.id)
    again = await capped.claim("w")
    assert again is not None
    assert again.task.id == second.id
