import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import Answer, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.source import Page, SourcePost, Walk
from workers.sources.hackernews import HackernewsSource

DATA = Path(__file__).parent / "data" / "hackernews"
INDEX = "hn.algolia.com"
FIREBASE = "hacker-news.firebaseio.com"

ITEMS: dict[str, Any] = {
    "30": {"id": 30, "score": 41, "descendants": 7},
    "29": {"id": 29, "score": 6},
    "28": None,
    "27": {"id": 27, "dead": True},
}


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def item(request: httpx2.Request) -> httpx2.Response:
    """Answer as Firebase does."""
    number = request.url.path.rpartition("/")[2].removesuffix(".json")
    return httpx2.Response(200, text=json.dumps(ITEMS.get(number)))


async def read(target: str, answer: Answer) -> list[Page]:
    """Read a target to its end."""
    return await collect(HackernewsSource(), Walk(target=target, max_posts=500), run(answer))


class TestStories(HttpSourceContract):
    """Three stories of the same second, and one that was killed, over two pages."""

    source = HackernewsSource()
    target = "newest"

    def hosts(self) -> set[str | None]:
        """Name the index and Firebase."""
        return {INDEX, FIREBASE}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages and the stories."""
        if request.url.host == FIREBASE:
            return item(request)
        assert request.url.path == "/api/v1/search_by_date"
        assert request.url.params["tags"] == "story"
        later = request.url.params.get("numericFilters") == "created_at_i<=1777881600"
        return httpx2.Response(200, json=sample(f"stories-{2 if later else 1}.json"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a list without stories."""
        del request
        return httpx2.Response(200, json={"hits": [], "nbHits": 0})


async def test_reads_stories_with_the_counts_of_now() -> None:
    """The index gives the text, Firebase the counts; killed stories are left out."""
    first, second = await TestStories().pages()

    late, bus = first.posts
    assert late == SourcePost(
        id="30",
        message="The ferry is late",
        author="ana",
        url="https://news.ycombinator.com/item?id=30",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        likes=41,
        comments=7,
    )
    assert bus.message == "Ask HN: Which bus?\n\n1 < 2\n\nOr not?"
    assert (bus.likes, bus.comments) == (6, 0)
    (crane,) = second.posts
    assert (crane.likes, crane.comments) == (None, None), "Firebase does not know it yet"
    assert second.skipped == {"dead": 1}


async def test_posts_of_one_second_are_neither_lost_nor_repeated() -> None:
    """The cursor holds the second and what was given of it."""
    first, second = await TestStories().pages()

    assert first.next_cursor == "1777881600:29,30"
    assert [post.id for post in posts_of([first, second])] == ["30", "29", "28"]


async def test_comments_have_no_points() -> None:
    """And cost no call each."""
    asked: list[httpx2.URL] = []
    hit = {
        "objectID": "31",
        "created_at_i": 1777881600,
        "comment_text": "I &amp; you",
        "author": "bo",
        "points": None,
        "story_id": 30,
        "story_title": "The ferry is late",
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(200, json={"hits": [hit], "nbHits": 1})

    (page,) = await read("item/30", answer)

    (post,) = page.posts
    assert (post.message, post.likes, post.comments) == ("I & you", None, None)
    assert [url.params["tags"] for url in asked] == ["comment,story_30"]


@pytest.mark.parametrize("target", ["user/nobody", "item/999"])
async def test_what_does_not_exist_is_not_taken_for_empty(target: str) -> None:
    """The index finds nothing either way; Firebase says null."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == FIREBASE:
            return httpx2.Response(200, text="null")
        return httpx2.Response(200, json={"hits": [], "nbHits": 0})

    with pytest.raises(errors.SourceNotFound):
        await read(target, answer)


@pytest.mark.parametrize("cursor", ["x", "1777881600", "1:a", ":1", "9" * 40])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that no page gave is an error, not a crash."""
    walk = Walk(target="newest", max_posts=1, cursor=cursor)

    with pytest.raises(errors.SourceBadReply):
        await collect(HackernewsSource(), walk, run(TestStories().answer))


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("Newest", "newest"),
        ("https://news.ycombinator.com/", "front"),
        ("https://news.ycombinator.com/news", "front"),
        ("https://news.ycombinator.com/newest", "newest"),
        ("https://news.ycombinator.com/ask", "ask"),
        ("https://news.ycombinator.com/user?id=pg", "user/pg"),
        ("https://news.ycombinator.com/submitted?id=pg", "user/pg"),
        ("https://news.ycombinator.com/item?id=8863", "item/8863"),
        ("https://hn.algolia.com/?q=late+ferry", "search/late ferry"),
        ("search/late  ferry", "search/late ferry"),
    ],
)
def test_what_people_paste_is_understood(written: str, target: str) -> None:
    """Lists, accounts, stories and searches."""
    assert HackernewsSource().normalise(written) == target


@pytest.mark.parametrize("written", ["best", "user/", "item/x", "search/ ", "user/a b", "x/y"])
def test_what_is_none_is_refused(written: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        HackernewsSource().normalise(written)


def test_others_addresses_are_left_to_others() -> None:
    """Only its own two hosts are taken."""
    for address in ("https://example.org/newest", "newest", "https://news.ycombinator.com/login"):
        assert HackernewsSource().recognise(address) is None
