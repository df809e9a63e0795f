"""Runs of a schedule that wants only what is new, from a source that grows."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tasks.database import Database
from tasks.models import Task
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.schedules import ScheduleService, Timetable
from tasks.service import TaskService
from tasks.work import WorkService
from tests.conftest import AnyTarget
from tests.tasks.recurring import due_in, every
from workers.http import Http, HttpClient
from workers.run import Bounds, Run
from workers.source import Page, Source, SourceInfo, SourcePost, Walk


class Wall(Source):
    """A platform with some posts, in pages of ten, that knows whether anything changed."""

    info = SourceInfo(name="wall", title="Wall", target_help="Anything.", examples=("a",))

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.pages_read = 0

    def normalise(self, target: str) -> str:
        """Take anything."""
        return target

    def host(self, target: str) -> str | None:
        """Call nobody."""
        del target

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the newest first."""
        del http
        validators = {"etag": str(self.length)}
        if walk.validators == validators:
            yield Page(not_modified=True, validators=validators)
            return
        start = int(walk.cursor or self.length)
        while start > 0:
            self.pages_read += 1
            numbers = range(start, max(start - 10, 0), -1)
            start = max(start - 10, 0)
            yield Page(
                posts=[SourcePost(id=str(number)) for number in numbers],
                next_cursor=str(start) if start else None,
                validators=validators,
            )


class Site:
    """An installation with one schedule."""

    def __init__(self, database: Database, principal: Principal, wall: Wall) -> None:
        self.wall = wall
        self._database = database
        self._principal = principal
        self._timetable = Timetable(database, waker=Sleeper())

    async def run(self, work: WorkService) -> Task:
        """Let the next run come due, and run it."""
        await self._database.write(due_in, -1)
        await self._timetable()
        claim = await work.claim("w")
        assert claim is not None
        answer = httpx2.MockTransport(lambda _: httpx2.Response(200))
        client = HttpClient(version="0", transport=answer)
        run = Run(
            claim,
            work=work,
            source=self.wall,
            http=client.run(),
            bounds=Bounds(),
            stopping=lambda: False,
        )
        return await run.run()

    async def posts(self, service: TaskService, task: Task) -> list[str]:
        """Return the ids of a run's posts."""
        result = await service.result(self._principal, task.id)
        return [post.post_id for post in result.posts]


@pytest.fixture
async def site(database: Database, principal: Principal) -> Site:
    """Return an installation whose schedule wants what is new of a wall with 25 posts."""
    schedules = ScheduleService(database, catalogue=AnyTarget(), waker=Sleeper())
    await schedules.create(principal, every(group_id="wall:a", only_new=True, max_posts=40))
    return Site(database, principal, Wall(25))


async def test_each_run_brings_what_is_new(
    site: Site, work: WorkService, service: TaskService
) -> None:
    """The first all, the next only what came since, and it reads no further than it must."""
    first = await site.run(work)
    site.wall.length, site.wall.pages_read = 28, 0
    second = await site.run(work)

    assert (first.stop_reason, first.posts_count) == ("end_of_source", 25)
    assert (second.status, second.stop_reason) == ("completed", "known_posts")
    assert await site.posts(service, second) == ["28", "27", "26"]
    assert site.wall.pages_read == 1
    assert second.receipt is not None
    assert (second.receipt["duplicates"], second.receipt["complete"]) == (5, True)


async def test_an_unchanged_source_is_asked_and_not_read(site: Site, work: WorkService) -> None:
    """The validators of the last run are sent, and the answer completes the run without posts."""
    await site.run(work)
    site.wall.pages_read = 0

    second = await site.run(work)
    third = await site.run(work)

    for run in (second, third):
        assert (run.status, run.stop_reason, run.posts_count) == ("completed", "known_posts", 0)
    assert site.wall.pages_read == 0


async def test_a_repeated_run_collects_what_it_did(
    site: Site, work: WorkService, service: TaskService, principal: Principal
) -> None:
    """Reset from scratch, it is told neither its own posts nor that nothing changed since."""
    await site.run(work)
    site.wall.length = 28
    second = await site.run(work)
    await service.reset(principal, second.id)

    again = await site.run(work)

    assert again.id == second.id
    assert await site.posts(service, again) == ["28", "27", "26"]
