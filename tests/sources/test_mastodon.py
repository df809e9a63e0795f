import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import NOW, Answer, HttpSourceContract, collect, run
from workers import errors
from workers.source import Page, SourcePost, Walk
from workers.sources.mastodon import MastodonSource

DATA = Path(__file__).parent / "data" / "mastodon"
TAG = "harbour.example/#ferry"


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def link(query: str) -> dict[str, str]:
    """Return the headers of a page that another follows, as seen from behind a proxy."""
    path = "http://localhost:3000/api/v1/timelines/tag/ferry"
    return {"link": f'<{path}?{query}>; rel="next", <{path}?min_id=30>; rel="prev"'}


async def read(target: str, answer: Answer, *, max_posts: int = 500) -> list[Page]:
    """Read a target to its end."""
    return await collect(MastodonSource(), Walk(target=target, max_posts=max_posts), run(answer))


class Timeline:
    """An instance with two pages, whose switches stand as given."""

    def __init__(self, **access: dict[str, str]) -> None:
        self.access = access
        self.asked: list[httpx2.URL] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        self.asked.append(request.url)
        if request.url.path == "/api/v2/instance":
            configuration = {"timelines_access": self.access}
            return httpx2.Response(200, json={"configuration": configuration})
        return httpx2.Response(200, json=[])


class TestHashtag(HttpSourceContract):
    """A hashtag of two pages."""

    source = MastodonSource()
    target = TAG

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages, and an empty one as real servers do."""
        if request.url.path == "/api/v2/instance":
            return httpx2.Response(200, json=sample("instance.json"))
        assert request.url.path == "/api/v1/timelines/tag/ferry"
        before = request.url.params.get("max_id", "99")
        if before == "99":
            return httpx2.Response(200, json=sample("hashtag-1.json"), headers=link("max_id=28"))
        if before == "28":
            return httpx2.Response(200, json=sample("hashtag-2.json"), headers=link("max_id=11"))
        return httpx2.Response(200, json=[])

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a hashtag that nobody used."""
        return (
            self.answer(request)
            if "instance" in request.url.path
            else httpx2.Response(200, json=[])
        )


class TestAccount(HttpSourceContract):
    """An account on a server that sends no `Link`."""

    source = MastodonSource()
    target = "harbour.example/@ana"
    max_posts = 3

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a full page, then one that is not."""
        if request.url.path == "/api/v1/accounts/lookup":
            assert request.url.params["acct"] == "ana"
            return httpx2.Response(200, json={"id": "1", "acct": "ana"})
        assert request.url.path == "/api/v1/accounts/1/statuses"
        assert request.url.params["exclude_reblogs"] == "true"
        number = 2 if request.url.params.get("max_id") == "28" else 1
        return httpx2.Response(200, json=sample(f"hashtag-{number}.json"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve an account that wrote nothing."""
        return (
            self.answer(request) if "lookup" in request.url.path else httpx2.Response(200, json=[])
        )


async def test_reads_a_hashtag() -> None:
    """Text comes from HTML, under its warning; boosts and private posts are left out."""
    first, second, last = await TestHashtag().pages()

    late, sinks = first.posts
    assert late == SourcePost(
        id="30",
        message="The ferry is late & full.\nTake the bus.\n\n#ferry",
        author="ana",
        url="https://harbour.example/@ana/30",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        likes=12,
        comments=3,
        shares=2,
    )
    assert first.skipped == {"repost": 1}
    assert (sinks.message, sinks.author) == ("Spoilers\n\nIt sinks.", "cleo@far.example")
    assert (sinks.likes, sinks.comments, sinks.shares) == (None, None, 0)
    assert sinks.url == "https://far.example/notes/28"
    (pier,) = second.posts
    assert (pier.message, pier.created_time) == (
        "The pier at dawn",
        datetime(2026, 5, 1, 8, tzinfo=UTC),
    )
    assert second.skipped == {"not_public": 1}
    assert last == Page(posts=[])


async def test_a_page_is_as_large_as_wanted_and_at_most_40() -> None:
    """Mastodon's own maximum."""
    few, many = Timeline(), Timeline()

    await read(TAG, few, max_posts=5)
    await read(TAG, many)

    assert [server.asked[-1].params["limit"] for server in (few, many)] == ["5", "40"]


async def test_what_a_page_was_asked_with_is_kept() -> None:
    """Compatible servers leave filters out of the next page's address."""
    asked: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/v2/instance":
            return httpx2.Response(404)
        asked.append(dict(request.url.params))
        more = len(asked) == 1
        return httpx2.Response(
            200,
            json=sample("hashtag-2.json") if more else [],
            headers=link("max_id=11&limit=40") if more else {},
        )

    await read("harbour.example/public/local", answer)

    assert asked == [
        {"local": "true", "limit": "40"},
        {"local": "true", "limit": "40", "max_id": "11"},
    ]


@pytest.mark.parametrize(
    ("target", "access", "kind"),
    [
        (TAG, {"hashtag_feeds": {"local": "disabled", "remote": "disabled"}}, errors.SourcePrivate),
        (
            "harbour.example/public",
            {"live_feeds": {"local": "authenticated", "remote": "authenticated"}},
            errors.SourceAuthRequired,
        ),
        (
            "harbour.example/public/remote",
            {"live_feeds": {"local": "public", "remote": "disabled"}},
            errors.SourcePrivate,
        ),
    ],
)
async def test_a_closed_timeline_is_not_taken_for_an_empty_one(
    target: str, access: dict[str, dict[str, str]], kind: type[errors.SourceError]
) -> None:
    """It may answer with an empty list, so the instance's switches are looked up."""
    with pytest.raises(kind):
        await read(target, Timeline(**access))


async def test_where_only_far_posts_are_closed_the_near_ones_are_read() -> None:
    """An instance that hides other instances' posts still shows its own."""
    server = Timeline(live_feeds={"local": "public", "remote": "authenticated"})

    await read("harbour.example/public", server)

    assert server.asked[-1].params["local"] == "true"


async def test_a_token_opens_its_instance_and_goes_to_no_other() -> None:
    """Each instance gets its own token or none."""
    source = MastodonSource({"mastodon_tokens": "harbour.example=secret, far.example=other"})
    headers: list[str | None] = []
    server = Timeline(live_feeds={"local": "authenticated", "remote": "authenticated"})

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers.append(request.headers.get("authorization"))
        return server(request)

    walk = Walk(target="harbour.example/public", max_posts=1)
    await collect(source, walk, run(answer))
    stranger = Walk(target="near.example/public", max_posts=1)
    with pytest.raises(errors.SourceAuthRequired):
        await collect(source, stranger, run(answer))

    assert headers == ["Bearer secret", "Bearer secret", None]
    assert source.auth_mode_of("harbour.example/public") == "access token"
    assert source.budget_key("harbour.example/public") != "harbour.example"
    assert source.budget_key("near.example/public") == "near.example"


async def test_older_servers_refuse_with_422() -> None:
    """Before version 4 a missing login has this status."""
    body = {"error": "This method requires an authenticated user"}

    with pytest.raises(errors.SourceAuthRequired, match="authenticated user"):
        await read(TAG, lambda _: httpx2.Response(422, json=body))
    with pytest.raises(errors.SourceBadReply):
        await read(TAG, lambda _: httpx2.Response(422, json={"error": "Validation failed"}))


async def test_the_wait_is_until_the_time_in_the_header() -> None:
    """Mastodon writes an ISO 8601 time where others write seconds."""
    until = NOW + timedelta(minutes=4)
    headers = {"x-ratelimit-reset": until.isoformat(), "x-ratelimit-remaining": "0"}

    with pytest.raises(errors.SourceRateLimited) as caught:
        await read(TAG, lambda _: httpx2.Response(429, json={"error": "x"}, headers=headers))

    assert caught.value.retry_at == until


async def test_a_suspended_account_is_not_found() -> None:
    """Its list of posts would be empty."""
    with pytest.raises(errors.SourceNotFound, match="suspended"):
        await read(
            "harbour.example/@ana",
            lambda _: httpx2.Response(200, json={"id": "1", "suspended": True}),
        )


@pytest.mark.parametrize("cursor", ["x", "//far.example/api/", "/etc", ""])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """It leads nowhere but to the instance's API."""
    walk = Walk(target=TAG, max_posts=1, cursor=cursor)

    with pytest.raises(errors.SourceBadReply):
        await collect(MastodonSource(), walk, run(lambda _: httpx2.Response(200, json=[])))


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("mastodon.social/#Python", "mastodon.social/#python"),
        ("https://mastodon.social/tags/Python", "mastodon.social/#python"),
        ("http://mastodon.social/tags/python", "mastodon.social/#python"),
        ("https://mastodon.social/web/timelines/tag/python", "mastodon.social/#python"),
        ("https://mastodon.social/@ana", "mastodon.social/@ana"),
        ("https://harbour.example/@ana/with_replies", "harbour.example/@ana"),
        ("https://mastodon.social/users/ana", "mastodon.social/@ana"),
        ("@ana@mastodon.social", "mastodon.social/@ana"),
        ("ana@mastodon.social", "mastodon.social/@ana"),
        ("https://mastodon.social/@ana@Far.example", "mastodon.social/@ana@far.example"),
        ("mastodon.social/@ana@mastodon.social", "mastodon.social/@ana"),
        ("https://mastodon.social/public/local", "mastodon.social/public/local"),
        ("mastodon.social/public", "mastodon.social/public"),
        ("http://localhost:3000/#ferry", "http://localhost:3000/#ferry"),
        ("mastodon.social/#東京", "mastodon.social/#東京"),
        ("bücher.example/#x", "xn--bcher-kva.example/#x"),
    ],
)
def test_what_people_paste_is_understood(written: str, target: str) -> None:
    """Accounts, hashtags and timelines, however they are written."""
    assert MastodonSource().normalise(written) == target


@pytest.mark.parametrize(
    "written",
    [
        "python",
        "#python",
        "mastodon.social",
        "mastodon.social/#",
        "mastodon.social/#1984",
        "mastodon.social/#a b",
        "mastodon.social/@",
        "mastodon.social/@ana@",
        "mastodon.social/@ana/30",
        "x/../@ana",
        "user:word@mastodon.social/@ana",
    ],
)
def test_what_is_none_is_refused(written: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        MastodonSource().normalise(written)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/@ana",
        "https://medium.com/@ana",
        "https://www.tiktok.com/@ana",
        "https://t.me/@ana",
        "https://example.org/tags/python",
        "https://example.org/public",
        "https://bsky.social/public",
        "https://mastodon.social/@ana/30",
        "https://mastodon.social/about",
        "@ana.example.org",
        "!ferry@harbour.example",
    ],
)
def test_others_addresses_are_left_to_others(address: str) -> None:
    """Other platforms' accounts, paths that any site has, single posts."""
    assert MastodonSource().recognise(address) is None
