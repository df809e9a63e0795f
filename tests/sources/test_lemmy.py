import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import NOW, Answer, Clock, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.http import HttpClient
from workers.source import Page, SourcePost, Walk
from workers.sources.lemmy import LemmySource

DATA = Path(__file__).parent / "data" / "lemmy"
TARGET = "harbour.example/c/quay"


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def site(version: str) -> httpx2.Response:
    """Say which version an instance has."""
    return httpx2.Response(200, json={"version": version, "site_view": {}})


def view(number: int) -> dict[str, Any]:
    """Return a post of v3."""
    made = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    post = {"id": number, "name": f"Post {number}", "published": made.isoformat()}
    return {"post": post, "creator": {"name": "ana"}, "counts": {"upvotes": 1, "comments": 0}}


async def read(answer: Answer, target: str = TARGET) -> list[Page]:
    """Read a target to its end."""
    return await collect(LemmySource(), Walk(target=target, max_posts=500), run(answer))


class TestV3(HttpSourceContract):
    """A community of 120 posts on 0.19."""

    source = LemmySource()
    target = TARGET

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve numbered pages, and refuse what 0.19 refuses."""
        if request.url.path == "/api/v3/site":
            return site("0.19.5")
        assert request.url.path == "/api/v3/post/list"
        params = request.url.params
        assert (params["community_name"], params["sort"], params["type_"]) == ("quay", "New", "All")
        page, limit = int(params["page"]), int(params["limit"])
        if not (1 <= limit <= 50 and 1 <= page <= 100):
            return httpx2.Response(400, json={"error": "invalid_fetch_limit"})
        newest = 120 - (page - 1) * limit
        posts = [view(number) for number in range(newest, max(newest - limit, 0), -1)]
        return httpx2.Response(200, json={"posts": posts, "next_page": "does not work"})

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a community where nobody wrote."""
        posts = httpx2.Response(200, json={"posts": []})
        return site("0.19.5") if request.url.path == "/api/v3/site" else posts


class TestV4(HttpSourceContract):
    """A community on 1.0, where v3 is gone."""

    source = LemmySource()
    target = TARGET

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve pages by cursor."""
        if request.url.path == "/api/v3/site":
            return httpx2.Response(404)
        if request.url.path == "/api/v4/site":
            return site("1.0.0")
        assert request.url.path == "/api/v4/post/list"
        assert (request.url.params["sort"], request.url.params["type_"]) == ("new", "all")
        number = 2 if request.url.params.get("page_cursor") == "P2a" else 1
        return httpx2.Response(200, json=sample(f"v4-{number}.json"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a community where nobody wrote."""
        if request.url.path.endswith("/site"):
            return self.answer(request)
        return httpx2.Response(200, json={"items": [], "next_page": None})


async def test_reads_v3() -> None:
    """Newest first in spite of pins; removed and deleted posts are left out and counted."""
    (page,) = await read(
        lambda request: (
            site("0.19.19")
            if request.url.path == "/api/v3/site"
            else httpx2.Response(200, json=sample("v3.json"))
        )
    )

    late, rules = page.posts
    assert late == SourcePost(
        id="42",
        message="The ferry is late",
        author="bo",
        url="https://far.example/post/9",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        likes=12,
        comments=4,
    )
    assert (rules.message, rules.likes) == ("Rules of the quay\n\nBe *kind*.", 5)
    assert page.skipped == {"removed": 1, "deleted": 1}


async def test_reads_v4() -> None:
    """Times and counts have other places there."""
    first, second = await TestV4().pages()

    assert first.posts == [
        SourcePost(
            id="42",
            message="The ferry is late\n\nTake the bus.",
            author="bo",
            url="https://harbour.example/post/42",
            created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
            likes=12,
            comments=4,
        )
    ]
    assert [(post.likes, post.comments) for post in second.posts] == [(None, None)]


async def test_a_server_of_1_0_is_asked_by_its_own_api() -> None:
    """Its v3 repeats the tenth page for ever."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        if request.url.path == "/api/v3/site":
            return site("1.0.0-beta.1")
        return httpx2.Response(200, json=sample("v4-2.json"))

    await read(answer)

    assert asked == ["/api/v3/site", "/api/v4/post/list"]


async def test_all_pages_of_v3_are_read() -> None:
    """Three pages, each post once."""
    assert [post.id for post in posts_of(await TestV3().pages())] == [
        str(number) for number in range(120, 0, -1)
    ]


async def test_an_instance_is_read_by_its_own_posts() -> None:
    """Without a community, and without what others sent it."""
    asked: list[httpx2.QueryParams] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/v3/site":
            return site("0.19.5")
        asked.append(request.url.params)
        return httpx2.Response(200, json={"posts": []})

    await read(answer, "harbour.example")

    assert asked[0]["type_"] == "Local"
    assert "community_name" not in asked[0]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("couldnt_find_community", errors.SourceNotFound),
        ("instance_is_private", errors.SourcePrivate),
        ("invalid_fetch_limit", errors.SourceBadReply),
    ],
)
async def test_a_refusal_is_told_by_its_word(said: str, kind: type[errors.SourceError]) -> None:
    """Nearly all have status 400."""
    with pytest.raises(kind, match=said):
        await read(lambda _: httpx2.Response(400, json={"error": said}))


async def test_a_rate_limit_of_0_19_is_one() -> None:
    """It has status 400 and no header."""
    with pytest.raises(errors.SourceRateLimited) as caught:
        await read(lambda _: httpx2.Response(400, json={"error": "rate_limit_error"}))

    assert caught.value.retry_at == NOW + timedelta(minutes=1)


async def test_a_rate_limit_of_0_19_holds_all_runs() -> None:
    """No header says it, so the source tells whoever else calls the instance."""
    calls = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        del request
        calls += 1
        return httpx2.Response(400, json={"error": "rate_limit_error"})

    source, walk = LemmySource(), Walk(target=TARGET, max_posts=1)
    clock = Clock()
    client = HttpClient(
        version="0", transport=httpx2.MockTransport(answer), now=clock, sleep=clock.sleep
    )
    async with client:
        for _ in range(2):
            http = client.run(budget_key=source.budget_key(TARGET), rate=source.info.rate)
            with pytest.raises(errors.SourceRateLimited):
                await collect(source, walk, http)

    assert calls == 1


@pytest.mark.parametrize("cursor", ["x", "v3:0", "v3:1000", "v4:a b", "v5:1", "2"])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that no page gave is an error, not a crash."""
    walk = Walk(target=TARGET, max_posts=1, cursor=cursor)

    with pytest.raises(errors.SourceBadReply):
        await collect(LemmySource(), walk, run(lambda _: httpx2.Response(200, json={"posts": []})))


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("!Technology@lemmy.world", "lemmy.world/c/technology"),
        ("technology@lemmy.world", "lemmy.world/c/technology"),
        ("https://lemmy.world/c/technology", "lemmy.world/c/technology"),
        ("https://lemmy.world/c/python@programming.dev/", "lemmy.world/c/python@programming.dev"),
        ("lemmy.world/c/python@lemmy.world", "lemmy.world/c/python"),
        ("lemmy.world", "lemmy.world"),
        ("https://lemmy.world/", "lemmy.world"),
    ],
)
def test_what_people_paste_is_understood(written: str, target: str) -> None:
    """Communities as Lemmy shows them, and instances."""
    assert LemmySource().normalise(written) == target


@pytest.mark.parametrize(
    "written", ["technology", "!technology", "!@lemmy.world", "lemmy.world/u/ana", "lemmy.world/c/"]
)
def test_what_is_none_is_refused(written: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        LemmySource().normalise(written)


@pytest.mark.parametrize(
    "address",
    [
        "https://lemmy.world/",
        "https://lemmy.world/post/1",
        "https://meta.discourse.org/c/support/6",
        "https://www.youtube.com/c/name",
        "@ana@harbour.example",
        "technology@lemmy.world",
    ],
)
def test_others_addresses_are_left_to_others(address: str) -> None:
    """Discourse's categories have a number, YouTube's channels the same form."""
    assert LemmySource().recognise(address) is None
