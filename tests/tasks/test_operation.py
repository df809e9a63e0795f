"""The administrator's figures, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.accounts import AccountService
from tasks.batch import Batch
from tasks.database import Database
from tasks.errors import ScopeMissing
from tasks.ingest import IngestService
from tasks.operation import OperationService
from tasks.principal import ADMIN, SCOPES, Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.work import WorkService
from tests.conftest import principal_of
from tests.tasks.test_query import end, make
from tests.tasks.test_service import at


@pytest.fixture
def operations(database: Database) -> OperationService:
    """Return the service."""
    return OperationService(database)


async def test_workers_that_hold_tasks_are_seen(
    operations: OperationService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """With how many, since when, and until when; an idle one is not."""
    await make(service, principal, 3)
    for worker in ("a", "b", "b"):
        assert await work.claim(worker) is not None

    found = await operations.figures(principal)

    assert [(each.worker_id, each.tasks) for each in found.workers] == [("b", 2), ("a", 1)]
    for each in found.workers:
        assert each.since is not None
        assert each.lease_expires_at is not None
        assert timedelta() <= found.at - each.since < timedelta(minutes=1)
        assert each.lease_expires_at > found.at


async def test_unfinished_tasks_are_counted_by_why(
    *,
    operations: OperationService,
    service: TaskService,
    work: WorkService,
    database: Database,
    principal: Principal,
    accounts: AccountService,
) -> None:
    """Everybody's: ready, put off, running, and those whose posts a client sends."""
    other = principal_of(await accounts.create_user("eve@example.org"))
    await make(service, principal, 2)
    claim = await work.claim("w")
    assert claim is not None
    await work.wait(
        claim,
        seconds=60,
        failures=0,
        error_code="SOURCE_RATE_LIMITED",
        error_message="Later.",
        receipt=Receipt(requested=10),
    )
    assert await work.claim("w") is not None
    await make(service, other, 3)
    (fed,) = await make(service, other, 1, group_id="push:mine")
    await IngestService(database).add(other, fed.id, Batch.parse({"posts": [{"id": "a"}]}))

    queue = (await operations.figures(principal)).queue

    assert (queue.ready, queue.waiting, queue.running, queue.fed) == (3, 1, 1, 1)
    assert queue.oldest_ready_at is not None
    assert queue.next_due_at is not None
    assert queue.next_due_at > datetime.now(UTC)


async def test_what_ended_is_counted_by_minute_and_reason(
    operations: OperationService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """A reset afterwards does not undo that it ended."""
    tasks = await make(service, principal, 5)
    completed = await end(work)
    for _ in range(2):
        claim = await work.claim("w")
        assert claim is not None
        await work.start(claim)
        await work.fail(claim, at(0), error_code="SOURCE_PRIVATE", error_message="Private.")
    await service.cancel(principal, tasks[-1].id)
    await service.reset(principal, completed.id)

    found = await operations.figures(principal)

    assert len(found.minutes) == 60
    assert found.minutes[-1].at <= found.at < found.minutes[-1].at + timedelta(minutes=1)
    # A minute may have ended meanwhile.
    assert sum(each.completed for each in found.minutes[-2:]) == 1
    assert sum(each.failed for each in found.minutes[-2:]) == 3
    assert {each.reason: each.tasks for each in found.failures} == {
        "SOURCE_PRIVATE": 2,
        "cancelled": 1,
    }
    assert found.failures[0].reason == "SOURCE_PRIVATE"


async def test_an_idle_installation_has_figures(
    operations: OperationService, principal: Principal
) -> None:
    """Of nothing."""
    found = await operations.figures(principal)

    assert (found.workers, found.failures) == ([], [])
    assert (found.queue.ready, found.queue.oldest_ready_at) == (0, None)


async def test_only_administrators_see_the_installation(
    operations: OperationService, principal: Principal
) -> None:
    """It tells what others do."""
    user = Principal(user_id=principal.user_id, scopes=frozenset(SCOPES) - {ADMIN})

    with pytest.raises(ScopeMissing):
        await operations.figures(user)
