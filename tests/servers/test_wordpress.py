from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers.conftest import RunTask, Server, by_id, read, read_interrupted, running
from workers.sources.wordpress import WordpressSource

SOURCE = WordpressSource()


@pytest.fixture(scope="module")
def server(servers: Path) -> Iterator[Server]:
    """Start WordPress with 120 posts."""
    environment = {"SEED_POSTS": "120"}
    with running(servers / "wordpress", ports=2, environment=environment) as server:
        yield server


@pytest.fixture
def site(server: Server) -> str:
    """Return the site as a target."""
    return f"http://127.0.0.1:{server.port}"


def held(site: str, kind: str) -> dict[str, Any]:
    """Return all that the site publishes of a kind, asked for one by one and oldest first."""
    found: dict[str, Any] = {}
    order = {"orderby": "id", "order": "asc", "per_page": "7"}
    with httpx2.Client(base_url=f"{site}/wp-json/wp/v2/", timeout=60) as client:
        page = 1
        while True:
            reply = client.get(kind, params={**order, "page": str(page)})
            found |= {str(one["id"]): one for one in reply.raise_for_status().json()}
            if page >= int(reply.headers["x-wp-totalpages"]):
                return found
            page += 1


async def test_the_posts_are_those_that_the_site_holds(server: Server, site: str) -> None:
    """Each once, with its time and number of comments; trashed ones and drafts are absent."""
    posts, comments = held(site, "posts"), held(site, "comments")
    counts = Counter(str(comment["post"]) for comment in comments.values())

    whole = by_id(await read(SOURCE, site, max_posts=17))
    interrupted = by_id(await read_interrupted(SOURCE, site, max_posts=17))

    assert whole.keys() == posts.keys()
    assert interrupted == whole
    assert str(server.seed["trashed"]) not in whole
    for number, post in whole.items():
        assert post.comments == counts[number]
        assert post.created_time == datetime.fromisoformat(posts[number]["date_gmt"]).replace(
            tzinfo=UTC
        )
        assert post.url == posts[number]["link"]
        assert post.likes is None
        assert post.shares is None
    assert whole[str(server.seed["edited"])].message == "Edited later\n\nedited"
    # One comment in twenty waits for approval, and is not public.
    assert whole[str(server.seed["post_with_130_comments"])].comments == 124


async def test_posts_come_newest_first(site: str) -> None:
    """Also the one that the site keeps on top of its front page."""
    posts = [post for page in await read(SOURCE, site, max_posts=50) for post in page.posts]
    times = [post.created_time for post in posts if post.created_time is not None]

    assert len(times) == len(posts)
    assert times == sorted(times, reverse=True)


async def test_the_comments_are_those_that_the_site_holds(site: str) -> None:
    """Each once, with who wrote it and what, however odd."""
    target = f"{site}#comments"
    comments = held(site, "comments")

    whole = by_id(await read(SOURCE, target, max_posts=100))
    interrupted = by_id(await read_interrupted(SOURCE, target, max_posts=100))

    assert whole.keys() == comments.keys()
    assert interrupted == whole
    assert {post.author for post in whole.values()} >= {"Zoë", "O'Neil", "محمد", "x<y"}
    assert any("12% & costs < 3%" in (post.message or "") for post in whole.values())


async def test_a_task_ends_with_all_of_it(site: str, run_task: RunTask) -> None:
    """Given back and claimed anew after every page, and complete by its receipt."""
    posts, comments = held(site, "posts"), held(site, "comments")

    task, stored = await run_task(f"wordpress:{site}")
    commented, stored_comments = await run_task(f"wordpress:{site}#comments")

    assert {post.post_id for post in stored} == posts.keys()
    assert {post.post_id for post in stored_comments} == comments.keys()
    assert task.attempt > 1
    assert commented.attempt > 1
    assert task.receipt is not None
    assert task.receipt["complete"] is True
    assert task.receipt["stop_reason"] == "end_of_source"
