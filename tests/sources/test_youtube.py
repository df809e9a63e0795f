from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import NOW, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.source import SourcePost, SourceState, Walk
from workers.sources.youtube import YouTubeSource

DATA = Path(__file__).parent / "data" / "youtube"
SOURCE = YouTubeSource({"youtube_api_key": "secret-key"})
VIDEO = "aaaaaaaaaa1"


def sample(name: str) -> bytes:
    """Return a written sample."""
    return (DATA / f"{name}.json").read_bytes()


def answer(request: httpx2.Request) -> httpx2.Response:
    """Answer as the API does, for one channel and one video with comments."""
    asked = request.url.params
    assert request.headers["x-goog-api-key"] == "secret-key"
    page = 2 if asked.get("pageToken") else 1
    match request.url.path.rpartition("/")[2]:
        case "channels":
            return httpx2.Response(200, content=sample("channels"))
        case "playlistItems":
            assert asked["playlistId"] == "UUharbourharbourharbour1"
            return httpx2.Response(200, content=sample(f"items-{page}"))
        case "videos":
            return httpx2.Response(200, content=sample("videos"))
        case _:
            assert asked["videoId"] == VIDEO
            return httpx2.Response(200, content=sample(f"threads-{page}"))


def refuse(status: int, reason: str, message: str = "No.") -> httpx2.Response:
    """Refuse as the API does."""
    causes = [{"message": message, "domain": "youtube.quota", "reason": reason}]
    return httpx2.Response(
        status, json={"error": {"code": status, "message": message, "errors": causes}}
    )


class TestVideos(HttpSourceContract):
    """A channel's videos."""

    source = SOURCE
    target = "@harbour"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for the channel."""
        return answer(request)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for a channel without videos."""
        if request.url.path.endswith("channels"):
            return answer(request)
        return httpx2.Response(200, json={"kind": "youtube#playlistItemListResponse", "items": []})


class TestComments(HttpSourceContract):
    """A video's comments."""

    source = SOURCE
    target = f"video/{VIDEO}"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for the video."""
        return answer(request)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for a video without comments."""
        del request
        return httpx2.Response(200, json={"kind": "youtube#commentThreadListResponse", "items": []})


async def test_reads_videos_with_their_counts() -> None:
    """In the playlist's order, hidden counts unknown, private and repeated videos left out."""
    first, second = await TestVideos().pages()

    assert first.posts == [
        SourcePost(
            id="aaaaaaaaaa1",
            message="Cranes & <b>ropes</b>\n\nFilmed in May.\n\nWith Ana Lima.",
            author="Harbour TV",
            url="https://www.youtube.com/watch?v=aaaaaaaaaa1",
            created_time=datetime(2026, 5, 3, 9, tzinfo=UTC),
            likes=312,
            comments=18,
        ),
        SourcePost(
            id="aaaaaaaaaa2",
            message="How a lock works",
            author="Harbour TV",
            url="https://www.youtube.com/watch?v=aaaaaaaaaa2",
            created_time=datetime(2026, 5, 2, 9, tzinfo=UTC),
        ),
    ]
    assert first.skipped == {"unavailable": 1}
    assert [post.id for post in second.posts] == ["aaaaaaaaaa4"]


async def test_a_playlist_that_grew_meanwhile_repeats_no_video() -> None:
    """A new video pushes the last of one page onto the next."""

    def grown(request: httpx2.Request) -> httpx2.Response:
        if request.url.params.get("pageToken") and request.url.path.endswith("playlistItems"):
            return httpx2.Response(200, content=sample("items-1").replace(b"nextPage", b"prevPage"))
        return answer(request)

    _, second = await collect(SOURCE, Walk(target="@harbour", max_posts=500), run(grown))

    assert second.posts == []
    assert second.skipped == {"repeated": 2, "unavailable": 1}


async def test_reads_comments_as_they_were_typed() -> None:
    """The original text where it is told, else what is shown; replies are counted."""
    one, two, three = posts_of(await TestComments().pages())

    assert one == SourcePost(
        id="UgzOne",
        message="Is that the old crane?\nIt looks new.",
        author="@bo-berg",
        url="https://www.youtube.com/watch?v=aaaaaaaaaa1&lc=UgzOne",
        created_time=datetime(2026, 5, 4, 10, tzinfo=UTC),
        likes=7,
        comments=2,
    )
    assert two.message == "Nice"
    assert (three.message, three.author, three.likes, three.comments) == (None,) * 4


@pytest.mark.parametrize(
    ("target", "parameter"),
    [
        ("@harbour", ("forHandle", "@harbour")),
        ("user/harbour", ("forUsername", "harbour")),
        ("UCharbourharbourharbour1", ("id", "UCharbourharbourharbour1")),
    ],
)
async def test_looks_a_channel_up_by_what_it_is(target: str, parameter: tuple[str, str]) -> None:
    """A handle, an old user name and an id are asked for differently, and once."""
    asked: list[httpx2.URL] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return answer(request)

    await collect(SOURCE, Walk(target=target, max_posts=10), run(note))

    looked_up, *rest = asked
    assert looked_up.params[parameter[0]] == parameter[1]
    assert {url.path.rpartition("/")[2] for url in rest} == {"playlistItems", "videos"}
    assert all("secret" not in str(url) for url in asked)


async def test_an_unknown_channel_is_not_found() -> None:
    """The API answers 200 without items."""
    nobody = {"kind": "youtube#channelListResponse", "pageInfo": {"totalResults": 0}}

    with pytest.raises(errors.SourceNotFound, match="@nobody"):
        await collect(
            SOURCE,
            Walk(target="@nobody", max_posts=10),
            run(lambda _: httpx2.Response(200, json=nobody)),
        )


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (403, "commentsDisabled", errors.SourcePrivate),
        (404, "videoNotFound", errors.SourceNotFound),
        (404, "playlistNotFound", errors.SourceNotFound),
        (403, "playlistItemsNotAccessible", errors.SourcePrivate),
        (403, "forbidden", errors.SourcePrivate),
        (403, "accessNotConfigured", errors.SourceAuthRequired),
        (400, "keyInvalid", errors.SourceAuthRequired),
        (400, "invalidPageToken", errors.SourceBadReply),
        (403, "quotaExceeded", errors.SourceRateLimited),
        (403, "rateLimitExceeded", errors.SourceRateLimited),
    ],
)
async def test_a_reason_says_more_than_its_status(
    status: int, reason: str, kind: type[errors.SourceError]
) -> None:
    """Each reason of the API is the error that says so."""
    with pytest.raises(kind) as caught:
        await collect(
            SOURCE,
            Walk(target=f"video/{VIDEO}", max_posts=10),
            run(lambda _: refuse(status, reason)),
        )

    assert caught.value.status == status


async def test_a_wrong_key_is_told_by_the_message() -> None:
    """The reason is `badRequest`, as of much else."""
    message = "API key not valid. Please pass a valid API key."

    with pytest.raises(errors.SourceAuthRequired, match="SLUICE_YOUTUBE_API_KEY"):
        await collect(
            SOURCE,
            Walk(target="@harbour", max_posts=10),
            run(lambda _: refuse(400, "badRequest", message)),
        )


async def test_a_spent_quota_is_renewed_at_midnight_in_california() -> None:
    """Summer there: seven hours behind."""
    with pytest.raises(errors.SourceRateLimited) as caught:
        await collect(
            SOURCE,
            Walk(target="@harbour", max_posts=10),
            run(lambda _: refuse(403, "quotaExceeded")),
        )

    assert NOW.date().isoformat() == "2026-06-01"
    assert caught.value.retry_at == datetime(2026, 6, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://www.youtube.com/@Harbour", "@harbour"),
        ("https://youtube.com/@harbour/videos?view=0", "@harbour"),
        ("https://www.youtube.com/channel/UCharbourharbourharbour1", "UCharbourharbourharbour1"),
        ("https://www.youtube.com/user/harbour", "user/harbour"),
        ("https://m.youtube.com/watch?v=aaaaaaaaaa1&t=9s", "video/aaaaaaaaaa1"),
        ("https://youtu.be/aaaaaaaaaa1?si=x", "video/aaaaaaaaaa1"),
        ("https://www.youtube.com/shorts/aaaaaaaaaa1", "video/aaaaaaaaaa1"),
        ("https://www.youtube.com/playlist?list=PLaaaaaaaaaa", "playlist/PLaaaaaaaaaa"),
    ],
)
def test_understands_pasted_addresses(address: str, target: str) -> None:
    """What people copy from their browser."""
    recognised = SOURCE.recognise(address)

    assert recognised is not None
    assert SOURCE.normalise(recognised) == target


@pytest.mark.parametrize(
    "address", ["https://example.org/@harbour", "https://www.youtube.com/", "@harbour", "r/python"]
)
def test_leaves_other_addresses_to_others(address: str) -> None:
    """Another site, or a page that is no channel."""
    assert SOURCE.recognise(address) is None


@pytest.mark.parametrize(
    "target", ["harbour", "c/Harbour", "video/short", "UCtooshort", "@", "@a b", "PL\n", "video/"]
)
def test_refuses_what_is_no_target(target: str) -> None:
    """With a sentence that says what one looks like."""
    with pytest.raises(TargetInvalid, match=r"write a channel \(@handle or UC…\)"):
        SOURCE.normalise(target)


async def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that it never gave is an error, not a crash."""
    for cursor in ("", "x", "a b c"):
        with pytest.raises(errors.SourceBadReply):
            await collect(SOURCE, Walk(target="@harbour", max_posts=1, cursor=cursor), run(answer))


def test_needs_a_key() -> None:
    """Without one it is off, and says which variable turns it on."""
    source = YouTubeSource()
    named: Any = source.missing

    assert source.state is SourceState.NEEDS_KEY
    assert [setting.variable for setting in named] == ["SLUICE_YOUTUBE_API_KEY"]
