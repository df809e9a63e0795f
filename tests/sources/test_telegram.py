from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import HttpSourceContract, collect, run
from workers import errors
from workers.source import SourcePost, SourceState, Walk
from workers.sources.telegram import TelegramSource

DATA = Path(__file__).parent / "data" / "telegram"
SOURCE = TelegramSource({"telegram_preview": "on"})
WALK = Walk(target="harbour_news", max_posts=500)


def sample(name: str) -> httpx2.Response:
    """Return a written page."""
    return httpx2.Response(200, html=(DATA / f"{name}.html").read_text(encoding="utf-8"))


class TestContract(HttpSourceContract):
    """A channel with an older page."""

    source = SOURCE
    target = "harbour_news"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages."""
        assert request.url.path == "/s/harbour_news"
        return sample("page-2" if request.url.params.get("before") == "21" else "page-1")

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a channel without posts."""
        del request
        return sample("empty")


async def test_reads_posts_newest_first() -> None:
    """The text without what it answers, polls by their question, and no count that is not told."""
    first, second = await TestContract().pages()

    assert first.posts == [
        SourcePost(
            id="Harbour_News/24",
            message="Which day suits you?",
            author="Harbour News",
            url="https://t.me/Harbour_News/24",
            created_time=datetime(2026, 5, 3, 9, tzinfo=UTC),
        ),
        SourcePost(
            id="Harbour_News/22",
            message="The ferry is late ⛴\n\nTake the bus & wait.",
            author="Harbour News",
            url="https://t.me/Harbour_News/22",
            created_time=datetime(2026, 5, 3, 8, 35, 56, tzinfo=UTC),
        ),
    ]
    assert first.skipped == {"withheld": 1}
    document, photo = second.posts
    assert (document.message, document.created_time) == ("timetable.pdf", None)
    assert (photo.id, photo.message) == ("Harbour_News/2", None)
    assert second.skipped == {"service": 1}


async def test_a_channel_without_preview_is_named() -> None:
    """Telegram leads to the channel's card."""

    def redirect(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/s/"):
            return httpx2.Response(302, headers={"location": "https://t.me/harbour_news"})
        return sample("card")

    with pytest.raises(errors.SourcePreviewUnavailable, match="no posts of harbour_news"):
        await collect(SOURCE, WALK, run(redirect))


async def test_a_page_that_leads_to_itself_is_the_last() -> None:
    """Otherwise it would be read for ever."""
    pages = await collect(SOURCE, WALK, run(lambda _: sample("page-1")))

    assert len(pages) == 2
    assert pages[1].posts == []


@pytest.mark.parametrize(
    ("right", "wrong"), [('data-before="21"', 'data-before="x"'), ("News/22", "News/x")]
)
async def test_a_changed_page_is_an_error(right: str, wrong: str) -> None:
    """What is no number where there has to be one is not passed over."""
    page = (DATA / "page-1.html").read_text(encoding="utf-8").replace(right, wrong)

    with pytest.raises(errors.SourceBadReply, match="promise"):
        await collect(SOURCE, WALK, run(lambda _: httpx2.Response(200, html=page)))


@pytest.mark.parametrize(
    "address",
    [
        "https://t.me/s/Harbour_News",
        "https://t.me/harbour_news",
        "t.me/harbour_news/22?single",
        "https://telegram.me/harbour_news",
    ],
)
def test_understands_pasted_addresses(address: str) -> None:
    """A channel, its preview, or one of its posts."""
    whole = address if address.startswith("http") else f"https://{address}"
    recognised = SOURCE.recognise(whole)

    assert recognised is not None
    assert SOURCE.normalise(recognised) == "harbour_news"


@pytest.mark.parametrize(
    "address",
    [
        "https://t.me/joinchat/AAAA",
        "https://t.me/+abcdef",
        "https://t.me/c/12345/6",
        "https://t.me/",
        "https://example.org/s/harbour_news",
    ],
)
def test_leaves_other_addresses_to_others(address: str) -> None:
    """Invitations, private chats and other sites."""
    assert SOURCE.recognise(address) is None


@pytest.mark.parametrize("target", ["abc", "1channel", "a b c d", "channel/12", "+abcdef", "é" * 6])
def test_refuses_what_is_no_target(target: str) -> None:
    """With a sentence that says what one looks like."""
    with pytest.raises(TargetInvalid, match="such as telegram:durov"):
        SOURCE.normalise(target)


async def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that it never gave is an error, not a crash."""
    for cursor in ("", "x", "0", "-1", "٣"):
        walk = Walk(target="harbour_news", max_posts=1, cursor=cursor)
        with pytest.raises(errors.SourceBadReply):
            await collect(SOURCE, walk, run(TestContract().answer))


@pytest.mark.parametrize("value", ["", "off", "no"])
def test_is_off_until_it_is_switched_on(value: str) -> None:
    """The preview is no documented API, so an administrator decides."""
    source = TelegramSource({"telegram_preview": value})

    assert source.state is SourceState.NEEDS_KEY
    assert [setting.variable for setting in source.missing] == ["SLUICE_TELEGRAM_PREVIEW"]


def test_a_switch_is_no_credential() -> None:
    """The pages are read as a visitor, and counted as a visitor's."""
    assert SOURCE.state is SourceState.OPEN
    assert SOURCE.auth_mode == "anonymous"
    assert SOURCE.budget_key("harbour_news") == "t.me"
