"""Feeds of real programs, RSS 2.0, Atom and RDF: each entry once, with its author and time.

What a feed holds is read a second time, by an XML parser alone, and compared.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError  # only types; defusedxml parses

import httpx2
import pytest
from defusedxml.ElementTree import fromstring

from tasks import models
from tests.servers.conftest import RunTask, Server, running

ATOM: Final = "{http://www.w3.org/2005/Atom}"
RSS1: Final = "{http://purl.org/rss/1.0/}"
RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC: Final = "{http://purl.org/dc/elements/1.1/}"


@pytest.fixture(scope="module")
def pelican(servers: Path) -> Iterator[Server]:
    """Start a Pelican site of 60 posts."""
    with running(servers / "feeds", ports=1, environment={"SEED_POSTS": "60"}) as server:
        yield server


@pytest.fixture(scope="module")
def wordpress(servers: Path) -> Iterator[Server]:
    """Start a WordPress site of 40 posts."""
    with running(servers / "wordpress", ports=2, environment={"SEED_POSTS": "40"}) as server:
        yield server


def entries(address: str) -> dict[str, tuple[str | None, datetime | None]]:
    """Return author and time of each entry of a feed, by its id."""
    root: Any = fromstring(httpx2.get(address, timeout=60).raise_for_status().content)
    if root.tag == f"{ATOM}feed":
        return {
            _text(entry, f"{ATOM}id") or "": (
                _text(entry, f"{ATOM}author/{ATOM}name"),
                _time(_text(entry, f"{ATOM}published") or _text(entry, f"{ATOM}updated")),
            )
            for entry in root.iter(f"{ATOM}entry")
        }
    if root.tag == f"{RDF}RDF":
        return {
            _text(item, f"{RSS1}link") or "": (
                _text(item, f"{DC}creator"),
                _time(_text(item, f"{DC}date")),
            )
            for item in root.iter(f"{RSS1}item")
        }
    return {
        _text(item, "guid") or "": (_text(item, f"{DC}creator"), _time(_text(item, "pubDate")))
        for item in root.iter("item")
    }


def _text(entry: Element, path: str) -> str | None:
    found = entry.find(path)
    return None if found is None or found.text is None else found.text.strip()


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = parsedate_to_datetime(text)
    return at.astimezone(UTC)


def check(
    task: models.Task,
    posts: list[models.Post],
    held: Mapping[str, tuple[str | None, datetime | None]],
) -> None:
    """Compare what was stored with what the feed holds."""
    assert {post.post_id: (post.author, post.created_time) for post in posts} == dict(held)
    assert all(post.message and "<p>" not in post.message for post in posts)
    assert task.receipt is not None
    assert (task.receipt["collected"], task.receipt["stop_reason"], task.receipt["complete"]) == (
        len(held),
        "end_of_source",
        True,
    )


async def test_every_feed_of_a_pelican_site_is_read_whole(
    pelican: Server, run_task: RunTask
) -> None:
    """All of its RSS and Atom feeds, whatever script the authors write in."""
    base = f"http://127.0.0.1:{pelican.port}/feeds"
    names = sorted(path.name for path in (pelican.state / "site" / "feeds").iterdir())
    assert len(names) >= 10

    for name in names:
        held = entries(f"{base}/{name}")
        task, posts = await run_task(f"feed:{base}/{name}")
        check(task, posts, held)


@pytest.mark.parametrize("path", ["/feed/", "/feed/atom/", "/feed/rdf/"])
async def test_the_feeds_of_a_wordpress_site_are_read_whole(
    wordpress: Server, run_task: RunTask, path: str
) -> None:
    """RSS 2.0, Atom and RDF, of a real WordPress."""
    address = f"http://127.0.0.1:{wordpress.port}{path}"

    held = entries(address)
    task, posts = await run_task(f"feed:{address}")

    assert held
    check(task, posts, held)


async def test_a_feed_that_is_no_xml_is_read_all_the_same(
    wordpress: Server, run_task: RunTask
) -> None:
    """WordPress writes some comments into their feed in a way that XML parsers refuse."""
    address = f"http://127.0.0.1:{wordpress.port}/comments/feed/"
    content = httpx2.get(address, timeout=60).raise_for_status().content
    with pytest.raises(ParseError):
        fromstring(content)

    _, posts = await run_task(f"feed:{address}")

    assert len(posts) == content.count(b"<item>") > 0
    assert all(post.author and post.created_time and post.message for post in posts)
