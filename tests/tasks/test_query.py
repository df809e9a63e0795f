"""Windows of lists, many objects at once, and why a task waits, on both databases."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tasks.accounts import AccountService
from tasks.claim import Checkpoint
from tasks.cursor import Slice, Window
from tasks.database import Database
from tasks.errors import ScopeMissing, TransitionRefused, ValidationFailed
from tasks.filter import PostOrder, TaskFilter, TaskOrder
from tasks.models import CursorState, StopReason, Task, TaskStatus
from tasks.principal import Principal
from tasks.query import QueryService, WaitReason
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.store.queue import Caps
from tasks.validation import NewTask, TaskChanges
from tasks.work import WorkService
from tests.conftest import principal_of
from tests.tasks.test_service import Sample


@pytest.fixture
def query(database: Database) -> QueryService:
    """Return the query service."""
    return QueryService(database)


async def make(service: TaskService, principal: Principal, count: int, **values: Any) -> list[Task]:
    """Create tasks."""
    wish = {"group_id": "sandbox:happy", "max_posts": 10, **values}
    return await service.create_many(principal, [NewTask.parse(wish)] * count)


async def end(work: WorkService, posts: Sequence[Sample] = ()) -> Task:
    """Complete the next task with these posts."""
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    checkpoint = Checkpoint(
        cursor_state=CursorState.EXHAUSTED,
        cursor=None,
        posts_count=len(posts),
        receipt=Receipt(requested=10, collected=len(posts)),
    )
    return await work.complete(claim, checkpoint, posts, StopReason.END_OF_SOURCE)


async def walk(
    query: QueryService,
    principal: Principal,
    *,
    size: int,
    backward: bool = False,
    where: TaskFilter | None = None,
    order: TaskOrder = TaskOrder.CREATED,
    descending: bool = True,
) -> list[int]:
    """Read a whole list page by page; returns the ids in the list's order."""
    found: list[int] = []
    cursor: str | None = None
    while True:
        window = Window(
            size=size,
            backward=backward,
            after=None if backward else cursor,
            before=cursor if backward else None,
        )
        page: Slice[Task] = await query.tasks(
            principal, window, where=where or TaskFilter(), order=order, descending=descending
        )
        ids = [task.id for task in page.rows]
        found = ids + found if backward else found + ids
        if not (page.has_previous if backward else page.has_next):
            return found
        cursor = page.cursors[0 if backward else -1]


@pytest.mark.parametrize("order", TaskOrder)
@pytest.mark.parametrize("descending", [True, False])
async def test_a_walk_gives_the_same_list_in_both_directions_and_page_sizes(  # noqa: PLR0917 - pytest passes by name
    order: TaskOrder,
    descending: bool,  # noqa: FBT001 - pytest passes parameters by name
    query: QueryService,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """Every order is total, and tasks that have not ended come last by completion."""
    for priority in (0, 5, 0, -1):
        await make(service, principal, 2, priority=priority)
    ended = [(await end(work)).id for _ in range(3)]

    whole = await walk(query, principal, size=100, order=order, descending=descending)
    forward = await walk(query, principal, size=3, order=order, descending=descending)
    backward = await walk(
        query, principal, size=3, backward=True, order=order, descending=descending
    )

    assert len(set(whole)) == 8
    assert forward == backward == whole
    if order is TaskOrder.COMPLETED:
        assert set(whole[:3]) == set(ended)


@pytest.mark.parametrize("order", TaskOrder)
@pytest.mark.parametrize("backward", [False, True])
async def test_a_walk_shows_what_does_not_change_exactly_once_whatever_else_changes(  # noqa: PLR0917 - pytest passes by name
    order: TaskOrder,
    backward: bool,  # noqa: FBT001 - pytest passes parameters by name
    query: QueryService,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """Rows come, go, end and change their priority at random while the list is walked."""
    chance = random.Random(f"{order}{backward}")  # noqa: S311 - a test's dice
    still = [task.id for task in await make(service, principal, 12, priority=3)]
    for _ in range(3):
        await end(work)
    # The claim takes the highest priority first, so what ends meanwhile is never one of `still`.
    moving = [task.id for task in await make(service, principal, 12, priority=8)]

    async def change() -> None:
        match chance.randrange(4):
            case 0:
                await make(service, principal, 1, priority=chance.randrange(9, 20))
            case 1 if moving:
                await service.delete(principal, moving.pop(chance.randrange(len(moving))))
            case 2:
                await end(work)
            case _ if moving:
                changes = TaskChanges.parse({"priority": chance.randrange(4, 20)})
                with contextlib.suppress(TransitionRefused):
                    await service.update(principal, chance.choice(moving), changes)
            case _:
                pass  # Nothing is left to change.

    seen: list[int] = []
    cursor: str | None = None
    for _ in range(100):
        bound = {"before": cursor} if backward else {"after": cursor}
        window = Window(size=chance.randrange(1, 5), backward=backward, **bound)
        page = await query.tasks(principal, window, where=TaskFilter(), order=order)
        seen += [task.id for task in page.rows]
        if not (page.has_previous if backward else page.has_next):
            break
        cursor = page.cursors[0 if backward else -1]
        await asyncio.gather(*(change() for _ in range(chance.randrange(3))))

    assert sorted(task_id for task_id in seen if task_id in still) == still


async def test_a_filter_takes_all_its_conditions(
    query: QueryService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Status, platform, group and time narrow the list together, and the count agrees."""
    await make(service, principal, 2)
    (other,) = await make(service, principal, 1, group_id="feed:x")
    done = await end(work)

    async def ids(where: TaskFilter) -> set[int]:
        found = set(await walk(query, principal, size=2, where=where))
        assert await query.count(principal, where) == len(found)
        return found

    assert await ids(TaskFilter(status=[TaskStatus.COMPLETED])) == {done.id}
    assert len(await ids(TaskFilter(status=list(TaskStatus)))) == 3
    assert await ids(TaskFilter(platform=["feed"])) == {other.id}
    assert len(await ids(TaskFilter(platform=["feed", "sandbox"]))) == 3
    assert await ids(TaskFilter(group_id=["feed:x"])) == {other.id}
    assert await ids(TaskFilter(completed_since=done.completed_at)) == {done.id}
    assert await ids(TaskFilter(completed_before=done.completed_at)) == set()
    assert await ids(TaskFilter(created_before=done.created_at)) == set()
    assert await ids(TaskFilter(status=[])) == set()


@pytest.mark.parametrize(
    "cursor",
    ["x", "…", "W10", "WyJjIiwxXQ", "WyJwIiwiYSIsImIiXQ", "e30", "A" * 1000, "WyJjIixudWxsLDFd"],
)
async def test_a_malformed_cursor_is_refused_in_words(
    cursor: str, query: QueryService, principal: Principal
) -> None:
    """Whatever stands in a cursor, the answer is one sentence about the argument."""
    with pytest.raises(ValidationFailed, match="The after argument is no cursor of this list"):
        await query.tasks(principal, Window(size=1, after=cursor), where=TaskFilter())


async def test_a_cursor_of_another_order_is_refused(
    query: QueryService, service: TaskService, principal: Principal
) -> None:
    """A cursor belongs to its order."""
    await make(service, principal, 2)
    page = await query.tasks(principal, Window(size=1), where=TaskFilter())

    with pytest.raises(ValidationFailed):
        await query.tasks(
            principal,
            Window(size=1, after=page.cursors[0]),
            where=TaskFilter(),
            order=TaskOrder.PRIORITY,
        )


@pytest.mark.parametrize(
    "arguments", [{}, {"first": 0}, {"first": 101}, {"last": -1}, {"first": 1, "last": 1}]
)
def test_a_window_needs_one_size_from_1_to_100(arguments: dict[str, Any]) -> None:
    """Exactly one of first and last, within bounds."""
    with pytest.raises(ValidationFailed):
        Window.parse(**arguments)


POSTS = [
    Sample(id="a", likes=5),
    Sample(id="b", likes=None),
    Sample(id="c", likes=9),
    Sample(id="d", likes=5),
    Sample(id="e", likes=None),
]


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        (PostOrder.POSITION, False, "abcde"),
        (PostOrder.POSITION, True, "edcba"),
        (PostOrder.LIKES, True, "cadbe"),
        (PostOrder.LIKES, False, "adcbe"),
        (PostOrder.TIME, True, "abcde"),
    ],
)
async def test_posts_of_many_tasks_are_paged_at_once(  # noqa: PLR0917 - pytest passes by name
    order: PostOrder,
    descending: bool,  # noqa: FBT001 - pytest passes parameters by name
    expected: str,
    query: QueryService,
    service: TaskService,
    work: WorkService,
    principal: Principal,
) -> None:
    """Each task's posts come in the order asked for, missing values last, both ways."""
    await make(service, principal, 2)
    ids = [(await end(work, POSTS)).id for _ in range(2)]

    for backward in (False, True):
        seen = dict.fromkeys(ids, "")
        cursor: str | None = None
        for _ in range(3):
            bound = {"before": cursor} if backward else {"after": cursor}
            window = Window(size=2, backward=backward, **bound)
            pages = await query.posts(principal, ids, window, order=order, descending=descending)
            for task_id, page in pages.items():
                text = "".join(post.post_id for post in page.rows)
                seen[task_id] = text + seen[task_id] if backward else seen[task_id] + text
            cursor = pages[ids[0]].cursors[0 if backward else -1]
        assert seen == dict.fromkeys(ids, expected)


async def test_events_of_many_tasks_are_paged_at_once(
    query: QueryService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Events come by seq, forward and from the end."""
    await make(service, principal, 2)
    ids = [(await end(work)).id for _ in range(2)]

    first = await query.events(principal, ids, Window(size=2))
    last = await query.events(principal, ids, Window(size=1, backward=True))

    for task_id in ids:
        assert [event.seq for event in first[task_id].rows] == [1, 2]
        assert first[task_id].has_next
        assert [event.type for event in last[task_id].rows] == ["completed"]
        assert last[task_id].has_previous


async def test_nothing_of_another_user_is_found(
    query: QueryService,
    service: TaskService,
    work: WorkService,
    principal: Principal,
    accounts: AccountService,
) -> None:
    """By id, by cursor, by filter and by count, another user's rows are as if absent."""
    await make(service, principal, 3)
    done = await end(work, POSTS)
    issued = await accounts.create_token(principal.user_id, "mine")
    eve = principal_of(await accounts.create_user("eve@example.org"))
    page = await query.tasks(principal, Window(size=1), where=TaskFilter())

    window = Window(size=10, after=page.cursors[0])
    assert (await query.tasks(eve, window, where=TaskFilter())).rows == []
    assert await query.count(eve, TaskFilter(group_id=["sandbox:happy"])) == 0
    assert await query.tasks_by_id(eve, [done.id]) == {}
    assert await query.posts_by_id(eve, [(done.id, "a")]) == {}
    assert await query.tokens_by_id(eve, [issued.record.id]) == {}
    assert (await query.posts(eve, [done.id], Window(size=10)))[done.id].rows == []
    assert (await query.events(eve, [done.id], Window(size=10)))[done.id].rows == []


async def test_objects_are_found_by_id_many_at_once(
    query: QueryService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """Tasks and posts come back by their keys; what is unknown is left out."""
    await make(service, principal, 2)
    done = await end(work, POSTS)

    tasks = await query.tasks_by_id(principal, [done.id, 2**40])
    posts = await query.posts_by_id(principal, [(done.id, "c"), (done.id, "nope"), (2**40, "a")])

    assert set(tasks) == {done.id}
    assert {key: post.position for key, post in posts.items()} == {(done.id, "c"): 2}


async def test_a_waiting_task_says_how_many_are_ahead_or_until_when(
    query: QueryService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The place in line counts one's own tasks; a task that was put off says until when."""
    await make(service, principal, 1, priority=9)
    tasks = [(await make(service, principal, 1, priority=priority))[0] for priority in (0, 5)]
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    put_off = await work.wait(
        claim,
        seconds=60,
        failures=0,
        error_code="SOURCE_RATE_LIMITED",
        error_message="Later.",
        receipt=Receipt(requested=10),
    )

    waits = await query.waiting(principal, [*tasks, put_off])

    assert [waits[task.id].ahead for task in tasks] == [1, 0]
    assert waits[put_off.id].reason is WaitReason.RATE_LIMITED
    assert waits[put_off.id].until == put_off.not_before


async def test_a_task_that_a_cap_keeps_waiting_says_so(
    database: Database, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """The caps that the claim obeys are the reasons that a client reads."""
    tasks = await make(service, principal, 2)
    await work.claim("w")

    by_user = await QueryService(database, caps=Caps(per_user=1)).waiting(principal, tasks[1:])
    by_platform = await QueryService(database, caps=Caps(per_platform=1)).waiting(
        principal, tasks[1:]
    )

    assert by_user[tasks[1].id].reason is WaitReason.USER_CAP
    assert by_platform[tasks[1].id].reason is WaitReason.PLATFORM_CAP


async def test_reading_takes_the_scope(query: QueryService, principal: Principal) -> None:
    """A token without the scope reads nothing."""
    nobody = Principal(user_id=principal.user_id, scopes=frozenset())

    with pytest.raises(ScopeMissing):
        await query.tasks(nobody, Window(size=1), where=TaskFilter())
    with pytest.raises(ScopeMissing):
        await query.posts(nobody, [1], Window(size=1))


async def test_many_tasks_are_created_together_or_not_at_all(
    query: QueryService, service: TaskService, principal: Principal
) -> None:
    """One group id that leads nowhere refuses them all, and says which."""
    good, bad = (NewTask.parse({"group_id": g, "max_posts": 1}) for g in ("a:b", "nowhere"))

    with pytest.raises(ValidationFailed) as refused:
        await service.create_many(principal, [good, bad])

    assert list(refused.value.errors) == ["tasks.1.group_id"]
    assert await query.count(principal, TaskFilter()) == 0
    with pytest.raises(ValidationFailed):
        await service.create_many(principal, [good] * 101)
    assert len(await service.create_many(principal, [good] * 100)) == 100
