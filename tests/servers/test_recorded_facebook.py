import json
from pathlib import Path

import httpx2
import pytest

from tests.servers import recordings
from tests.sources.contract import collect, run
from workers import errors
from workers.source import Page, Walk
from workers.sources.facebook import FacebookSource

pytestmark = recordings.needed

SOURCE = FacebookSource({"facebook_access_token": "token"})


async def read(*replies: Path) -> list[Page]:
    """Read the pages of a list one after the other."""
    left = list(replies)

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert "access_token" not in request.url.params
        return httpx2.Response(200, content=left.pop(0).read_bytes())

    return await collect(SOURCE, Walk(target="page", max_posts=100), run(answer))


@pytest.mark.parametrize("name", ["feed_fields", "feeds_default_fields"])
async def test_lists_are_read_whole(name: str) -> None:
    """Lists that are paged by cursor, and those that are paged by time."""
    first, second = recordings.files("facebook", f"posts/{name}_p[12].json")
    listed = [
        post["id"] for path in (first, second) for post in json.loads(path.read_text())["data"]
    ]

    posts = recordings.require_whole(await read(first, second))

    assert [post.id for post in posts] == list(dict.fromkeys(listed))


async def test_one_list_is_as_it_was_checked_by_hand() -> None:
    """What a page's posts say of themselves, but for what was written in them."""
    pages = await read(*recordings.files("facebook", "posts/feeds_default_fields_p[12].json"))

    first = pages[0].posts[0]
    assert first.id == "19292868552_10158349356748553"
    assert str(first.created_time) == "2021-07-09 19:09:52+00:00"
    assert first.url == "https://www.facebook.com/19292868552/posts/10158349356748553/"
    assert [post.shares for post in pages[0].posts] == [10, 6, 15, 16, 15]


async def test_a_refusal_says_what_is_missing() -> None:
    """A Page that the token may not read."""
    (path,) = recordings.files("facebook", "base/error_data.json")
    reply = httpx2.Response(400, content=path.read_bytes())

    with pytest.raises(errors.SourcePrivate, match="pages_read_engagement"):
        await collect(SOURCE, Walk(target="page", max_posts=100), run(lambda _: reply))
