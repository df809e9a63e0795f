import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import WALL, Answer, HttpSourceContract, collect, run
from workers import errors
from workers.source import Page, SourcePost, Walk
from workers.sources.wordpress import WordpressSource

DATA = Path(__file__).parent / "data" / "wordpress"
TARGET = "harbour.example"
API = "/wp-json/wp/v2"


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def listing(entries: Any, *, pages: int = 1) -> httpx2.Response:
    """Return a page as the API heads it."""
    return httpx2.Response(200, json=entries, headers={"x-wp-totalpages": str(pages)})


def trouble(status: int, code: str) -> httpx2.Response:
    """Return a refusal of the API."""
    return httpx2.Response(status, json={"code": code, "message": "No.", "data": {}})


async def read(answer: Answer, target: str = TARGET, *, max_posts: int = 2) -> list[Page]:
    """Read a target to its end."""
    return await collect(WordpressSource(), Walk(target=target, max_posts=max_posts), run(answer))


class TestPosts(HttpSourceContract):
    """A site with three posts, on pages of two."""

    source = WordpressSource()
    target = TARGET
    max_posts = 2

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve posts, and the comments that they have."""
        params = request.url.params
        if request.url.path == f"{API}/comments":
            counted = [{"id": 1, "post": 9}, {"id": 2, "post": 9}, {"id": 1, "post": 9}]
            return listing(counted if "9" in params["post"].split(",") else [])
        assert request.url.path == f"{API}/posts"
        assert params["per_page"] == "2"
        return listing(sample(f"posts-{params['page']}.json"), pages=2)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a site that published nothing."""
        del request
        return listing([], pages=0)


class TestComments(HttpSourceContract):
    """A site with five comments, whose proxy takes the headers out."""

    source = WordpressSource()
    target = "harbour.example/news#comments"
    max_posts = 2

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve comments."""
        assert request.url.path == f"/news{API}/comments"
        newest = 5 - (int(request.url.params["page"]) - 1) * 2
        return httpx2.Response(
            200,
            json=[
                {
                    "id": number,
                    "date_gmt": f"2026-05-0{number}T08:00:00",
                    "author_name": "x<y",
                    "content": {"rendered": f"<p>Comment {number} &amp; no more</p>"},
                    "link": f"https://harbour.example/news/#comment-{number}",
                }
                for number in range(newest, max(newest - 2, 0), -1)
            ],
        )

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a site without comments."""
        del request
        return listing([], pages=0)


async def test_reads_posts() -> None:
    """Text from HTML, times that are UTC without saying so, comments counted once each."""
    first, second = await TestPosts().pages()

    late, crane = first.posts
    assert late == SourcePost(
        id="9",
        message="Ferry late & full\n\nThe ferry is late.\n\nTake the bus.",
        author="Ana & Bo",
        url="https://harbour.example/2026/05/ferry/",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        comments=2,
    )
    assert (crane.message, crane.author, crane.comments) == ("New crane", None, 0)
    (untitled,) = second.posts
    assert (untitled.message, untitled.created_time) == ("No title", None)
    assert (untitled.likes, untitled.comments, untitled.shares) == (None, 0, None)


async def test_reads_comments() -> None:
    """Names hold no tags, however they look."""
    first, *_ = await TestComments().pages()

    assert first.posts[0] == SourcePost(
        id="5",
        message="Comment 5 & no more",
        author="x<y",
        url="https://harbour.example/news/#comment-5",
        created_time=datetime(2026, 5, 5, 8, tzinfo=UTC),
    )


async def test_comments_that_are_closed_are_unknown() -> None:
    """Not none: nobody may count them."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == f"{API}/comments":
            return trouble(401, "rest_cannot_read")
        return listing(sample("posts-1.json"))

    (page,) = await read(answer)

    assert [post.comments for post in page.posts] == [None, None]


async def test_too_many_comments_are_unknown() -> None:
    """Counting ends after twenty pages."""
    calls = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        if request.url.path == f"{API}/comments":
            calls += 1
            return listing([{"id": calls, "post": 9}], pages=1000)
        return listing(sample("posts-1.json"))

    (page,) = await read(answer)

    assert calls == 20
    assert [post.comments for post in page.posts] == [None, None]


async def test_a_site_without_readable_addresses_is_reached_by_a_query() -> None:
    """Both ways lead to the same API, and a cursor remembers which."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/":
            return httpx2.Response(404, html=WALL)
        params = request.url.params
        if params["rest_route"] == "/wp/v2/comments":
            return listing([])
        return listing(sample(f"posts-{params['page']}.json"), pages=2)

    first, second = await read(answer)

    assert first.next_cursor == "query:2:2"
    assert [post.id for post in (*first.posts, *second.posts)] == ["9", "8", "7"]


async def test_a_site_of_another_kind_is_not_found() -> None:
    """Also if it answers every query with its front page."""
    with pytest.raises(errors.SourceNotFound, match="no WordPress site"):
        await read(
            lambda request: httpx2.Response(200 if request.url.path == "/" else 404, html=WALL)
        )
    with pytest.raises(errors.SourceNotFound, match="no WordPress site"):
        await read(lambda _: trouble(404, "rest_no_route"))


async def test_a_page_that_deletions_took_away_is_the_end() -> None:
    """The API refuses pages past its last."""
    walk = Walk(target=TARGET, max_posts=2, cursor="path:3:2")
    answer: Answer = lambda _: trouble(400, "rest_post_invalid_page_number")  # noqa: E731 - one line

    (page,) = await collect(WordpressSource(), walk, run(answer))

    assert page == Page(posts=[])
    with pytest.raises(errors.SourceBadReply):
        await read(lambda _: trouble(400, "rest_invalid_param"))


@pytest.mark.parametrize("cursor", ["x", "2", "path:0:2", "path:1:101", "other:1:1", "path:1"])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that no page gave is an error, not a crash."""
    walk = Walk(target=TARGET, max_posts=1, cursor=cursor)

    with pytest.raises(errors.SourceBadReply):
        await collect(WordpressSource(), walk, run(lambda _: listing([])))


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("Example.org", "example.org"),
        ("https://example.org/blog/", "example.org/blog"),
        ("example.org/blog#comments", "example.org/blog#comments"),
        ("example.org#posts", "example.org"),
        ("https://example.org/wp-json", "example.org"),
        ("https://example.org/blog/wp-json/wp/v2/posts?page=2", "example.org/blog"),
        ("https://example.org/wp-json/wp/v2/comments", "example.org#comments"),
        ("http://127.0.0.1:8910", "http://127.0.0.1:8910"),
    ],
)
def test_what_people_paste_is_understood(written: str, target: str) -> None:
    """Sites, folders, and the API's own addresses."""
    assert WordpressSource().normalise(written) == target


@pytest.mark.parametrize(
    "written", ["example", "example.org#likes", "example.org/a/../b", "#", "/"]
)
def test_what_is_none_is_refused(written: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        WordpressSource().normalise(written)


def test_any_sites_addresses_are_left_to_others() -> None:
    """Nobody can tell by an address what software a site runs."""
    for address in ("https://example.org/", "https://example.org/2026/05/x/", "example.org"):
        assert WordpressSource().recognise(address) is None
