from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import NOW, HttpSourceContract, collect, run
from workers import errors
from workers.source import SourcePost, SourceState, Walk
from workers.sources.vk import VkSource

DATA = Path(__file__).parent / "data" / "vk"
SOURCE = VkSource({"vk_access_token": "secret-token"})
WALK = Walk(target="harbour", max_posts=500)


def answer(request: httpx2.Request) -> httpx2.Response:
    """Answer as the API does, for one wall."""
    asked = request.url.params
    assert request.headers["authorization"] == "Bearer secret-token"
    assert (asked["domain"], asked["v"], asked["extended"]) == ("harbour", "5.199", "1")
    page = 2 if asked["offset"] == "3" else 1
    return httpx2.Response(200, content=(DATA / f"wall-{page}.json").read_bytes())


class TestContract(HttpSourceContract):
    """A community's wall."""

    source = SOURCE
    target = "harbour"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for the wall."""
        return answer(request)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for an empty wall."""
        del request
        return httpx2.Response(200, text='{"response": {"count": 0, "items": []}}')


async def test_reads_posts() -> None:
    """The pinned post at its place, signed posts by their author, bare reposts left out."""
    first, second = await TestContract().pages()

    assert first.posts == [
        SourcePost(
            id="-77_21",
            message="The ferry is late.\n\nTake the bus.",
            author="Ana Lima",
            url="https://vk.com/wall-77_21",
            created_time=datetime(2026, 5, 3, 9, 20, tzinfo=UTC),
            likes=41,
            comments=12,
            shares=3,
        ),
        SourcePost(
            id="-77_3",
            message="Pinned: the rules",
            author="Harbour",
            url="https://vk.com/wall-77_3",
            created_time=datetime(2026, 4, 24, 3, 6, 40, tzinfo=UTC),
            likes=900,
            comments=0,
            shares=1,
        ),
    ]
    assert first.skipped == {"repost": 1}
    assert second.posts == [SourcePost(id="-77_18", author="9", url="https://vk.com/wall-77_18")]
    assert second.skipped == {"deleted": 1}


async def test_a_wall_by_number_is_asked_for_by_number() -> None:
    """A community's is below zero."""
    asked: list[httpx2.URL] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return TestContract().empty(request)

    await collect(SOURCE, Walk(target="-77", max_posts=7), run(note))

    assert asked[0].params["owner_id"] == "-77"
    assert asked[0].params["count"] == "7"
    assert "domain" not in asked[0].params


async def test_a_wall_that_says_it_goes_on_without_posts_has_ended() -> None:
    """The count includes posts that nobody may see."""
    reply = '{"response": {"count": 9, "items": []}}'

    (page,) = await collect(SOURCE, WALK, run(lambda _: httpx2.Response(200, text=reply)))

    assert page.next_cursor is None


@pytest.mark.parametrize(
    ("code", "kind", "seconds"),
    [
        (5, errors.SourceAuthRequired, None),
        (6, errors.SourceRateLimited, 1),
        (9, errors.SourceRateLimited, 300),
        (10, errors.SourceUnavailable, None),
        (15, errors.SourcePrivate, None),
        (18, errors.SourceNotFound, None),
        (19, errors.SourcePrivate, None),
        (29, errors.SourceRateLimited, 3600),
        (30, errors.SourcePrivate, None),
        (42, errors.SourceBlocked, None),
        (100, errors.SourceNotFound, None),
        (9999, errors.SourceBadReply, None),
    ],
)
async def test_refusals_are_read_from_the_body(
    code: int, kind: type[errors.SourceError], seconds: int | None
) -> None:
    """Their status is 200."""
    reply = {"error": {"error_code": code, "error_msg": "Access denied"}}

    with pytest.raises(kind) as caught:
        await collect(SOURCE, WALK, run(lambda _: httpx2.Response(200, json=reply)))

    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert caught.value.retry_at == expected


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("https://vk.com/Harbour", "harbour"),
        ("https://m.vk.com/club77", "-77"),
        ("https://vk.ru/public77?w=wall-77_21", "-77"),
        ("https://vk.com/wall-77_21", "-77"),
        ("https://vk.com/id5", "5"),
    ],
)
def test_understands_pasted_addresses(written: str, target: str) -> None:
    """A community, a person, or one of their posts."""
    recognised = SOURCE.recognise(written)

    assert recognised is not None
    assert SOURCE.normalise(recognised) == target


@pytest.mark.parametrize("address", ["https://vk.com/", "https://vk.com/feed", "https://x.org/vk"])
def test_leaves_other_addresses_to_others(address: str) -> None:
    """Another site, or what is no wall."""
    assert SOURCE.recognise(address) is None


@pytest.mark.parametrize("target", ["a b", "-", "0", "x/y", "é" * 4, "1" * 40])
def test_refuses_what_is_no_target(target: str) -> None:
    """With a sentence that says what one looks like."""
    with pytest.raises(TargetInvalid, match="such as vk:club1"):
        SOURCE.normalise(target)


async def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that it never gave is an error, not a crash."""
    for cursor in ("", "x", "-1", "٣", "9" * 5000):
        with pytest.raises(errors.SourceBadReply):
            await collect(SOURCE, Walk(target="harbour", max_posts=1, cursor=cursor), run(answer))


def test_is_off_until_it_is_configured() -> None:
    """It says which variable turns it on."""
    source = VkSource()

    assert source.state is SourceState.NEEDS_KEY
    assert [setting.variable for setting in source.missing] == ["SLUICE_VK_ACCESS_TOKEN"]
