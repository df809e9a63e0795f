import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.errors import PlatformUnconfigured, TargetInvalid
from tests.sources.contract import Answer, HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.http import Http
from workers.source import Page, SourcePost, Walk
from workers.sources.bluesky import BlueskySource

DATA = Path(__file__).parent / "data" / "bluesky"
LOGIN = {"bluesky_identifier": "ana.example.org", "bluesky_app_password": "word-of-ana"}
LIST = "at://did:plc:ferry/app.bsky.graph.list/1"
FEED = "at://did:plc:ferry/app.bsky.feed.generator/late"


def sample(name: str) -> Any:
    """Return a written sample."""
    return json.loads((DATA / name).read_bytes())


def ask(method: str) -> str:
    """Return the path of a method."""
    return f"/xrpc/{method}"


async def read(target: str, answer: Answer, *, source: BlueskySource | None = None) -> list[Page]:
    """Read a target to its end."""
    source = source or BlueskySource()
    return await collect(source, Walk(target=target, max_posts=500), run(answer))


def refuse(error: str, message: str) -> Answer:
    """Answer everything with a refusal."""
    return lambda _: httpx2.Response(400, json={"error": error, "message": message})


class TestAuthor(HttpSourceContract):
    """An account's feed of two pages."""

    source = BlueskySource()
    target = "ferry.example.org"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Serve two pages."""
        assert request.url.path == ask("app.bsky.feed.getAuthorFeed")
        assert request.url.params["actor"] == "ferry.example.org"
        number = 2 if "cursor" in request.url.params else 1
        return httpx2.Response(200, json=sample(f"author-{number}.json"))

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Serve an account that wrote nothing."""
        del request
        return httpx2.Response(200, json={"feed": []})


class TestSearch(HttpSourceContract):
    """A search, with a login."""

    source = BlueskySource(LOGIN)
    target = "search:ferry"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Log in, and serve two pages to whoever did."""
        if request.url.path == ask("com.atproto.server.createSession"):
            return httpx2.Response(200, json={"accessJwt": "a", "refreshJwt": "r"})
        assert request.headers["authorization"] == "Bearer a"
        number = 2 if "cursor" in request.url.params else 1
        page = sample(f"author-{number}.json")
        posts = [item["post"] for item in page.pop("feed") if "reason" not in item]
        return httpx2.Response(200, json={**page, "posts": posts, "hitsTotal": 4})

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Find nothing."""
        if request.url.path == ask("com.atproto.server.createSession"):
            return httpx2.Response(200, json={"accessJwt": "a", "refreshJwt": "r"})
        return httpx2.Response(200, json={"posts": []})


async def test_reads_an_accounts_own_posts() -> None:
    """Reposts are left out and counted; counts, times and names are taken with care."""
    first, second = await TestAuthor().pages()

    late, pier = first.posts
    assert late == SourcePost(
        id="at://did:plc:ferry/app.bsky.feed.post/4",
        message="The ferry is late.\nTake the bus: 1 < 2 & 3",
        author="ferry.example.org",
        url="https://bsky.app/profile/ferry.example.org/post/4",
        created_time=datetime(2026, 5, 4, 8, tzinfo=UTC),
        likes=12,
        comments=3,
        shares=2,
    )
    assert first.skipped == {"repost": 1}
    assert (pier.message, pier.author) == ("The pier at dawn", "did:plc:ferry")
    assert pier.created_time == datetime(2026, 5, 2, 7, tzinfo=UTC), "an author's clock was ahead"
    assert (pier.likes, pier.comments, pier.shares) == (0, None, None)
    (timetable,) = second.posts
    assert timetable.message == "Timetable"
    assert timetable.created_time == datetime(2026, 5, 1, 7, tzinfo=UTC)
    assert (timetable.likes, timetable.comments, timetable.shares) == (None, None, None)


async def test_a_custom_feed_holds_what_its_author_chose() -> None:
    """Also what was reposted: each post is its own author's."""
    page = sample("author-1.json")
    page["cursor"] = None

    (read_page,) = await read(FEED, lambda _: httpx2.Response(200, json=page))

    assert [post.author for post in read_page.posts] == [
        "ferry.example.org",
        "crane.example.org",
        "did:plc:ferry",
    ]


async def test_a_custom_feed_that_never_ends_is_ended() -> None:
    """A generator that names its cursor again, or hands out nothing, has no more."""
    page = {**sample("author-2.json"), "cursor": "same"}

    pages = await read(FEED, lambda _: httpx2.Response(200, json=page))
    nothing = await read(FEED, lambda _: httpx2.Response(200, json={"feed": [], "cursor": "x"}))

    assert [page.next_cursor for page in pages] == ["same", None]
    assert pages[1].skipped == {"repeated": 1}
    assert nothing == [Page(posts=[])]


async def test_a_handle_in_a_lists_address_is_resolved() -> None:
    """The AppView knows lists by DID alone."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == ask("com.atproto.identity.resolveHandle"):
            return httpx2.Response(200, json={"did": "did:plc:ferry"})
        asked.append(request.url.params["list"])
        return httpx2.Response(200, json={"feed": sample("author-1.json")["feed"]})

    (page,) = await read(LIST.replace("did:plc:ferry", "ferry.example.org"), answer)

    assert asked == [LIST]
    assert (len(page.posts), page.skipped) == (2, {"repost": 1})


async def test_an_unknown_list_is_not_taken_for_an_empty_one() -> None:
    """The AppView answers an unknown list as an empty feed, so it is asked for the list."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == ask("app.bsky.feed.getListFeed"):
            return httpx2.Response(200, json={"feed": []})
        body = {"error": "InvalidRequest", "message": "List not found"}
        return httpx2.Response(400, json=body)

    with pytest.raises(errors.SourceNotFound):
        await read(LIST, answer)


@pytest.mark.parametrize(
    ("error", "message", "kind"),
    [
        ("InvalidRequest", "Profile not found", errors.SourceNotFound),
        ("InvalidRequest", "could not find feed", errors.SourceNotFound),
        ("UnknownList", "", errors.SourceNotFound),
        ("BlockedActor", "Requester has blocked actor", errors.SourcePrivate),
        ("AccountTakedown", "", errors.SourceNotFound),
        ("InvalidRequest", "Malformed cursor", errors.SourceBadReply),
    ],
)
async def test_a_refusal_is_told_by_its_words(
    error: str, message: str, kind: type[errors.SourceError]
) -> None:
    """All of them have status 400."""
    with pytest.raises(kind) as caught:
        await read("ferry.example.org", refuse(error, message))

    assert type(caught.value) is kind


async def test_who_asks_not_to_be_shown_to_visitors_is_not() -> None:
    """An account is refused with a reason; in others' feeds its posts are left out."""
    page = sample("author-2.json")
    page["feed"][0]["post"]["author"]["labels"] = [{"val": "!no-unauthenticated"}]

    with pytest.raises(errors.SourcePrivate):
        await read("ferry.example.org", lambda _: httpx2.Response(200, json=page))
    (feed,) = await read(FEED, lambda _: httpx2.Response(200, json=page))

    assert (feed.posts, feed.skipped) == ([], {"not_for_visitors": 1})


class Server:
    """An account's server, whose sessions end after some calls."""

    def __init__(self, *, lasts: int, renews: bool = True) -> None:
        self.lasts = lasts
        self.renews = renews
        self.left = 0
        self.calls: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        name = request.url.path.rpartition(".")[2]
        self.calls.append(name)
        if name == "refreshSession" and not self.renews:
            return httpx2.Response(400, json={"error": "ExpiredToken", "message": "over"})
        if name in {"createSession", "refreshSession"}:
            if name == "createSession":
                assert json.loads(request.content) == {
                    "identifier": "ana.example.org",
                    "password": "word-of-ana",
                }
            self.left = self.lasts
            return httpx2.Response(200, json={"accessJwt": "a", "refreshJwt": name})
        if self.left == 0:
            return httpx2.Response(400, json={"error": "ExpiredToken", "message": "over"})
        self.left -= 1
        return httpx2.Response(200, json={"posts": []})


async def search(http: Http) -> None:
    """Search once."""
    await collect(BlueskySource(LOGIN), Walk(target="search:ferry", max_posts=10), http)


async def test_one_login_serves_all_runs() -> None:
    """A session is kept and renewed, since logins are few."""
    server = Server(lasts=2)
    http = run(server)

    for _ in range(3):
        await search(http)

    assert server.calls == [
        "createSession",
        "searchPosts",
        "searchPosts",
        "searchPosts",
        "refreshSession",
        "searchPosts",
    ]


async def test_a_session_that_cannot_be_renewed_is_begun_anew() -> None:
    """Its second token lasts weeks, not for ever."""
    server = Server(lasts=1, renews=False)
    http = run(server)

    await search(http)
    await search(http)

    assert server.calls[-3:] == ["refreshSession", "createSession", "searchPosts"]


async def test_a_session_that_is_never_taken_is_an_error() -> None:
    """Not an endless change of sessions."""
    with pytest.raises(errors.SourceBadReply, match="ExpiredToken"):
        await search(run(Server(lasts=0)))


def test_only_searches_use_the_login() -> None:
    """Budget and receipt say as whom a target is asked for."""
    source = BlueskySource(LOGIN)

    assert source.host("ferry.example.org") == source.budget_key("ferry.example.org")
    assert source.auth_mode_of("ferry.example.org") == "anonymous"
    assert source.host("search:x") == "bsky.social"
    assert source.budget_key("search:x") != "bsky.social"
    assert source.auth_mode_of("search:x") == "app password"
    assert "word-of-ana" not in (source.budget_key("search:x") or "")


def test_a_search_without_login_names_the_settings() -> None:
    """Before the task exists."""
    with pytest.raises(PlatformUnconfigured, match="SLUICE_BLUESKY_APP_PASSWORD"):
        BlueskySource().normalise("search:ferry")


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("bsky.app", "bsky.app"),
        ("@Ferry.Example.org", "ferry.example.org"),
        ("did:plc:z72i7hdynmk6r22z27h6tvur", "did:plc:z72i7hdynmk6r22z27h6tvur"),
        ("https://bsky.app/profile/ferry.example.org/", "ferry.example.org"),
        ("https://bsky.app/profile/did:plc:ferry", "did:plc:ferry"),
        ("https://bsky.app/profile/did:plc:ferry/lists/1", LIST),
        ("https://bsky.app/profile/did:plc:ferry/feed/late", FEED),
        ("https://bsky.app/search?q=late%20ferry", "search:late ferry"),
        ("https://bsky.app/hashtag/ferry", "search:#ferry"),
        ("#ferry", "search:#ferry"),
    ],
)
def test_what_people_paste_is_understood(written: str, target: str) -> None:
    """Handles, DIDs and the web application's pages."""
    assert BlueskySource(LOGIN).normalise(written) == target


@pytest.mark.parametrize(
    "written",
    [
        "alice",
        "a b.c",
        "https://example.org/profile/x.y",
        f"{LIST}/x",
        "search: ",
        "at://x",
        "did:x",
    ],
)
def test_what_is_none_is_refused(written: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(TargetInvalid, match=r"\.$"):
        BlueskySource(LOGIN).normalise(written)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/profile/ferry.example.org",
        "https://bsky.app/profile/ferry.example.org/post/4",
        "example.org",
        "@ana@harbour.example",
        "@ana",
    ],
)
def test_others_addresses_are_left_to_others(address: str) -> None:
    """A single post, a bare name and Mastodon's accounts are none of ours."""
    assert BlueskySource().recognise(address) is None


async def test_posts_of_all_pages_are_read() -> None:
    """Nothing between the pages is lost."""
    assert [post.id[-1] for post in posts_of(await TestAuthor().pages())] == ["4", "3", "2"]
