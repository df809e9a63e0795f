import json
from datetime import datetime
from typing import Any

import httpx2

from tests.servers.recordings import files, first_page, needed, require_whole
from tests.sources.contract import run
from workers.source import Walk
from workers.sources.discourse import DiscourseSource

pytestmark = needed


def replies() -> dict[str, Any]:
    """Return the recorded replies of a forum by their file's name."""
    return {path.name: json.loads(path.read_bytes()) for path in files("discourse", "*.json")}


async def test_a_recorded_topic_is_read() -> None:
    """The posts that each reply holds, with likes, answers and links as they stand in it."""
    recorded = replies()
    assert len(recorded) == 4
    for name, reply in recorded.items():
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
        require_whole([page])
        for post in page.posts:
            theirs = ordinary[int(post.id)]
            likes = sum(act["count"] for act in theirs["actions_summary"] if act["id"] == 2)
            assert (post.likes, post.comments) == (likes, theirs["reply_count"])
            assert post.author == theirs["username"]
            assert post.created_time == datetime.fromisoformat(theirs["created_at"])
            assert (post.url or "").endswith(theirs["post_url"])
            assert "<p>" not in (post.message or "")


async def test_a_recorded_topics_other_posts_are_asked_for() -> None:
    """From the last of its 446 posts on, twenty at a time."""
    opening = replies()["t_2108_post_452.json"]
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
