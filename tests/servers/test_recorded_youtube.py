from typing import Any

import httpx2
import pytest

from tests.servers import recordings
from tests.sources.contract import collect, run
from workers import errors
from workers.source import Page, Walk
from workers.sources.youtube import YouTubeSource

pytestmark = recordings.needed

SOURCE = YouTubeSource({"youtube_api_key": "key"})
NOTHING: dict[str, Any] = {"items": []}


async def read(target: str, **replies: Any) -> list[Page]:
    """Read a target from one reply for each kind of call, and nothing after it."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        kind = request.url.path.rpartition("/")[2]
        reply = NOTHING if request.url.params.get("pageToken") else replies[kind]
        return httpx2.Response(200, json=reply)

    return await collect(SOURCE, Walk(target=target, max_posts=100), run(answer))


@pytest.mark.parametrize(
    "name", ["videos_info_multi", "videos_chart_paged_1", "videos_myrating_paged_1"]
)
async def test_videos_are_read_whole(name: str) -> None:
    """All of a reply, in the playlist's order."""
    videos = recordings.load("youtube", f"videos/{name}.json")
    ids = [video["id"] for video in videos["items"]][::-1]
    items = {"items": [{"contentDetails": {"videoId": one}} for one in ids]}

    pages = await read("playlist/PLaaaaaaaa", playlistItems=items, videos=videos)

    assert [post.id for post in recordings.require_whole(pages)] == ids


async def test_one_reply_is_as_it_was_checked_by_hand() -> None:
    """What a video says of itself, but for what was written of it."""
    videos = recordings.load("youtube", "videos/videos_info_multi.json")
    items = {"items": [{"contentDetails": {"videoId": "D-lhorsDlUQ"}}]}

    ((first, *_), *_) = [
        page.posts for page in await read("playlist/PLaaaaaaaa", playlistItems=items, videos=videos)
    ]

    assert first.url == "https://www.youtube.com/watch?v=D-lhorsDlUQ"
    assert str(first.created_time) == "2019-03-21 20:37:49+00:00"
    assert first.author == "Google Developers"
    # Statistics were not asked for when this was recorded.
    assert (first.likes, first.comments) == (None, None)


async def test_playlists_are_read_whole() -> None:
    """Each item leads to a video, which is looked for."""
    items = recordings.load("youtube", "playlist_items/playlist_items_paged_1.json")

    pages = await read("playlist/PLaaaaaaaa", playlistItems=items, videos=NOTHING)

    assert pages[0].skipped == {"unavailable": len(items["items"])}


@pytest.mark.parametrize("name", ["by_video_paged_1", "multi"])
async def test_comments_are_read_whole(name: str) -> None:
    """All of a reply."""
    threads = recordings.load("youtube", f"comment_threads/comment_threads_{name}.json")

    pages = await read("video/aaaaaaaaaaa", commentThreads=threads)

    posts = recordings.require_whole(pages)
    assert [post.id for post in posts] == [thread["id"] for thread in threads["items"]]


async def test_a_refusal_is_named() -> None:
    """No permission, with a reason that no document lists."""
    refusal = recordings.load("youtube", "error_permission_resp.json")
    reply = httpx2.Response(403, json=refusal)

    with pytest.raises(errors.SourcePrivate):
        await collect(SOURCE, Walk(target="video/aaaaaaaaaaa", max_posts=100), run(lambda _: reply))
