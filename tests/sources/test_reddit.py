from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from tasks.errors import TargetInvalid
from tests.sources.contract import HttpSourceContract, collect, posts_of, run
from workers import errors
from workers.source import SourcePost, SourceState, Walk
from workers.sources.reddit import RedditSource

DATA = Path(__file__).parent / "data" / "reddit"
SOURCE = RedditSource(
    {
        "reddit_client_id": "app-id",
        "reddit_client_secret": "app-secret",
        "reddit_username": "u/ana_lima",
    }
)
WALK = Walk(target="harbour", max_posts=500)


def sample(name: str) -> bytes:
    """Return a written sample."""
    return (DATA / f"{name}.json").read_bytes()


def logged_in(request: httpx2.Request) -> httpx2.Response | None:
    """Answer a login; None for anything else."""
    if request.url.path != "/api/v1/access_token":
        return None
    scheme, _, pair = request.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(pair) == b"app-id:app-secret"
    assert request.content == b"grant_type=client_credentials"
    return httpx2.Response(200, json={"access_token": "tok", "token_type": "bearer"})


class Reddit:
    """Answers for one subreddit, and notes what it was asked."""

    def __init__(self, *refusals: httpx2.Response) -> None:
        self.requests: list[httpx2.Request] = []
        self.refusals = list(refusals)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a login, a refusal that is due, or a page."""
        self.requests.append(request)
        if (login := logged_in(request)) is not None:
            return login
        assert request.headers["authorization"] == "bearer tok"
        if self.refusals:
            return self.refusals.pop(0)
        page = 2 if request.url.params.get("after") else 1
        return httpx2.Response(200, content=sample(f"new-{page}"))

    @property
    def paths(self) -> list[str]:
        """Return the paths that were asked for."""
        return [request.url.path for request in self.requests]


class TestContract(HttpSourceContract):
    """A subreddit."""

    source = SOURCE
    target = "harbour"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for the subreddit."""
        return Reddit()(request)

    def empty(self, request: httpx2.Request) -> httpx2.Response:
        """Answer for a subreddit without posts."""
        nothing = '{"kind": "Listing", "data": {"children": [], "after": null}}'
        return logged_in(request) or httpx2.Response(200, text=nothing)

    def hosts(self) -> set[str | None]:
        """Name the API's, and the one where Reddit has its login."""
        return {"oauth.reddit.com", "www.reddit.com"}


async def test_reads_posts() -> None:
    """Title and text, hidden scores unknown, removed posts left out, comments as they are."""
    first, second = await TestContract().pages()

    assert first.posts == [
        SourcePost(
            id="t3_1aaab1",
            message=(
                "Which rope for a 20 m boat?\n\nMine is worn & old.\n\n"
                "Any advice < 100 € is welcome."
            ),
            author="ana_lima",
            url="https://www.reddit.com/r/harbour/comments/1aaab1/which_rope/",
            created_time=datetime(2026, 6, 1, 8, 30, tzinfo=UTC),
            likes=41,
            comments=12,
            shares=1,
        ),
        SourcePost(
            id="t3_1aaab2",
            message="Photo of the new crane",
            url="https://www.reddit.com/r/harbour/comments/1aaab2/photo/",
            created_time=datetime(2026, 6, 1, 7, 30, tzinfo=UTC),
            comments=0,
        ),
    ]
    assert first.skipped == {"removed": 1}
    bare, comment = second.posts
    assert bare == SourcePost(id="t3_1aaab4")
    assert (comment.message, comment.author, comment.likes) == ("A comment in a list", "bo", None)
    assert second.skipped == {"removed": 1, "other": 1}


async def test_logs_in_once_for_all_runs() -> None:
    """A login lasts an hour; a second run of the process uses the first one's."""
    reddit = Reddit()
    http = run(reddit)

    await collect(SOURCE, WALK, http)
    await collect(SOURCE, WALK, http)

    assert reddit.paths.count("/api/v1/access_token") == 1


async def test_a_session_that_is_over_is_renewed_once() -> None:
    """A refused token costs one login; a second refusal is an error."""
    over = Reddit(httpx2.Response(401))
    refused = Reddit(httpx2.Response(401), httpx2.Response(401))

    pages = await collect(SOURCE, WALK, run(over))
    with pytest.raises(errors.SourceAuthRequired):
        await collect(SOURCE, WALK, run(refused))

    assert posts_of(pages)
    assert over.paths.count("/api/v1/access_token") == 2
    assert refused.paths.count("/api/v1/access_token") == 2


async def test_says_who_asks_in_reddits_form() -> None:
    """Platform, app, version, and who answers for it; other agents are throttled."""
    reddit = Reddit()

    await collect(SOURCE, WALK, run(reddit))

    agents = {request.headers["user-agent"] for request in reddit.requests}
    assert agents == {"web:sluice.app-id:0 (by /u/ana_lima)"}


async def test_a_wrong_secret_names_the_setting() -> None:
    """The administrator sees which variable to look at."""
    with pytest.raises(errors.SourceAuthRequired, match="SLUICE_REDDIT_CLIENT_ID"):
        await collect(SOURCE, WALK, run(lambda _: httpx2.Response(401, json={"error": 401})))


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (403, {"reason": "private", "error": 403}, errors.SourcePrivate, "harbour is private"),
        (403, {"reason": "quarantined"}, errors.SourcePrivate, "quarantined"),
        (403, {"message": "Forbidden", "error": 403}, errors.SourcePrivate, "not open to us"),
        (404, {"reason": "banned", "error": 404}, errors.SourceNotFound, "banned"),
        (404, {"message": "Not Found", "error": 404}, errors.SourceNotFound, "nothing"),
    ],
)
async def test_a_reason_says_more_than_its_status(
    status: int, body: dict[str, object], kind: type[errors.SourceError], message: str
) -> None:
    """Private, quarantined and banned are told apart."""
    reddit = Reddit(httpx2.Response(status, json=body))

    with pytest.raises(kind, match=message):
        await collect(SOURCE, WALK, run(reddit))


async def test_an_unknown_subreddit_is_not_found() -> None:
    """Reddit leads from it to a search, whose results must not pass for posts."""
    found = {"kind": "t5", "data": {"name": "t5_2qh0y", "title": "Harbours"}}
    listing = {"kind": "Listing", "data": {"children": [found], "after": None}}

    def search(request: httpx2.Request) -> httpx2.Response:
        if login := logged_in(request):
            return login
        if request.url.path == "/r/harbour/new":
            where = {"location": "https://oauth.reddit.com/subreddits/search?q=harbour"}
            return httpx2.Response(302, headers=where)
        return httpx2.Response(200, json=listing)

    with pytest.raises(errors.SourceNotFound, match="no subreddit harbour"):
        await collect(SOURCE, WALK, run(search))


async def test_a_user_has_a_list_too() -> None:
    """What somebody submitted, wherever that was."""
    reddit = Reddit()

    await collect(SOURCE, Walk(target="u/ana_lima", max_posts=500), run(reddit))

    assert reddit.paths[1] == "/user/ana_lima/submitted"


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("r/Python", "python"),
        ("/r/python/", "python"),
        ("u/spez", "u/spez"),
        ("https://www.reddit.com/r/python/", "python"),
        ("https://old.reddit.com/r/python/top/?t=week", "python"),
        ("https://reddit.com/r/python+learnpython", "python+learnpython"),
        ("https://www.reddit.com/user/spez/submitted", "u/spez"),
    ],
)
def test_understands_what_people_write(written: str, target: str) -> None:
    """The short forms and pasted addresses."""
    recognised = SOURCE.recognise(written)

    assert recognised is not None
    assert SOURCE.normalise(recognised) == target


@pytest.mark.parametrize(
    "address", ["https://example.org/r/python", "https://www.reddit.com/", "python", "r/a b"]
)
def test_leaves_other_addresses_to_others(address: str) -> None:
    """Another site, its front page, or what may be anybody's."""
    assert SOURCE.recognise(address) is None


@pytest.mark.parametrize("target", ["a", "py thon", "r/", "u/", "u/a", "python/top", "é" * 5])
def test_refuses_what_is_no_target(target: str) -> None:
    """With a sentence that says what one looks like."""
    with pytest.raises(TargetInvalid, match="such as reddit:python"):
        SOURCE.normalise(target)


async def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that it never gave is an error, not a crash."""
    for cursor in ("", "x", "t3_", "t5_2qh0y"):
        with pytest.raises(errors.SourceBadReply):
            await collect(SOURCE, Walk(target="harbour", max_posts=1, cursor=cursor), run(Reddit()))


def test_is_off_until_it_is_configured() -> None:
    """It says which variables turn it on."""
    source = RedditSource({"reddit_client_id": "app-id"})

    assert source.state is SourceState.NEEDS_KEY
    assert [setting.variable for setting in source.missing] == [
        "SLUICE_REDDIT_CLIENT_SECRET",
        "SLUICE_REDDIT_USERNAME",
    ]
