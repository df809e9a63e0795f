import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import recordings
from tests.sources.contract import collect, posts_of, run
from workers import errors
from workers.source import Page, Walk
from workers.sources.reddit import RedditSource

pytestmark = recordings.needed

SOURCE = RedditSource(
    {"reddit_client_id": "id", "reddit_client_secret": "secret", "reddit_username": "name"}
)
LISTINGS = ("test_rising", "test_downvoted", "test_hidden", "test_saved")
REFUSALS = ("test_opt_out", "test_upvoted__other_user")


def last_reply(path: Path) -> httpx2.Response:
    """Return the last reply of a recording."""
    recording: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    response = recording["interactions"][-1]["response"]
    headers = {name: values[0] for name, values in response["headers"].items()}
    # The recorder stored the body decoded.
    for name in ("Content-Encoding", "Transfer-Encoding", "Content-Length"):
        headers.pop(name, None)
    return httpx2.Response(
        response["status"]["code"], content=response["body"]["string"], headers=headers
    )


async def read(reply: httpx2.Response) -> list[Page]:
    """Read a listing as a subreddit's first page, with an empty one after it."""
    empty = '{"kind": "Listing", "data": {"children": [], "after": null}}'

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "www.reddit.com":
            return httpx2.Response(200, json={"access_token": "token"})
        return httpx2.Response(200, text=empty) if request.url.params.get("after") else reply

    return await collect(SOURCE, Walk(target="python", max_posts=100), run(answer))


@pytest.mark.parametrize("name", LISTINGS)
async def test_listings_are_read_whole(name: str) -> None:
    """Every entry of a listing is a post, or was left out for a reason."""
    (path,) = recordings.files("reddit", f"*.{name}.json")
    reply = last_reply(path)
    children = json.loads(reply.text)["data"]["children"]

    pages = await read(reply)

    posts = recordings.require_whole(pages)
    skipped = sum(number for page in pages for number in page.skipped.values())
    assert len(posts) + skipped == len(children)
    # Of comments, replies of that time do not say where they are.
    addresses = [post.url or "" for post in posts if post.id.startswith("t3_")]
    assert all(address.startswith("https://www.reddit.com/r/") for address in addresses)


async def test_one_listing_is_as_it_was_checked_by_hand() -> None:
    """What a page's first post says of itself, but for what its author wrote."""
    (path,) = recordings.files("reddit", "*.test_rising.json")

    first, *rest = posts_of(await read(last_reply(path)))

    assert len(rest) == 99
    assert first.id == "t3_4a5czu"
    assert str(first.created_time) == "2016-03-12 20:30:55+00:00"
    # Its score was hidden, and crossposts were not invented yet.
    assert (first.likes, first.comments, first.shares) == (None, 4, None)


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals_are_named(name: str) -> None:
    """What is not for us is private, in both forms that were recorded."""
    (path,) = recordings.files("reddit", f"*.{name}.json")

    with pytest.raises(errors.SourcePrivate):
        await read(last_reply(path))
