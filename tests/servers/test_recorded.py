"""Replies that real servers gave, recorded by others, read as the sources read them.

What is expected is worked out here in another way, since the replies are people's posts and are
not copied into this repository.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import yaml

from tests.sources.contract import run
from workers.errors import SourceAuthRequired, SourcePrivate
from workers.source import Page, Source, SourcePost, Walk
from workers.sources.bluesky import BlueskySource
from workers.sources.discourse import DiscourseSource
from workers.sources.mastodon import MastodonSource

FEEDS = {"getAuthorFeed": "actor", "getListFeed": "list", "getFeed": "feed"}


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded call and its reply."""

    name: str
    url: str
    reply: httpx2.Response

    @property
    def path(self) -> str:
        """Return the path that was asked for."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        """Return what it was asked with."""
        return {name: texts[0] for name, texts in parse_qs(urlsplit(self.url).query).items()}


def cassettes(folder: Path) -> Iterator[Recording]:
    """Read all recordings below a folder, of whichever of the two recorders."""
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        # The safe C reader: a recording is data.
        loaded: Any = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        found: list[dict[str, Any]] = loaded.get("interactions") or loaded["http_interactions"]
        for one in found:
            if one["request"]["method"].upper() != "GET":
                continue
            body: str | bytes = one["response"]["body"].get("string") or ""
            status: Any = one["response"]["status"]
            headers: dict[str, Any] = one["response"]["headers"]
            reply = httpx2.Response(
                status if isinstance(status, int) else status["code"],
                content=body if isinstance(body, bytes) else body.encode(),
                headers={
                    name.lower(): text if isinstance(text, str) else text[0]
                    for name, text in headers.items()
                    if name.lower() in {"link", "content-type", "ratelimit-reset"}
                },
            )
            yield Recording(name=path.name, url=one["request"]["uri"], reply=reply)


async def first_page(
    source: Source, target: str, cursor: str | None, reply: httpx2.Response
) -> Page:
    """Read one reply as the page of a target."""
    walk = Walk(target=target, max_posts=500, cursor=cursor)
    return await anext(aiter(source.pages(walk, run(lambda _: reply))))


def check_whole(posts: list[SourcePost]) -> None:
    """Require what every post has."""
    for post in posts:
        assert post.id
        assert post.message
        assert post.author
        assert post.created_time is not None


async def test_mastodons_listings_are_read(recorded: Path) -> None:
    """Timelines and accounts, with their next pages, of Mastodon itself."""
    read = 0
    for recording in cassettes(recorded / "mastodon"):
        is_listing = "/timelines/" in recording.path or recording.path.endswith("/statuses")
        if not is_listing or recording.reply.status_code != 200:
            continue
        expected = json.loads(recording.reply.content)
        cursor = f"{recording.path}?{urlsplit(recording.url).query}"

        page = await first_page(MastodonSource(), "localhost/public", cursor, recording.reply)

        own = [one for one in expected if one["reblog"] is None]
        visible = [one for one in own if one["visibility"] in {"public", "unlisted"}]
        assert [post.id for post in page.posts] == [one["id"] for one in visible], recording.name
        check_whole(list(page.posts))
        assert [(post.likes, post.comments, post.shares) for post in page.posts] == [
            (one["favourites_count"], one.get("replies_count"), one["reblogs_count"])
            for one in visible
        ]
        assert [post.created_time for post in page.posts] == [
            datetime.fromisoformat(one["created_at"]) for one in visible
        ]
        if expected:
            assert page.next_cursor is not None
            assert expected[-1]["id"] in page.next_cursor
        else:
            assert page.next_cursor is None
        read += 1
    assert read >= 20


async def test_a_recorded_hashtag_is_walked_to_its_end(recorded: Path) -> None:
    """Page after page by the recorded links, each post once."""
    folder = recorded / "mastodon"
    pages = {
        recording.query.get("max_id", ""): recording.reply
        for recording in cassettes(folder)
        if recording.name == "test_pagination_iterator.yaml"
        and "/timelines/tag/" in recording.path
        and "min_id" not in recording.query
    }
    instance = httpx2.Response(404)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/v2/instance":
            return instance
        return pages[request.url.params.get("max_id", "")]

    source = MastodonSource()
    walk = Walk(target="localhost/#x", max_posts=500)
    walked = [page async for page in source.pages(walk, run(answer))]

    ids = [post.id for page in walked for post in page.posts]
    expected = [one["id"] for reply in pages.values() for one in json.loads(reply.content)]
    assert len(ids) == len(set(ids)) == 30
    assert sorted(ids) == sorted(expected)
    assert ids == sorted(ids, key=int, reverse=True)


async def test_a_recorded_timeline_reads_as_its_html(recorded: Path) -> None:
    """The text of simple posts is what is left of their HTML without its tags."""
    (recording,) = [
        one
        for one in cassettes(recorded / "mastodon")
        if one.name == "test_public_tl.yaml" and one.path.endswith("/public") and not one.query
    ]
    expected = {
        one["id"]: unescape(one["content"].removeprefix("<p>").removesuffix("</p>"))
        for one in json.loads(recording.reply.content)
        if one["content"].count("<") == 2
    }

    page = await first_page(
        MastodonSource(), "localhost/public", f"{recording.path}?", recording.reply
    )

    assert expected
    read = {post.id: post.message for post in page.posts}
    assert {number: read[number] for number in expected} == expected


async def test_recorded_switches_are_read(recorded: Path) -> None:
    """`/api/v2/instance` of Mastodon itself, also of one whose timelines are closed."""
    read = 0
    for recording in cassettes(recorded / "mastodon"):
        if not recording.path.rstrip("/").endswith("/api/v2/instance"):
            continue
        access = json.loads(recording.reply.content)["configuration"].get("timelines_access", {})
        is_open = access.get("live_feeds", {}).get("local", "public") == "public"

        def answer(request: httpx2.Request, reply: httpx2.Response = recording.reply) -> Any:
            if request.url.path == "/api/v2/instance":
                return reply
            return httpx2.Response(200, json=[])

        walk = Walk(target="localhost/public/local", max_posts=1)
        pages: list[Page] = []
        with suppress(SourcePrivate, SourceAuthRequired):
            pages = [page async for page in MastodonSource().pages(walk, run(answer))]
        assert bool(pages) == is_open
        read += 1
    assert read


async def test_blueskys_listings_are_read(recorded: Path) -> None:
    """A custom feed and a list's feed of Bluesky itself."""
    read = 0
    for recording in cassettes(recorded / "bluesky"):
        method = recording.path.rpartition(".")[2]
        if method not in FEEDS:
            continue
        expected = json.loads(recording.reply.content)
        target = BlueskySource().normalise(recording.query[FEEDS[method]])

        page = await first_page(BlueskySource(), target, None, recording.reply)

        items = [
            item
            for item in expected["feed"]
            if method == "getFeed" or not str(item.get("reason", "")).count("reasonRepost")
        ]
        unique = {item["post"]["uri"]: item["post"] for item in items}
        assert {post.id for post in page.posts} == unique.keys()
        assert page.next_cursor == expected.get("cursor")
        check_whole(list(page.posts))
        for post in page.posts:
            theirs = unique[post.id]
            assert post.author == theirs["author"]["handle"]
            assert (post.likes, post.comments, post.shares) == (
                theirs["likeCount"],
                theirs["replyCount"],
                theirs["repostCount"],
            )
            if theirs["record"]["text"]:
                assert post.message == theirs["record"]["text"]
        read += 1
    assert read == 2


def discourse(folder: Path) -> dict[str, Any]:
    """Return the recorded replies of a forum by their file's name."""
    return {path.name: json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


async def test_a_recorded_topic_is_read(recorded: Path) -> None:
    """The posts that each reply holds, with likes, answers and links as they stand in it."""
    replies = discourse(recorded / "discourse")
    assert len(replies) == 4
    for name, reply in replies.items():
        given = {post["id"]: post for post in reply["post_stream"]["posts"]}
        # The walk goes from the end; here it ends with the newest that the reply holds.
        body = {"post_stream": {**reply["post_stream"], "stream": sorted(given)}}

        page = await first_page(
            DiscourseSource(), "forum.example/t/2108", None, httpx2.Response(200, json=body)
        )

        ordinary = {
            number: post
            for number, post in given.items()
            if post["post_type"] == 1 and not post["hidden"] and not post["user_deleted"]
        }
        assert [int(post.id) for post in page.posts] == sorted(ordinary, reverse=True)[:20], name
        check_whole(list(page.posts))
        for post in page.posts:
            theirs = ordinary[int(post.id)]
            likes = sum(act["count"] for act in theirs["actions_summary"] if act["id"] == 2)
            assert (post.likes, post.comments) == (likes, theirs["reply_count"])
            assert post.author == theirs["username"]
            assert post.created_time == datetime.fromisoformat(theirs["created_at"])
            assert (post.url or "").endswith(theirs["post_url"])
            assert "<p>" not in (post.message or "")


async def test_a_recorded_topics_other_posts_are_asked_for(recorded: Path) -> None:
    """From the last of its 446 posts on, twenty at a time."""
    opening = discourse(recorded / "discourse")["t_2108_post_452.json"]
    stream = opening["post_stream"]["stream"]
    asked: list[list[int]] = []
    example = opening["post_stream"]["posts"][0]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/posts.json"):
            return httpx2.Response(200, json=opening)
        wanted = [int(one) for one in request.url.params.get_list("post_ids[]")]
        asked.append(wanted)
        posts = [{**example, "id": one} for one in wanted]
        return httpx2.Response(200, json={"post_stream": {"posts": posts}})

    walk = Walk(target="forum.example/t/2108", max_posts=500)
    pages = [page async for page in DiscourseSource().pages(walk, run(answer))]

    read = [int(post.id) for page in pages for post in page.posts]
    assert len(stream) == 446
    assert set(read) <= set(stream)
    assert all(len(wanted) <= 20 for wanted in asked)
    left_out = sum(sum(page.skipped.values()) for page in pages)
    assert len(read) + left_out == 446


@pytest.mark.parametrize("status", [401, 404])
async def test_recorded_refusals_are_errors(recorded: Path, status: int) -> None:
    """Whatever Mastodon refused with is never taken for an empty page."""
    for recording in cassettes(recorded / "mastodon"):
        if recording.reply.status_code == status:
            with pytest.raises(Exception, match=r"answered|wants"):
                await first_page(
                    MastodonSource(), "localhost/public", "/api/v1/timelines/x", recording.reply
                )
