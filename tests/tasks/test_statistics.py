"""A task's posts, counted by both databases alike."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tasks.accounts import AccountService
from tasks.database import Database
from tasks.errors import ScopeMissing
from tasks.principal import TASKS_READ, Principal
from tasks.service import TaskService
from tasks.statistics import MOST_SLOTS, Statistics, StatisticsService
from tasks.work import WorkService
from tests.conftest import principal_of
from tests.tasks.test_query import end, make
from tests.tasks.test_service import Sample

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def statistics(database: Database) -> StatisticsService:
    """Return the service."""
    return StatisticsService(database)


class Counting:
    """Completes a task with posts, and counts them."""

    def __init__(
        self,
        service: TaskService,
        work: WorkService,
        statistics: StatisticsService,
        principal: Principal,
    ) -> None:
        self._service = service
        self._work = work
        self._statistics = statistics
        self._principal = principal

    async def __call__(self, posts: Sequence[Sample]) -> Statistics:
        """Return the counts."""
        (task,) = await make(self._service, self._principal, 1, max_posts=500)
        await end(self._work, posts)
        return await self._statistics.of_task(self._principal, task.id)


@pytest.fixture
def counted(
    service: TaskService, work: WorkService, statistics: StatisticsService, principal: Principal
) -> Counting:
    """Return what counts."""
    return Counting(service, work, statistics, principal)


def dated(*times: datetime) -> list[Sample]:
    """Return a post for each time."""
    return [Sample(id=str(index), created_time=at) for index, at in enumerate(times)]


async def test_a_task_without_posts_counts_nothing(counted: Counting) -> None:
    """Nothing is no reason to fail."""
    found = await counted([])

    assert (found.posts, found.slots, found.bands, found.authors) == (0, (), [], [])


async def test_posts_over_time_come_in_even_slots(counted: Counting) -> None:
    """Slots follow one another, and those in which nothing happened are there too."""
    hour = timedelta(hours=1)
    found = await counted([*dated(NOON, NOON + hour / 2, NOON + 3 * hour), Sample(id="x")])

    assert found.slot_seconds == 300
    assert found.slots[0].at == NOON
    assert {slot.at: slot.posts for slot in found.slots if slot.posts} == {
        NOON: 1,
        NOON + hour / 2: 1,
        NOON + 3 * hour: 1,
    }
    steps = {b.at - a.at for a, b in zip(found.slots, found.slots[1:], strict=False)}
    assert steps == {timedelta(seconds=300)}
    assert found.undated == 1


@pytest.mark.parametrize("days", [0, 1, 90, 4_000, 73_000])
async def test_any_span_fits_into_the_slots(counted: Counting, days: int) -> None:
    """From posts of one moment to two centuries, with times before 1970."""
    last = datetime(2099, 12, 31, tzinfo=UTC)
    found = await counted(dated(last, last - timedelta(days=days)))

    assert 1 <= len(found.slots) <= MOST_SLOTS
    assert sum(slot.posts for slot in found.slots) == 2
    assert found.slots[0].posts >= 1
    assert found.slots[-1].posts >= 1


async def test_likes_come_in_bands(counted: Counting) -> None:
    """The bounds are inclusive, and unknown likes are counted apart, not as 0."""
    likes = [-3, 0, 0, 1, 4, 5, 9, 49, 50, 1_000_000_000_000, None]
    found = await counted([Sample(id=str(i), likes=each) for i, each in enumerate(likes)])

    bands = {(band.least, band.most): band.posts for band in found.bands if band.posts}
    assert bands == {
        (None, -1): 1,
        (0, 0): 2,
        (1, 1): 1,
        (2, 4): 1,
        (5, 9): 2,
        (20, 49): 1,
        (50, 99): 1,
        (500_000_000, None): 1,
    }
    assert found.unrated == 1
    assert (found.bands[0].least, found.bands[-1].most) == (None, None)


async def test_the_most_active_authors_come_first(counted: Counting) -> None:
    """At most ten of them, by posts and then by name."""
    posts = [
        Sample(id=f"{name}{index}", author=name, likes=index)
        for name, count in (("Zoe", 3), ("Ada", 3), ("Bob", 1), *((f"c{n}", 1) for n in range(10)))
        for index in range(count)
    ]
    found = await counted([*posts, Sample(id="x", author=None), Sample(id="y", author="Dan")])

    assert [(each.name, each.posts, each.likes) for each in found.authors[:3]] == [
        ("Ada", 3, 3),
        ("Zoe", 3, 3),
        ("Bob", 1, 0),
    ]
    assert (len(found.authors), found.author_count, found.unnamed) == (10, 14, 1)
    assert all(each.likes is None for each in found.authors if each.name == "Dan")


@pytest.mark.parametrize(
    ("likes", "expected"),
    [
        ([2**53 - 1, 2**53 - 1, 3], 2**54 + 1),
        ([-5, 2**40, -(2**40)], -5),
        ([2**63 - 1, 2**63 - 1], 2**63 - 1),
        ([-(2**63), -(2**63)], -(2**63) + 1),
    ],
)
async def test_many_likes_add_up(counted: Counting, likes: list[int], expected: int) -> None:
    """To the number itself, and at the end of 64 bits no further."""
    posts = [Sample(id=str(n), author="Ada", likes=each) for n, each in enumerate(likes)]

    assert [each.likes for each in (await counted(posts)).authors] == [expected]


async def test_nobody_counts_other_peoples_posts(
    service: TaskService,
    work: WorkService,
    statistics: StatisticsService,
    principal: Principal,
    accounts: AccountService,
) -> None:
    """Another user's task looks like one without posts."""
    (task,) = await make(service, principal, 1)
    await end(work, dated(NOON))
    stranger = principal_of(await accounts.create_user("eve@example.org"))
    reader = Principal(user_id=principal.user_id, scopes=frozenset({TASKS_READ}))

    assert (await statistics.of_task(stranger, task.id)).posts == 0
    with pytest.raises(ScopeMissing):
        await statistics.of_task(reader, task.id)
