import json

from tests.servers.recordings import cassettes, first_page, needed, require_whole
from workers.sources.bluesky import BlueskySource

pytestmark = needed

#: The listings, and the parameter that names what is listed.
FEEDS = {"getAuthorFeed": "actor", "getListFeed": "list", "getFeed": "feed"}


async def test_blueskys_listings_are_read() -> None:
    """A custom feed and a list's feed of Bluesky itself."""
    read = 0
    for recording in cassettes("bluesky"):
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
        require_whole([page])
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
