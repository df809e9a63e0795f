"""What clients do with tasks, on both databases."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from tasks.accounts import AccountService
from tasks.claim import Checkpoint
from tasks.errors import NoResult, NotOwner, TaskNotFound, TransitionRefused, ValidationFailed
from tasks.models import CursorState, StopReason
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.validation import Idempotency, Listing, NewTask, TaskChanges
from tasks.work import WorkService
from tests.conftest import principal_of


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A post as a source would give it."""

    id: str
    message: str | None = "text"
    author: str | None = "Ada"
    url: str | None = None
    created_time: datetime | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None


def new(group_id: str = "sandbox:happy", **values: object) -> NewTask:
    """Return a valid wish."""
    return NewTask.parse({"group_id": group_id, "max_posts": 10, **values})


def at(posts_count: int, *, state: CursorState = CursorState.AT) -> Checkpoint:
    """Return a checkpoint."""
    receipt = Receipt(requested=10, collected=posts_count)
    return Checkpoint(cursor_state=state, cursor="2", posts_count=posts_count, receipt=receipt)


async def completed(service: TaskService, work: WorkService, principal: Principal) -> int:
    """Create a task and complete it with two posts."""
    task = await service.create(principal, new())
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    posts = [Sample(id="a"), Sample(id="b")]
    await work.complete(claim, at(2), posts, StopReason.END_OF_SOURCE)
    return task.id


async def test_a_created_task_is_pending_and_logged(
    service: TaskService, principal: Principal
) -> None:
    """Creating writes the row and its first event together."""
    task = await service.create(principal, new(priority=5, group_name="Name"))

    assert (task.status, task.priority, task.platform, task.target) == (
        "pending",
        5,
        "sandbox",
        "happy",
    )
    assert task.created_at.tzinfo is not None
    (event,) = await service.events(principal, task.id)
    assert (event.seq, event.type, event.data["status"]) == (1, "created", "pending")


async def test_a_result_holds_the_posts_in_order(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The posts come back as they were stored, unknown counts as None."""
    task_id = await completed(service, work, principal)

    result = await service.result(principal, task_id)

    assert [post.post_id for post in result.posts] == ["a", "b"]
    assert result.posts[0].likes is None
    assert result.task.receipt is not None
    events = await service.events(principal, task_id)
    assert [event.type for event in events] == ["created", "assigned", "started", "completed"]
    assert [event.seq for event in events] == [1, 2, 3, 4]


async def test_an_unfinished_task_has_no_result(service: TaskService, principal: Principal) -> None:
    """A pending task's result is refused."""
    task = await service.create(principal, new())

    with pytest.raises(NoResult):
        await service.result(principal, task.id)


async def test_another_users_task_is_not_ones_own(
    service: TaskService, principal: Principal, accounts: AccountService
) -> None:
    """Every call on a foreign task says that it is foreign, and on an unknown one that it is."""
    task = await service.create(principal, new())
    other = principal_of(await accounts.create_user("bob@example.org"))

    for call in (service.get, service.delete, service.reset, service.cancel, service.events):
        with pytest.raises(NotOwner):
            await call(other, task.id)
        with pytest.raises(TaskNotFound):
            await call(other, task.id + 1)


async def test_an_update_changes_only_what_was_given(
    service: TaskService, principal: Principal
) -> None:
    """A partial update leaves the rest, and an update without a change writes no event."""
    task = await service.create(principal, new(group_name="Name", priority=1))

    changed = await service.update(principal, task.id, TaskChanges.parse({"priority": 7}))
    same = await service.update(principal, task.id, TaskChanges.parse({"priority": 7}))

    assert (changed.priority, changed.group_name, changed.revision) == (7, "Name", 2)
    assert same.revision == changed.revision


async def test_only_pending_tasks_are_updated(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """A claimed task is refused."""
    task = await service.create(principal, new())
    await work.claim("w")

    with pytest.raises(TransitionRefused, match="assigned"):
        await service.update(principal, task.id, TaskChanges.parse({"priority": 7}))


async def test_a_reset_starts_from_scratch(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Posts, counts and cursor go; the old receipt stays in the log."""
    task_id = await completed(service, work, principal)

    task = await service.reset(principal, task_id)

    assert (task.status, task.posts_count, task.cursor, task.worker_id, task.completed_at) == (
        "pending",
        0,
        None,
        None,
        None,
    )
    last = (await service.events(principal, task_id))[-1]
    assert last.type == "reset"
    assert last.data["previous_receipt"]["collected"] == 2
    claim = await work.claim("w2")
    assert claim is not None
    assert await work.known_posts(claim) == set()


async def test_a_resume_keeps_the_posts(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """A resumed task goes on from its cursor with what it has."""
    task_id = await completed(service, work, principal)

    task = await service.reset(principal, task_id, resume=True)

    assert (task.status, task.posts_count, task.cursor) == ("pending", 2, "2")
    claim = await work.claim("w2")
    assert claim is not None
    assert await work.known_posts(claim) == {"a", "b"}


async def test_a_cancelled_task_keeps_its_posts(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Cancelling ends the task at once, says so in the receipt, and cannot be done twice."""
    task = await service.create(principal, new())
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    await work.record(claim, at(1), [Sample(id="a")])

    cancelled = await service.cancel(principal, task.id)

    assert (cancelled.status, cancelled.stop_reason, cancelled.posts_count) == (
        "failed",
        "cancelled",
        1,
    )
    assert cancelled.receipt is not None
    assert cancelled.receipt["stop_reason"] == "cancelled"
    with pytest.raises(TransitionRefused):
        await service.cancel(principal, task.id)


async def test_a_deleted_task_leaves_a_tombstone(
    service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Row, posts and events go; one event says that it is gone, and its id is never used again."""
    task_id = await completed(service, work, principal)

    await service.delete(principal, task_id)

    with pytest.raises(TaskNotFound):
        await service.get(principal, task_id)
    (tombstone,) = await service.events(principal, task_id)
    assert (tombstone.type, tombstone.seq) == ("deleted", 5)
    assert set(tombstone.data) == {"v", "id", "revision"}
    assert (await service.create(principal, new())).id > task_id


async def test_a_repeated_create_is_answered_with_the_first(
    service: TaskService, principal: Principal
) -> None:
    """The same key and body create once; another body is refused."""
    once = Idempotency.of("k", door="rest", body={"a": 1})

    first = await service.create(principal, new(), idempotency=once)
    await service.update(principal, first.id, TaskChanges.parse({"priority": 9}))
    again = await service.create(principal, new(), idempotency=once)

    assert (again.id, again.priority, again.created_at) == (first.id, 0, first.created_at)
    other = Idempotency.of("k", door="rest", body={"a": 2})
    with pytest.raises(ValidationFailed):
        await service.create(principal, new(), idempotency=other)


async def test_pages_of_a_list_do_not_overlap(service: TaskService, principal: Principal) -> None:
    """Each order shows every task once over its pages, ties by the newest."""
    made = [await service.create(principal, new(priority=n % 2)) for n in range(7)]

    for sort_by in ("created_at", "status", "priority"):
        for order in ("asc", "desc"):
            seen: list[int] = []
            for page in (1, 2, 3, 4):
                values = {"sort_by": sort_by, "sort_order": order, "per_page": 2, "page": page}
                found = await service.page(principal, Listing.parse(values))
                assert found.total == 7
                seen += [task.id for task in found.tasks]
            assert sorted(seen) == [task.id for task in made]
            if sort_by == "status":
                assert seen == [task.id for task in reversed(made)]
