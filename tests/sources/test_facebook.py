import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from tasks.errors import SourceClosed, TargetInvalid
from tests.sources.contract import NOW, Clock, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.source import SourcePost, SourceState, Walk
from workers.sources.facebook import FacebookSource

DATA = Path(__file__).parent / "data" / "facebook"
SOURCE = FacebookSource({"facebook_access_token": "secret-token"})
WALK = Walk(target="harbour", max_posts=500)


def sample(name: str) -> bytes:
    """Return a written sample."""
    return (DATA / f"{name}.json").read_bytes()


def answer(request: httpx2.Request) -> httpx2.Response:
    """Answer as the Graph API does, for one Page."""
    assert request.url.path == "/v26.0/harbour/posts"
    assert request.headers["authorization"] == "Bearer secret-token"
    assert "secret" not in str(request.url).lower()
    page = 2 if request.url.params.get("after") == "QVFIUone" else 1
    return httpx2.Response(200, content=sample(f"posts-{page}"))


def refuse(
    code: int, message: str = "No", *, status: int = 400, usage: str = ""
) -> httpx2.Response:
    """Refuse as the Graph API does."""
    body = {"error": {"message": message, "type": "OAuthException", "code": code}}
    return httpx2.Response(
        status, json=body, headers={"x-business-use-case-usage": usage} if usage else {}
    )


class TestContract(HttpSourceContract):
    """A Page."""

    source = SOURCE
    target = "harbour"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for the Page."""
        return answer(request)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for a Page without posts."""
        del request
        return httpx2.Response(200, text='{"data": []}')


async def test_reads_posts() -> None:
    """Counts that are not told are unknown; a post without text has what Facebook says of it."""
    first, second = await TestContract().pages()

    assert first.posts == [
        SourcePost(
            id="100_21",
            message="The ferry is late.\n\nTake the bus.",
            author="Harbour of Example",
            url="https://www.facebook.com/100/posts/21",
            created_time=datetime(2026, 5, 3, 8, 35, 56, tzinfo=UTC),
            likes=57,
            comments=9,
            shares=4,
        ),
        SourcePost(
            id="100_20",
            message="Harbour of Example updated their cover photo.",
            author="harbour",
            url="https://www.facebook.com/100_20",
            created_time=datetime(2026, 5, 2, 6, tzinfo=UTC),
        ),
    ]
    assert second.posts == [
        SourcePost(id="100_19", author="harbour", url="https://www.facebook.com/100_19")
    ]


async def test_the_token_is_in_no_cursor() -> None:
    """Cursors are stored, and Facebook writes the token into the next page's address."""
    first, _ = await TestContract().pages()

    assert first.next_cursor == "after=QVFIUone"


async def test_pages_by_time_are_read_too() -> None:
    """Some lists have no cursors but the time until which the next page goes."""
    base = "https://graph.facebook.com/v26.0/x/posts"
    following = f"{base}?access_token=S&until=162&since&__paging_token=e"
    asked: list[dict[str, str]] = []

    def by_time(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        paging = {"next": following} if len(asked) == 1 else {"previous": following}
        return httpx2.Response(200, json={"data": [{"id": f"{len(asked)}"}], "paging": paging})

    pages = await collect(SOURCE, WALK, run(by_time))

    assert [post.id for post in posts_of(pages)] == ["1", "2"]
    assert (asked[1]["until"], asked[1]["__paging_token"]) == ("162", "e")


async def test_a_next_page_without_a_place_is_an_error() -> None:
    """The first page would be read again and again."""
    following = "https://graph.facebook.com/v26.0/x/posts?limit=3"
    reply = f'{{"data": [], "paging": {{"next": "{following}"}}}}'

    with pytest.raises(errors.SourceBadReply, match="which page"):
        await collect(SOURCE, WALK, run(lambda _: httpx2.Response(200, text=reply)))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuse(190), errors.SourceAuthRequired),
        (refuse(10, status=403), errors.SourcePrivate),
        (refuse(200, status=403), errors.SourcePrivate),
        (refuse(100, "requires the 'pages_read_engagement' permission"), errors.SourcePrivate),
        (refuse(100, "Unsupported get request."), errors.SourceNotFound),
        (refuse(803, "Some of the aliases you requested do not exist"), errors.SourceNotFound),
        (refuse(2, status=500), errors.SourceUnavailable),
        (refuse(4, status=403), errors.SourceRateLimited),
        (refuse(17), errors.SourceRateLimited),
        (refuse(80001), errors.SourceRateLimited),
        (refuse(2500), errors.SourceBadReply),
    ],
)
async def test_a_code_says_more_than_its_status(
    reply: httpx2.Response, kind: type[errors.SourceError]
) -> None:
    """Each code of the Graph API is the error that says so."""
    with pytest.raises(kind):
        await collect(SOURCE, WALK, run(lambda _: reply))


@pytest.mark.parametrize(
    ("usage", "minutes"),
    [
        ('{"100": [{"call_count": 100, "estimated_time_to_regain_access": 23}]}', 23),
        ('{"100": [{"call_count": 100, "estimated_time_to_regain_access": 0}]}', 10),
        ("nonsense", 10),
    ],
)
async def test_a_limit_says_when_it_ends(usage: str, minutes: int) -> None:
    """In minutes, in a header of its own; without one some of the hour has to pass."""
    reply = refuse(32, usage=usage)

    with pytest.raises(errors.SourceRateLimited) as caught:
        await collect(SOURCE, WALK, run(lambda _: reply))

    assert caught.value.retry_at == NOW + timedelta(minutes=minutes)


async def test_makes_way_before_the_limit_is_reached() -> None:
    """A token that is refused for calling too often may stay so for long."""
    usage = json.dumps({"call_count": 97, "total_time": 3, "total_cputime": 0})

    def nearly(request: httpx2.Request) -> httpx2.Response:
        reply = answer(request)
        reply.headers["x-app-usage"] = usage
        return reply

    clock = Clock()
    client = HttpClient(
        version="0", transport=httpx2.MockTransport(nearly), now=clock, sleep=clock.sleep
    )
    http = client.run(budget_key=SOURCE.budget_key("harbour"), rate=SOURCE.info.rate)
    with pytest.raises(errors.SourceRateLimited) as caught:
        await collect(SOURCE, WALK, http)

    assert http.calls == 1
    assert caught.value.retry_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    "written",
    [
        "https://www.facebook.com/groups/123456",
        "https://m.facebook.com/groups/python.people/permalink/1/",
        "facebook:groups/123456",
        "facebook:group:123456",
    ],
)
def test_groups_are_refused_with_the_way_out(written: str) -> None:
    """When the task is created, whether or not a token is set."""
    with pytest.raises(SourceClosed, match=r"no API for groups since 2024-04-22\..*push"):
        SourceCatalogue().resolve(written)


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://www.facebook.com/NASA", "nasa"),
        ("https://m.facebook.com/nasa/posts/123?x=1", "nasa"),
        ("https://www.facebook.com/pages/Some-Page/54971236771", "54971236771"),
        ("https://www.facebook.com/Some-Page-54971236771/", "54971236771"),
        ("https://www.facebook.com/profile.php?id=54971236771", "54971236771"),
    ],
)
def test_understands_pasted_addresses(address: str, target: str) -> None:
    """What people copy from their browser."""
    recognised = SOURCE.recognise(address)

    assert recognised is not None
    assert SOURCE.normalise(recognised) == target


@pytest.mark.parametrize(
    "address",
    ["https://www.facebook.com/", "https://www.facebook.com/watch?v=1", "https://example.org/nasa"],
)
def test_leaves_other_addresses_to_others(address: str) -> None:
    """Another site, or what is no Page."""
    assert SOURCE.recognise(address) is None


@pytest.mark.parametrize("target", ["a b", "nasa/posts", "../me", "é", "."])
def test_refuses_what_is_no_target(target: str) -> None:
    """With a sentence that says what one looks like."""
    with pytest.raises(TargetInvalid, match="such as facebook:nasa"):
        SOURCE.normalise(target)


async def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that it never gave is an error, not a crash, and sets no other parameter."""
    for cursor in ("", "x", "limit=1", "after=1&access_token=x"):
        with pytest.raises(errors.SourceBadReply):
            await collect(SOURCE, Walk(target="harbour", max_posts=1, cursor=cursor), run(answer))


def test_is_off_until_it_is_configured() -> None:
    """It says which variable turns it on."""
    source = FacebookSource()

    assert source.state is SourceState.NEEDS_KEY
    assert [setting.variable for setting in source.missing] == ["SLUICE_FACEBOOK_ACCESS_TOKEN"]
