from datetime import timedelta

import httpx2
import pytest

from tasks.errors import TargetError
from tasks.ports import Preview
from tasks.rate import Rate
from tests.sources.contract import NOW, Answer, Clock
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.preview import SourcePreviewer

CATALOGUE = SourceCatalogue(credentials={"vk_access_token": "token"})
FEED = """<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id>
<entry><id>1</id><title>One</title></entry><entry><id>2</id><title>Two</title></entry></feed>"""


def previewer(answer: Answer, *, rates: dict[str, Rate] | None = None) -> SourcePreviewer:
    """Return a previewer whose platforms are `answer`."""
    clock = Clock()
    client = HttpClient(
        version="0", transport=httpx2.MockTransport(answer), now=clock, sleep=clock.sleep
    )
    return SourcePreviewer(CATALOGUE, client, rates=rates)


def wall(size: int, *, count: int = 10_000) -> Answer:
    """Answer as VK does for a wall of `count` posts, `size` of them on a page."""
    items = [{"id": number, "owner_id": -1} for number in range(1, size + 1)]
    reply = {"response": {"count": count, "items": items}}
    return lambda _: httpx2.Response(200, json=reply)


async def test_a_short_list_is_known_whole() -> None:
    """One page that is the last: so many posts there are, at so many calls."""
    asked: list[httpx2.Request] = []

    def feed(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, text=FEED)

    preview = await previewer(feed).preview("feed:https://example.org/feed", 500)

    assert len(asked) == 1
    assert (preview.platform, preview.target) == ("feed", "https://example.org/feed")
    assert (preview.is_readable, preview.available, preview.calls) == (True, 2, 1)


async def test_a_long_list_is_worked_out_from_its_first_page() -> None:
    """500 posts at 40 a page are 13 calls."""
    preview = await previewer(wall(40)).preview("vk:club1", 500)

    assert (preview.is_readable, preview.available, preview.calls) == (True, None, 13)


async def test_the_hosts_rate_sets_how_long_it_takes() -> None:
    """The operator's, if it is slower than the source's."""
    slow = {"api.vk.com": Rate(calls=1, seconds=60, burst=1)}

    fast = await previewer(wall(100)).preview("vk:club1", 500)
    paced = await previewer(wall(100), rates=slow).preview("vk:club1", 500)

    assert fast.seconds == pytest.approx(4 * 0.35, abs=0.3)
    assert paced.seconds == pytest.approx(4 * 63, abs=0.3)


async def test_a_first_page_without_posts_tells_no_numbers() -> None:
    """There may be posts on the next one."""
    deleted = {"id": 1, "owner_id": -1, "is_deleted": True}
    reply = {"response": {"count": 9, "items": [deleted]}}

    preview = await previewer(lambda _: httpx2.Response(200, json=reply)).preview("vk:club1", 9)

    assert (preview.is_readable, preview.calls, preview.seconds) == (True, None, None)


async def test_what_cannot_be_read_says_why() -> None:
    """In the words that a task would fail with, and without raising."""
    preview = await previewer(lambda _: httpx2.Response(404)).preview(
        "feed:https://example.org/feed", 10
    )

    assert preview == Preview(
        platform="feed",
        target="https://example.org/feed",
        is_readable=False,
        error_code="SOURCE_NOT_FOUND",
        error_message="https://example.org/feed answered 404: there is nothing at this address.",
    )


async def test_a_limit_says_until_when() -> None:
    """It can be read, but not now."""
    refused = httpx2.Response(429, headers={"retry-after": "90"})

    preview = await previewer(lambda _: refused).preview("feed:https://example.org/feed", 10)

    assert preview.is_readable is False
    assert preview.retry_at == NOW + timedelta(seconds=90)


async def test_a_target_that_leads_nowhere_is_refused_as_by_create() -> None:
    """Nobody is asked."""
    with pytest.raises(TargetError):
        await previewer(lambda _: httpx2.Response(500)).preview("feed:not an address", 10)


async def test_a_source_without_a_network_is_previewed_too() -> None:
    """The sandbox takes no calls."""
    preview = await previewer(lambda _: httpx2.Response(500)).preview("sandbox:happy", 100)

    assert (preview.is_readable, preview.calls) == (True, 0)
    assert preview.seconds is not None


async def test_what_a_client_sends_is_asked_of_nobody() -> None:
    """There is no platform behind it."""

    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError(f"{request.url} was asked")

    preview = await previewer(nobody).preview("push:mine", 100)

    assert preview == Preview(platform="push", target="mine", is_readable=None)
