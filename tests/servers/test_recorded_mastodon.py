import json
from contextlib import suppress
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.servers.recordings import cassettes, first_page, needed, require_whole
from tests.sources.contract import run
from workers.errors import SourceAuthRequired, SourcePrivate
from workers.source import Page, Walk
from workers.sources.mastodon import MastodonSource

pytestmark = needed


async def test_mastodons_listings_are_read() -> None:
    """Timelines and accounts, with their next pages, of Mastodon itself."""
    read = 0
    for recording in cassettes("mastodon"):
        is_listing = "/timelines/" in recording.path or recording.path.endswith("/statuses")
        if not is_listing or recording.reply.status_code != 200:
            continue
        expected = json.loads(recording.reply.content)
        cursor = f"{recording.path}?{urlsplit(recording.url).query}"

        page = await first_page(MastodonSource(), "localhost/public", cursor, recording.reply)

        own = [one for one in expected if one["reblog"] is None]
        visible = [one for one in own if one["visibility"] in {"public", "unlisted"}]
        assert [post.id for post in page.posts] == [one["id"] for one in visible], recording.name
        if visible:
            require_whole([page])
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


async def test_a_recorded_hashtag_is_walked_to_its_end() -> None:
    """Page after page by the recorded links, each post once."""
    pages = {
        recording.query.get("max_id", ""): recording.reply
        for recording in cassettes("mastodon")
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


async def test_a_recorded_timeline_reads_as_its_html() -> None:
    """The text of simple posts is what is left of their HTML without its tags."""
    (recording,) = [
        one
        for one in cassettes("mastodon")
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


async def test_recorded_switches_are_read() -> None:
    """`/api/v2/instance` of Mastodon itself, also of one whose timelines are closed."""
    read = 0
    for recording in cassettes("mastodon"):
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


@pytest.mark.parametrize("status", [401, 404])
async def test_recorded_refusals_are_errors(status: int) -> None:
    """Whatever Mastodon refused with is never taken for an empty page."""
    for recording in cassettes("mastodon"):
        if recording.reply.status_code == status:
            with pytest.raises(Exception, match=r"answered|wants"):
                await first_page(
                    MastodonSource(), "localhost/public", "/api/v1/timelines/x", recording.reply
                )
