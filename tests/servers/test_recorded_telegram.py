import httpx2

from tests.servers import recordings
from tests.sources.contract import collect, run
from workers.source import Walk
from workers.sources.telegram import TelegramSource

pytestmark = recordings.needed


async def test_a_preview_page_is_read_whole() -> None:
    """Text beside withheld media is read; a post of which all is withheld is left out."""
    (path,) = recordings.files("telegram", "telegram-test-channel.html")
    html = path.read_text(encoding="utf-8")
    empty = '<html><section class="tgme_channel_history"></section></html>'
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params.get("before"))
        return httpx2.Response(200, html=empty if asked[-1] else html)

    pages = await collect(
        TelegramSource({"telegram_preview": "on"}),
        Walk(target="test_channel", max_posts=100),
        run(answer),
    )

    forwarded, photos = recordings.require_whole(pages)
    assert asked == [None, "1001"]
    assert pages[0].skipped == {"withheld": 1}
    assert (forwarded.id, photos.id) == ("test_channel/1010", "test_channel/1001")
    assert forwarded.author == photos.author == "Test_Channel"
    assert str(forwarded.created_time) == "2026-01-31 09:41:27+00:00"
    assert (forwarded.message or "").count("- ") == 3
    assert (photos.message or "").endswith("Telegram | Admin")
