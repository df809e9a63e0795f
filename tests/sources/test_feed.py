from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import TargetInvalid
from tests.sources.contract import HttpSourceContract, collect, posts_of, run
from workers.errors import SourceBadReply
from workers.source import Page, SourcePost, Walk
from workers.sources.feed import FeedSource

DATA = Path(__file__).parent / "data" / "feed"
ADDRESS = "https://example.org/feed"


def sample(name: str) -> bytes:
    """Return a written sample."""
    return (DATA / name).read_bytes()


async def read(content: bytes | str, *, content_type: str = "application/xml") -> list[Page]:
    """Read one document as a feed."""
    data = content.encode() if isinstance(content, str) else content
    reply = httpx2.Response(200, content=data, headers={"content-type": content_type})
    return await collect(FeedSource(), Walk(target=ADDRESS, max_posts=500), run(lambda _: reply))


async def posts(content: bytes | str, *, content_type: str = "application/xml") -> list[SourcePost]:
    """Return the posts of one document."""
    return posts_of(await read(content, content_type=content_type))


def rss(items: str, *, prolog: str = "") -> str:
    """Build an RSS document."""
    return f'{prolog}<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'


class TestAtom(HttpSourceContract):
    """An Atom feed with an older page."""

    source = FeedSource()
    target = "https://example.org/atom"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages."""
        page = request.url.params.get("page", "1")
        return httpx2.Response(200, content=sample(f"atom-{page}.xml"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a feed without entries."""
        del request
        return httpx2.Response(
            200, text='<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id></feed>'
        )


class TestJsonFeed(HttpSourceContract):
    """A JSON Feed with an older page."""

    source = FeedSource()
    target = "https://example.org/feed.json"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages."""
        page = request.url.params.get("page", "1")
        return httpx2.Response(200, content=sample(f"feed-{page}.json"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a feed without items."""
        del request
        return httpx2.Response(
            200, json={"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": []}
        )


async def test_reads_rss() -> None:
    """Content before description, names before addresses, and no count that is not stated."""
    (page,) = await read(sample("rss.xml"))

    ferry, crane, bare = page.posts
    assert ferry == SourcePost(
        id="harbour-1",
        message="Ferry late & full\n\nThe ferry is late.\n\nTake the\nbus.",
        author="Ana Lima",
        url="https://example.org/ferry",
        created_time=datetime(2026, 6, 1, 8, tzinfo=UTC),
        comments=4,
    )
    assert crane.message == "New crane\n\nIt lifts 80 tonnes."
    assert crane.author == "Bo Berg"
    assert (crane.likes, crane.comments, crane.shares) == (None, None, None)
    assert (bare.message, bare.created_time, bare.url) == ("No link and no date", None, None)
    assert page.skipped == {"empty": 1}


async def test_reads_atom() -> None:
    """Several authors, the feed's author for entries without one, and links made whole."""
    third, second = await posts(sample("atom-1.xml").replace(b"/atom?page=2", b""))

    assert second.message == "Second day: 1 < 2\n\nRain, all day."
    assert second.author == "Emil, Fay"
    assert second.url == "https://example.org/diary/2"
    assert second.created_time == datetime(2026, 6, 2, 7, tzinfo=UTC)
    assert second.comments == 7
    assert (third.author, third.message) == ("Dora", "Third day\n\nSun.")


async def test_reads_rss_1() -> None:
    """RDF, in the charset that its declaration says."""
    (post,) = await posts(sample("rdf.xml"))

    assert post.message == "Crème brûlée\n\nA recipe."
    assert post.author == "Chloé"
    assert post.created_time == datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


async def test_reads_json_feed() -> None:
    """Numbers as ids, wrong types as if absent, and the feed's author as the last resort."""
    source = TestJsonFeed()

    first, second = await source.pages()

    seven, six, five = first.posts
    assert (seven.id, seven.message, seven.author) == ("7", "Seven\n\nA chair.", "Hal, Ida")
    assert seven.created_time == datetime(2026, 6, 7, 5, tzinfo=UTC)
    assert (six.message, six.author) == ("A short note.", "Gus")
    assert (five.url, five.created_time) == ("https://example.com/5", None)
    assert first.skipped == {"empty": 1}
    assert [(post.author, post.created_time) for post in second.posts] == [
        ("Jo", datetime(2026, 6, 4, 4, tzinfo=UTC))
    ]


async def test_the_newest_come_first_if_all_have_times() -> None:
    """A feed that is written oldest first is turned round; without times it stays as it is."""
    dated = rss(
        "<item><guid>urn:old</guid><pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate></item>"
        "<item><guid>urn:new</guid><pubDate>Tue, 02 Jun 2026 10:00:00 GMT</pubDate></item>"
    )
    undated = dated.replace("<pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate>", "")

    assert [post.id for post in await posts(dated)] == ["urn:new", "urn:old"]
    assert [post.id for post in await posts(undated)] == ["urn:old", "urn:new"]


async def test_a_post_without_id_keeps_its_identity() -> None:
    """The same link or title gives the same id whenever it is read, and another one another."""
    linked = "<item><title>a</title><link>https://example.org/{}</link></item>"

    first = await posts(rss(linked.format(1) + linked.format(2)))
    again = await posts(rss(linked.format(0) + linked.format(1) + linked.format(2)))

    assert [post.id for post in first] == [post.id for post in again[1:]]
    assert len({post.id for post in again}) == 3


async def test_repeated_posts_are_dropped_and_counted() -> None:
    """Feeds list a post twice, on one page or on two."""
    item = "<item><guid>urn:1</guid><title>a</title></item>"

    (page,) = await read(rss(item * 3))

    assert [post.id for post in page.posts] == ["urn:1"]
    assert page.skipped == {"repeated": 2}


async def test_a_long_id_is_replaced() -> None:
    """An index takes no key of a megabyte."""
    (post,) = await posts(rss(f"<item><guid>{'x' * 100_000}</guid><title>a</title></item>"))

    assert len(post.id) == 32


async def test_a_web_page_is_told_from_a_feed() -> None:
    """The error names the feed that the page advertises."""
    with pytest.raises(SourceBadReply, match=r"web page.*https://example\.org/rss\.xml\.$"):
        await read(sample("page.html"), content_type="text/html")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("<html><body>x</body></html>", "web page"),
        ("<?xml version='1.0'?><opml/>", "no RSS or Atom feed"),
        ('{"items": []}', "no JSON Feed"),
        ("{", "no JSON Feed"),
        (rss("<item><title>a</title></item>")[:-20], "cut off"),
    ],
)
async def test_what_is_no_feed_is_named(content: str, reason: str) -> None:
    """Each says in a sentence what came instead."""
    with pytest.raises(SourceBadReply, match=reason):
        await read(content)


async def test_a_malformed_feed_is_read_all_the_same() -> None:
    """Stray ampersands and unclosed tags are everyday; the document's end shows it is whole."""
    (post,) = await posts(sample("malformed.xml"))

    assert post.url == "https://example.org/b"
    assert post.message is not None
    assert post.message.startswith("Bread & butter")


async def test_asks_for_news_only_when_told_to() -> None:
    """A fresh task reads the whole; one that wants what is new may be told that nothing is."""
    asked: list[httpx2.Headers] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers)
        if request.headers.get("if-none-match") == '"1"':
            return httpx2.Response(304)
        return httpx2.Response(
            200, text=rss("<item><title>a</title></item>"), headers={"etag": '"1"'}
        )

    (fresh,) = await collect(FeedSource(), Walk(target=ADDRESS, max_posts=9), run(answer))
    walk = Walk(target=ADDRESS, max_posts=9, validators=fresh.validators)
    (again,) = await collect(FeedSource(), walk, run(answer))

    assert "if-none-match" not in asked[0]
    assert fresh.validators == {"etag": '"1"'}
    assert again == Page(not_modified=True, validators=fresh.validators)


async def test_older_pages_are_always_read_whole() -> None:
    """What is known of the newest page says nothing of an older one."""
    asked: list[httpx2.Headers] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers)
        return TestAtom().answer(request)

    known = {"etag": '"1"', "last_modified": "Mon, 01 Jun 2026 10:00:00 GMT"}
    walk = Walk(target=TestAtom.target, max_posts=9, validators=known)
    await collect(FeedSource(), walk, run(answer))
    cursor = "https://example.org/atom?page=2"
    later = Walk(target=TestAtom.target, max_posts=9, cursor=cursor, validators=known)
    await collect(FeedSource(), later, run(answer))

    assert ["if-none-match" in headers for headers in asked] == [True, False, False]
    assert ["if-modified-since" in headers for headers in asked] == [True, False, False]


@pytest.mark.parametrize("following", ["file:///etc/hostname", "javascript:x", "http://"])
async def test_the_next_page_is_on_the_web(following: str) -> None:
    """A feed cannot send us elsewhere."""
    atom = sample("atom-1.xml").replace(b"/atom?page=2", following.encode())

    with pytest.raises(SourceBadReply, match="next page"):
        await read(atom)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("https://Example.org/Feed.xml#top", "https://example.org/Feed.xml"),
        ("//example.org/feed", "https://example.org/feed"),
        ("http://example.org:8080/?a=1&b=2", "http://example.org:8080/?a=1&b=2"),
    ],
)
def test_targets_are_addresses(written: str, target: str) -> None:
    """The host in lower case, without a fragment."""
    assert FeedSource().normalise(written) == target


@pytest.mark.parametrize(
    "written",
    [
        "example.org/feed",
        "ftp://example.org/",
        "https://",
        "https://u:p@example.org/",
        "https://a b/",
        "https://[::1",
        "https://example.org:99999/",
        f"https://example.org/{'a' * 2000}",
    ],
)
def test_other_targets_are_refused(written: str) -> None:
    """With a sentence that says what an address looks like."""
    with pytest.raises(TargetInvalid, match=r"\.(xml\.)?"):
        FeedSource().normalise(written)


@given(st.text(max_size=60))
def test_normalising_never_crashes(written: str) -> None:
    """Any text is a target or a refusal, and a target stays as it is."""
    source = FeedSource()
    try:
        target = source.normalise(f"https://{written}")
    except TargetInvalid:
        return

    assert source.normalise(target) == target
    assert source.host(target)
