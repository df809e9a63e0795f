import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import WALL, Answer, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.source import Page, SourcePost, Walk
from workers.sources.discourse import DiscourseSource

DATA = Path(__file__).parent / "data" / "discourse"
FORUM = "forum.example"


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def written(number: int, **more: Any) -> dict[str, Any]:
    """Return a post; its id is a thousand more than its number."""
    return {
        "id": 1000 + number,
        "post_number": number,
        "post_type": 1,
        "username": "ana",
        "created_at": f"2026-05-01T08:{number:02}:00.000Z",
        "cooked": f"<p>Post <b>{number}</b></p>",
        "reply_count": 0,
        "actions_summary": [],
        "topic_id": 12,
        "topic_slug": "ferry",
        **more,
    }


def stream(posts: list[dict[str, Any]], ids: list[int] | None = None) -> httpx2.Response:
    """Return a topic."""
    body: dict[str, Any] = {"posts": posts}
    return httpx2.Response(
        200, json={"post_stream": body | ({} if ids is None else {"stream": ids})}
    )


async def read(target: str, answer: Answer) -> list[Page]:
    """Read a target to its end."""
    return await collect(DiscourseSource(), Walk(target=target, max_posts=500), run(answer))


class TestLatest(HttpSourceContract):
    """A list of topics on two pages, one of them gone meanwhile."""

    source = DiscourseSource()
    target = f"{FORUM}/latest"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve the list and the topics' first posts."""
        path = request.url.path
        if path in {"/latest.json", "/latest"}:
            assert request.url.params["order"] == "created"
            assert request.headers["accept"] == "application/json"
            return httpx2.Response(200, json=sample(f"latest-{1 if path[-1] == 'n' else 2}.json"))
        if path == "/t/11.json":
            return httpx2.Response(404, json={"errors": ["gone"], "error_type": "not_found"})
        likes = [{"id": 2, "count": 4}, {"id": 3, "count": 9}]
        return stream([written(1, actions_summary=likes, username="bo"), written(2)], [1001, 1002])

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a forum without topics."""
        del request
        return httpx2.Response(200, json={"topic_list": {"topics": []}})


class TestTopic(HttpSourceContract):
    """A topic of 45 posts."""

    source = DiscourseSource()
    target = f"{FORUM}/t/12"
    ids = tuple(range(1001, 1046))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve the first posts with all ids, and others by their ids."""
        if request.url.path == "/t/12.json":
            return stream([written(number) for number in range(1, 21)], list(self.ids))
        assert request.url.path == "/t/12/posts.json"
        wanted = [int(one) for one in request.url.params.get_list("post_ids[]")]
        assert len(wanted) <= 20
        return stream([written(one - 1000) for one in wanted])

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a topic whose posts are all gone."""
        del request
        return stream([], [])


class TestPosts(HttpSourceContract):
    """A forum's posts, with a gap that is not for visitors."""

    source = DiscourseSource()
    target = f"{FORUM}/posts"
    ids = (*range(1, 31), *range(120, 180))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve what lies in a span of fifty ids, the named one included, as Discourse does."""
        assert request.url.path == "/posts.json"
        last = int(request.url.params.get("before", "179"))
        found = [one for one in reversed(self.ids) if last - 50 < one <= last]
        posts = [written(1, id=one) for one in found]
        return httpx2.Response(200, json={"latest_posts": posts})

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a forum without posts."""
        del request
        return httpx2.Response(200, json={"latest_posts": []})


async def test_reads_topics_with_their_first_posts() -> None:
    """Newest first in spite of pins; what is gone meanwhile is left out and counted."""
    first, second = await TestLatest().pages()

    ferry, welcome = first.posts
    assert ferry == SourcePost(
        id="12",
        message="The ferry & the bus\n\nPost 1",
        author="bo",
        url="https://forum.example/t/ferry/12",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        likes=4,
        comments=3,
    )
    assert (welcome.id, welcome.likes, welcome.comments) == ("3", 9, 0)
    assert first.skipped == {"deleted": 1}
    assert [(post.id, post.comments) for post in second.posts] == [("10", None)]


async def test_reads_a_topic_from_its_end() -> None:
    """The newest post first, each once."""
    pages = await TestTopic().pages()

    assert [len(page.posts) for page in pages] == [20, 20, 5]
    assert [post.id for post in posts_of(pages)] == [str(one) for one in range(1045, 1000, -1)]
    assert pages[0].posts[0] == SourcePost(
        id="1045",
        message="Post 45",
        author="ana",
        url="https://forum.example/t/ferry/12/45",
        created_time=datetime(2026, 5, 1, 8, 45, tzinfo=UTC),
        likes=0,
        comments=0,
    )


async def test_a_cursor_whose_post_is_gone_still_leads_on() -> None:
    """Posts are deleted between two pages."""
    walk = Walk(target=f"{FORUM}/t/12", max_posts=500, cursor="1006")

    def answer(request: httpx2.Request) -> httpx2.Response:
        del request
        return stream([written(number) for number in (1, 2, 3)], [1001, 1002, 1003, 1009])

    (page,) = await collect(DiscourseSource(), walk, run(answer))

    assert [post.id for post in page.posts] == ["1003", "1002", "1001"]


async def test_what_nobody_wrote_to_be_read_is_left_out() -> None:
    """Deleted and hidden posts, moderators' acts and whispers."""
    posts = [
        written(1, raw="As *written*"),
        written(2, user_deleted=True),
        written(3, hidden=True),
        written(4, post_type=3),
        written(5, post_type=4),
        written(6, deleted_at="2026-05-02T08:00:00Z", actions_summary=None),
    ]

    (page,) = await read(f"{FORUM}/t/12", lambda _: stream(posts, [post["id"] for post in posts]))

    assert [post.message for post in page.posts] == ["As *written*"]
    assert page.skipped == {"deleted": 2, "hidden": 1, "system": 1, "not_public": 1}


async def test_a_post_of_a_picture_alone_says_what_it_is() -> None:
    """Its description, and where it leads."""
    cooked = '<a href="https://example.org/film"><img src="/x.png" alt="" title="A film"></a>'

    (page,) = await read(f"{FORUM}/t/12", lambda _: stream([written(1, cooked=cooked)], [1001]))

    assert page.posts[0].message == "A film\nhttps://example.org/film"


async def test_a_gap_in_a_forums_posts_is_no_end() -> None:
    """A page spans ids, and may hold none that visitors may see."""
    pages = await TestPosts().pages()

    assert [int(post.id) for post in posts_of(pages)] == sorted(TestPosts.ids, reverse=True)
    assert any(not page.posts for page in pages)


async def test_a_wall_before_a_topic_is_no_deletion() -> None:
    """Else a blocked run would end as an empty one."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/latest.json":
            return httpx2.Response(200, json=sample("latest-2.json"))
        return httpx2.Response(403, html=WALL)

    with pytest.raises(errors.SourceBlocked):
        await read(f"{FORUM}/latest", answer)


@pytest.mark.parametrize(
    ("target", "cursor"),
    [("latest", "//far.example/"), ("latest", "x"), ("t/12", "x"), ("posts", "-1"), ("posts", "0")],
)
async def test_a_foreign_cursor_is_refused(target: str, cursor: str) -> None:
    """A cursor that no page gave is an error, not a crash."""
    walk = Walk(target=f"{FORUM}/{target}", max_posts=1, cursor=cursor)

    with pytest.raises(errors.SourceBadReply):
        await collect(DiscourseSource(), walk, run(lambda _: httpx2.Response(200, json={})))


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("meta.discourse.org", "meta.discourse.org/latest"),
        ("https://meta.discourse.org/latest", "meta.discourse.org/latest"),
        ("https://example.org/c/support/6", "example.org/c/support/6"),
        ("https://example.org/c/a/b/6/l/latest", "example.org/c/a/b/6"),
        ("https://example.org/t/the-ferry/12/3", "example.org/t/12"),
        ("https://forum.example/t/12", "forum.example/t/12"),
        ("https://forum.example/tag/ferry", "forum.example/tag/ferry"),
        ("https://forum.example/posts.json", "forum.example/posts"),
    ],
)
def test_what_people_paste_is_understood(typed: str, target: str) -> None:
    """Lists, categories, tags and topics."""
    assert DiscourseSource().normalise(typed) == target


@pytest.mark.parametrize("typed", ["support", "forum.example/u/ana", "forum.example/c/6", "/t/12"])
def test_what_is_none_is_refused(typed: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        DiscourseSource().normalise(typed)


@pytest.mark.parametrize(
    "address",
    [
        "https://lemmy.world/c/technology",
        "https://example.org/tag/ferry",
        "https://example.org/latest",
        "https://example.org/t/12",
        "https://example.org/posts",
        "https://example.org/",
    ],
)
def test_others_addresses_are_left_to_others(address: str) -> None:
    """Paths that any site may have are taken for hosts named like forums only."""
    assert DiscourseSource().recognise(address) is None
