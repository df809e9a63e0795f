"""What every source must do. A source's test file subclasses one of the two contracts.

`SourceContract` needs the source, a target that has several pages, and an `answer` to requests;
`HttpSourceContract` adds what must happen when a platform answers badly.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from tasks.errors import TargetError
from workers import errors
from workers.http import Http, HttpClient
from workers.source import Page, Source, SourcePost, Walk

Answer = Callable[[httpx2.Request], httpx2.Response]

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WALL = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Are you human?</body></html>"


class Clock:
    """A clock that waiting moves."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def run(answer: Answer, clock: Clock | None = None) -> Http:
    """Return a way out that leads to `answer` and waits without waiting."""
    clock = clock or Clock()
    client = HttpClient(
        version="0",
        transport=httpx2.MockTransport(answer),
        now=clock,
        sleep=clock.sleep,
    )
    return client.run()


async def collect(
    source: Source, walk: Walk, http: Http, *, most: int = 600, into: list[Page] | None = None
) -> list[Page]:
    """Read all pages; those before an error are left in `into`."""
    pages = [] if into is None else into
    async for page in source.pages(walk, http):
        pages.append(page)
        assert len(pages) < most, "the source does not end"
    return pages


def posts_of(pages: Sequence[Page]) -> list[SourcePost]:
    """Return the posts of all pages."""
    return [post for page in pages for post in page.posts]


class SourceContract(ABC):
    """What holds for every source, with or without a network."""

    source: Source
    target: str  #: Has at least two pages.
    max_posts = 500

    @abstractmethod
    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as the platform does."""

    def walk(self, cursor: str | None = None) -> Walk:
        """Return the walk that the tests take."""
        return Walk(target=self.target, max_posts=self.max_posts, cursor=cursor)

    async def pages(self, cursor: str | None = None) -> list[Page]:
        """Read all pages from a cursor on."""
        return await collect(self.source, self.walk(cursor), run(self.answer))

    def test_says_what_it_is(self) -> None:
        """Title, help and examples are there, and the examples are targets."""
        info = self.source.info

        assert info.title
        assert info.target_help.endswith(".")
        assert info.examples
        for example in info.examples:
            assert self.source.normalise(example)

    def test_normalises_once(self) -> None:
        """A normalised target stays as it is."""
        target = self.source.normalise(self.target)

        assert self.source.normalise(target) == target

    def test_refuses_an_empty_target(self) -> None:
        """Nothing is no target, and the refusal is a sentence."""
        with pytest.raises(TargetError, match=r"\.$"):
            self.source.normalise("")

    async def test_posts_have_ids_of_their_own(self) -> None:
        """No post comes twice, and each has an id."""
        ids = [post.id for post in posts_of(await self.pages())]

        assert all(ids)
        assert len(set(ids)) == len(ids)

    async def test_times_are_aware(self) -> None:
        """A time without a zone would mean something else on each machine."""
        times = [post.created_time for post in posts_of(await self.pages())]

        assert any(times)
        assert all(time is None or time.tzinfo is not None for time in times)

    async def test_each_page_is_newest_first(self) -> None:
        """A task that wants ten posts wants the ten newest; pins and odd orders change nothing."""
        for page in await self.pages():
            times = [post.created_time for post in page.posts if post.created_time is not None]
            assert times == sorted(times, reverse=True)

    async def test_texts_can_be_stored(self) -> None:
        """PostgreSQL takes neither NUL nor lone surrogates."""
        for post in posts_of(await self.pages()):
            for text in (post.id, post.message, post.author, post.url):
                assert "\0" not in (text or "")
                (text or "").encode()

    async def test_goes_on_from_every_cursor(self) -> None:
        """From each cursor ever given, the same posts follow as without an interruption."""
        whole = await self.pages()
        assert len(whole) > 1

        for number, page in enumerate(whole[:-1], start=1):
            assert page.next_cursor is not None
            rest = await self.pages(page.next_cursor)
            assert [post.id for post in posts_of(rest)] == [
                post.id for post in posts_of(whole[number:])
            ]

    async def test_only_the_last_page_has_no_cursor(self) -> None:
        """No cursor means that the source itself said that it ends."""
        cursors = [page.next_cursor for page in await self.pages()]

        assert cursors[-1] is None
        assert None not in cursors[:-1]


class HttpSourceContract(SourceContract):
    """What holds for every source that asks a platform."""

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as the platform does for a target without posts."""
        raise NotImplementedError

    def hosts(self) -> set[str | None]:
        """Name the hosts that the target's calls go to: that of the budget, if no others."""
        return {self.source.host(self.source.normalise(self.target))}

    def test_says_where_its_facts_come_from(self) -> None:
        """The platform's documents, when they were read, and what the code was tried on."""
        info = self.source.info

        assert urlsplit(info.documentation or "").scheme == "https"
        assert info.read_on is not None
        assert info.verified is not None
        assert info.rate is not None

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (401, errors.SourceAuthRequired),
            (404, errors.SourceNotFound),
            (410, errors.SourceNotFound),
            (429, errors.SourceRateLimited),
            (500, errors.SourceUnavailable),
            (503, errors.SourceUnavailable),
        ],
    )
    async def test_names_what_a_status_means(
        self, status: int, kind: type[errors.SourceError]
    ) -> None:
        """Each status that a platform refuses with is the error that says so."""
        http = run(lambda _: httpx2.Response(status))

        with pytest.raises(kind) as caught:
            await collect(self.source, self.walk(), http)

        assert caught.value.status == status

    async def test_a_wall_is_no_answer(self) -> None:
        """A page for people with status 403 means that we are blocked."""
        http = run(lambda _: httpx2.Response(403, html=WALL))

        with pytest.raises(errors.SourceBlocked):
            await collect(self.source, self.walk(), http)

    @pytest.mark.parametrize("content", [WALL, "", "garbage", '{"unexpected": [1, 2', "[]"])
    async def test_garbage_is_an_error(self, content: str) -> None:
        """What is not as documented never passes for a source without posts."""
        http = run(lambda _: httpx2.Response(200, text=content))

        with pytest.raises((errors.SourceBadReply, errors.SourceBlocked)) as caught:
            await collect(self.source, self.walk(), http)

        assert caught.value.excerpt == content

    async def test_empty_is_honest(self) -> None:
        """A target without posts is read to its end, without an error."""
        pages = await collect(self.source, self.walk(), run(self.empty))

        assert posts_of(pages) == []
        assert pages[-1].next_cursor is None

    async def test_a_dead_connection_is_named(self) -> None:
        """A platform that cannot be reached is unavailable, with its address."""

        def refuse(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("refused", request=request)

        with pytest.raises(errors.SourceUnavailable) as caught:
            await collect(self.source, self.walk(), run(refuse))

        assert caught.value.retryable
        assert caught.value.address

    async def test_calls_its_host_alone(self) -> None:
        """Every call goes to the platform's own hosts."""
        hosts: set[str] = set()

        def note(request: httpx2.Request) -> httpx2.Response:
            hosts.add(request.url.host)
            return self.answer(request)

        await collect(self.source, self.walk(), run(note))

        assert hosts == self.hosts()
