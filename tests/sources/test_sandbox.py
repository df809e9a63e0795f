import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import Clock, SourceContract, collect, posts_of, run
from workers.errors import SourceBadReply, SourceNotFound, SourcePrivate, SourceRateLimited
from workers.source import Page, Walk
from workers.sources.sandbox import SandboxSource


def nobody(request: httpx2.Request) -> httpx2.Response:
    """Fail the test: the sandbox asks nobody."""
    raise AssertionError(f"the sandbox called {request.url}")


async def read(target: str, *, cursor: str | None = None, max_posts: int = 500) -> list[Page]:
    """Read a sandbox target to its end."""
    walk = Walk(target=target, max_posts=max_posts, cursor=cursor)
    return await collect(SandboxSource(), walk, run(nobody))


class TestContract(SourceContract):
    """The sandbox is a source like any other."""

    source = SandboxSource()
    target = "happy"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Never come to it."""
        return nobody(request)


async def test_every_author_is_the_sandbox() -> None:
    """Nobody takes invented posts for real ones."""
    assert {post.author for post in posts_of(await read("happy"))} == {"Sluice sandbox"}
    assert SandboxSource().auth_mode == "sandbox"


async def test_any_other_target_behaves_as_happy() -> None:
    """A client's own group ids can be tried, and have posts of their own."""
    happy, other = await read("happy"), await read("123456")

    assert [len(page.posts) for page in other] == [len(page.posts) for page in happy]
    assert not {post.id for post in posts_of(other)} & {post.id for post in posts_of(happy)}


async def test_posts_are_the_same_whenever_read() -> None:
    """A run that is repeated collects what the first one did."""
    assert await read("happy") == await read("happy")


async def test_posts_come_newest_first() -> None:
    """As from every source."""
    times = [post.created_time for post in posts_of(await read("happy")) if post.created_time]

    assert times == sorted(times, reverse=True)


async def test_instant_has_all_wanted_posts_on_one_page() -> None:
    """No waiting and no paging, for tests that want a result at once."""
    http = run(nobody)
    walk = Walk(target="instant", max_posts=37)

    first = await anext(aiter(SandboxSource().pages(walk, http)))

    assert len(first.posts) == 37
    assert http.waited_seconds == 0


@pytest.mark.parametrize("max_posts", [10, 99, 500])
async def test_slow_takes_ten_pages_of_a_second_each(max_posts: int) -> None:
    """There is time to watch it, to cancel it and to kill its worker."""
    http = run(nobody)
    collected = pages = 0

    async for page in SandboxSource().pages(Walk(target="slow", max_posts=max_posts), http):
        pages += 1
        collected += len(page.posts)
        if collected >= max_posts:
            break

    assert pages >= 10
    assert http.waited_seconds == pages


async def test_fails_after_120_posts() -> None:
    """A failure that no second try cures, with posts collected before it."""
    before: list[Page] = []
    walk = Walk(target="fails-after-120", max_posts=500)

    with pytest.raises(SourcePrivate) as caught:
        await collect(SandboxSource(), walk, run(nobody), into=before)

    assert len(posts_of(before)) == 120
    assert not caught.value.retryable


async def test_not_found_is_not_there() -> None:
    """No post at all, and a code that says why."""
    with pytest.raises(SourceNotFound):
        await read("not-found")


async def test_empty_is_read_to_its_end() -> None:
    """One page without posts, after which the source says that nothing follows."""
    assert await read("empty") == [Page()]


async def test_rate_limited_refuses_until_its_time_and_then_gives_all() -> None:
    """The refusal's time lies in the cursor, so a restart neither forgets nor repeats it."""
    clock, source, first = Clock(), SandboxSource(), list[Page]()
    walk = Walk(target="rate-limited", max_posts=500)
    with pytest.raises(SourceRateLimited) as caught:
        await collect(source, walk, run(nobody, clock), into=first)
    (opening,) = first
    again = Walk(target="rate-limited", max_posts=500, cursor=opening.next_cursor)

    with pytest.raises(SourceRateLimited) as early:
        await collect(source, again, run(nobody, clock))
    await clock.sleep(9)
    pages = await collect(source, again, run(nobody, clock))

    assert early.value.retry_at == caught.value.retry_at
    assert opening.posts == ()
    assert len(posts_of(pages)) == 500


@pytest.mark.parametrize("cursor", ["x", "-1", "500", "limited:soon", "٣", "9" * 5000, ""])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that the sandbox never gave is an error, not a crash."""
    target = "rate-limited" if cursor.startswith("limited") else "happy"

    with pytest.raises(SourceBadReply):
        await read(target, cursor=cursor)


@pytest.mark.parametrize("target", ["", "a" * 101, "a\nb"])
def test_odd_targets_are_refused(target: str) -> None:
    """Any short printable text is a target, and nothing else."""
    with pytest.raises(TargetInvalid):
        SandboxSource().normalise(target)
