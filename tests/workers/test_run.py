from collections.abc import AsyncIterator, Sequence
from datetime import date

import pytest

from tasks import models
from tasks.claim import Limits
from tasks.database import Database
from tasks.ports import Target
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from tasks.work import WorkService
from workers.http import Http, HttpClient
from workers.run import Bounds, Run
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk


class Script(Source):
    """A platform whose pages a test writes."""

    info = SourceInfo(
        name="script",
        title="Script",
        target_help="Anything.",
        examples=("x",),
        documentation="https://script.example/",
        read_on=date(2026, 1, 1),
        verified=Evidence.DOCUMENTS,
    )

    def __init__(self, pages: Sequence[Page]) -> None:
        super().__init__()
        self._pages = pages

    def auth_mode_of(self, target: str) -> str:
        """Say as whom a target is asked for."""
        return f"guest of {target}"

    def normalise(self, target: str) -> str:
        """Take anything."""
        return target

    def host(self, target: str) -> str | None:
        """Name none."""
        del target

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the pages from the cursor on."""
        del http
        for page in self._pages[int(walk.cursor or 0) :]:
            yield page


class Sleeper:
    """Wakes nobody."""

    def wake(self) -> None:
        """Do nothing."""


class Anything:
    """A catalogue that takes every id."""

    def resolve(self, group_id: str) -> Target:
        """Return it as a target."""
        return Target("script", group_id)


async def finish(database: Database, principal: Principal, pages: Sequence[Page]) -> models.Task:
    """Run a task over pages to its end, whatever that is."""
    service = TaskService(database, catalogue=Anything(), waker=Sleeper())
    work = WorkService(database, waker=Sleeper(), limits=Limits())
    await service.create(principal, NewTask(group_id="x", max_posts=500))
    claim = await work.claim("w")
    assert claim is not None
    async with HttpClient(version="0") as client:
        run = Run(
            claim,
            work=work,
            source=Script(pages),
            http=client.run(),
            bounds=Bounds(),
            stopping=lambda: False,
        )
        try:
            return await run.run()
        except TypeError as error:
            return await run.blame(error)


@pytest.fixture
def backend() -> str:
    """Run on SQLite: what is stored is the same on both."""
    return "sqlite"


async def test_pages_of_reposts_alone_are_no_standstill(
    database: Database, principal: Principal
) -> None:
    """An account may repost two hundred times in a row and then write again."""
    pages = [Page(next_cursor=str(number), skipped={"repost": 100}) for number in (1, 2, 3)]

    task = await finish(database, principal, [*pages, Page(posts=[SourcePost(id="a")])])

    assert (task.status, task.stop_reason, task.posts_count) == ("completed", "end_of_source", 1)
    assert task.receipt is not None
    assert task.receipt["skipped"] == {"repost": 300}
    assert task.receipt["auth_mode"] == "guest of x"


async def test_pages_of_repeated_posts_are_a_standstill(
    database: Database, principal: Principal
) -> None:
    """A source that hands out the same again is given up after two pages."""
    first = Page(posts=[SourcePost(id="a")], next_cursor="1")
    again = [Page(next_cursor=str(number), skipped={"repeated": 1}) for number in range(2, 9)]

    task = await finish(database, principal, [first, *again])

    assert (task.status, task.stop_reason, task.posts_count) == ("completed", "no_progress", 1)


async def test_after_a_fault_of_ours_the_task_says_what_is_stored(
    database: Database, principal: Principal
) -> None:
    """A page that cannot be stored is not counted, though the run had taken it in."""
    unstorable = SourcePost(id="b", message="\ud800")  # half of a pair, which is no text

    task = await finish(
        database,
        principal,
        [Page(posts=[SourcePost(id="a")], next_cursor="1"), Page(posts=[unstorable])],
    )

    assert (task.status, task.error_code) == ("failed", "INTERNAL_ERROR")
    assert (task.posts_count, task.cursor) == (1, "1")
    assert task.receipt is not None
    assert (task.receipt["collected"], task.receipt["complete"]) == (1, False)
    assert task.receipt["stop_reason"] == "error"
