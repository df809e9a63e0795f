"""Reddit: what a subreddit or a user posts, newest first, by the Data API.

Reddit grants access to approved apps alone: an app's id and secret are needed, and the name of
the Reddit user who answers for it, which the User-Agent has to name. Without a login everything
has been refused since May 2026, so there is no anonymous way. A listing ends after about 1,000
posts. Scores that are hidden are unknown; removed and deleted posts are left out.

A cursor is the name of the last post (`t3_…`).
"""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Final

import pydantic

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.http import Http
from workers.paging import Seen
from workers.reply import Reply
from workers.session import Session
from workers.site import Address
from workers.source import Evidence, Page, Rate, Setting, Source, SourceInfo, SourcePost, Walk

HOST: Final = "oauth.reddit.com"
BASE: Final = f"https://{HOST}"
TOKEN: Final = "https://www.reddit.com/api/v1/access_token"  # noqa: S105 - an address
LARGEST_PAGE: Final = 100
UNAUTHORISED: Final = 401
STATUSES: Final = frozenset({UNAUTHORISED, 403, 404})

SITES: Final = re.compile(r"(?:(?:www|old|new|np|m|sh)\.)?reddit\.com")
SHORT: Final = re.compile(r"/?([ru])/(\w[\w+-]*)/?", re.ASCII)
SUBREDDIT: Final = re.compile(r"\w{2,21}(?:\+\w{2,21})*", re.ASCII)
USER: Final = re.compile(r"u/[\w-]{3,20}", re.ASCII)
CURSOR: Final = re.compile(r"t[13]_[0-9a-z]{1,13}")

#: What `reason` says beside a 403 or 404.
REASONS: Final[Mapping[str, tuple[type[errors.SourceError], str]]] = {
    "private": (errors.SourcePrivate, "is private"),
    "quarantined": (errors.SourcePrivate, "is quarantined, which only logged-in people may read"),
    "gold_only": (errors.SourcePrivate, "is for subscribers of Reddit alone"),
    "banned": (errors.SourceNotFound, "was banned by Reddit"),
}
POST: Final = "t3"
COMMENT: Final = "t1"
NOBODY: Final = "[deleted]"
GONE: Final = frozenset({"[deleted]", "[removed]"})


class Thing(pydantic.BaseModel):
    """A post, or a comment in a user's list."""

    name: shape.Identifier
    title: shape.Words = None
    selftext: shape.Words = None
    body: shape.Words = None
    author: shape.Words = None
    permalink: shape.Words = None
    created_utc: shape.Epoch = None
    score: shape.Count = None  #: Up minus down; below zero there are no likes to speak of.
    hide_score: shape.Flag = False
    score_hidden: shape.Flag = False
    num_comments: shape.Count = None
    num_crossposts: shape.Count = None
    removed_by_category: shape.Words = None


class Child(pydantic.BaseModel):
    """An entry of a listing."""

    kind: str
    data: Thing


class ListingData(pydantic.BaseModel):
    """What a listing holds."""

    children: Sequence[Child]
    after: str | None


class Listing(pydantic.BaseModel):
    """A page."""

    kind: str = pydantic.Field(pattern="^Listing$")
    data: ListingData


class Grant(pydantic.BaseModel):
    """What a login gives."""

    access_token: str = pydantic.Field(min_length=1)


class Refusal(pydantic.BaseModel):
    """What a call is refused with."""

    reason: shape.Words = None


LISTING: Final = pydantic.TypeAdapter(Listing)
GRANT: Final = pydantic.TypeAdapter(Grant)
REFUSAL: Final = pydantic.TypeAdapter(Refusal)


class RedditSource(Source):
    """Posts of Reddit."""

    info = SourceInfo(
        name="reddit",
        title="Reddit",
        target_help="A subreddit, several joined by +, or u/ and a user's name.",
        examples=("python", "python+learnpython", "u/spez"),
        documentation="https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki",
        read_on=date(2026, 11, 23),
        verified=Evidence.RECORDINGS,
        settings=(
            Setting(name="reddit_client_id", help="The id of your approved Reddit app."),
            Setting(name="reddit_client_secret", help="The app's secret."),
            Setting(
                name="reddit_username",
                help="Your Reddit user name, which Reddit wants in the User-Agent.",
                secret=False,
            ),
        ),
        # 100 calls a minute are granted to an app; they are counted over ten minutes.
        rate=Rate(calls=90, seconds=60),
    )

    def recognise(self, address: str) -> str | None:
        """Return the subreddit or user of `r/python`, `u/spez`, or an address of the site."""
        if short := SHORT.fullmatch(address):
            return f"{short[1]}/{short[2]}"
        page = Address.of(address)
        if page is None or not SITES.fullmatch(page.site.host):
            return None
        match page.path.split("/")[1:]:
            case ["r", name, *_]:
                return f"r/{name}"
            case ["u" | "user", name, *_]:
                return f"u/{name}"
            case _:
                return None

    def normalise(self, target: str) -> str:
        """Return the one way to write a target: subreddits without `r/`, in lower case.

        Raises:
            TargetInvalid: It is none.
        """
        name = target.lower().removeprefix("/").removeprefix("r/").removesuffix("/")
        if SUBREDDIT.fullmatch(name) or USER.fullmatch(name):
            return name
        raise TargetInvalid(
            f"{target[:200]!r} is nothing of Reddit; write a subreddit such as reddit:python, or "
            "a user such as reddit:u/spez."
        )

    def host(self, target: str) -> str:
        """Name the API's host. Logging in, once an hour, asks another one of Reddit's."""
        del target
        return HOST

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the target's posts, newest first.

        Raises:
            SourceError: They could not be read.
        """
        after = walk.cursor
        if after is not None and not CURSOR.fullmatch(after):
            raise errors.SourceBadReply(f"Reddit has no cursor {after[:100]!r}.")
        seen = Seen()
        while True:
            params: dict[str, str | int] = {
                "limit": min(max(walk.max_posts, 1), LARGEST_PAGE),
                "raw_json": 1,  # without it texts come with & < > escaped
            }
            if after is not None:
                params["after"] = after
            reply = await self._get(walk.target, params, http)
            listing = (await reply.parse(LISTING)).data
            posts, skipped = _posts(listing.children)
            after = listing.after or None
            yield seen.page(posts, next_cursor=after, skipped=skipped)
            if after is None:
                return

    async def _get(self, target: str, params: Mapping[str, str | int], http: Http) -> Reply:
        """Ask with the session that is kept, and once with another one if that is over."""
        path = f"/user/{target[2:]}/submitted" if target.startswith("u/") else f"/r/{target}/new"
        key = self.budget_key(target) or HOST
        refused: Session | None = None
        while True:
            session = await http.sessions.get(key, lambda _: self._log_in(http), refused=refused)
            reply = await http.get(
                f"{BASE}{path}",
                params=params,
                headers={"authorization": f"bearer {session.access}", **self._agent(http)},
                statuses=STATUSES,
            )
            if reply.status != UNAUTHORISED or refused is not None:
                break
            refused = session
        if reply.status in STATUSES:
            raise _error_of(reply, target, http)
        # An unknown subreddit's address leads to a search for its name.
        if "/subreddits/search" in reply.address:
            raise errors.SourceNotFound(
                f"Reddit has no subreddit {target}.", address=f"{BASE}{path}", status=reply.status
            )
        return reply

    async def _log_in(self, http: Http) -> Session:
        """Get the app's own session, which lasts an hour."""
        pair = f"{self._credential('reddit_client_id')}:{self._credential('reddit_client_secret')}"
        basic = b64encode(pair.encode()).decode()
        reply = await http.post(
            TOKEN,
            form={"grant_type": "client_credentials"},
            headers={"authorization": f"Basic {basic}", **self._agent(http)},
            statuses={UNAUTHORISED},
        )
        if reply.status == UNAUTHORISED:
            raise errors.SourceAuthRequired(
                "Reddit does not know the app in SLUICE_REDDIT_CLIENT_ID, or not by this secret.",
                address=reply.address,
                status=reply.status,
            )
        return Session(access=(await reply.parse(GRANT)).access_token)

    def _agent(self, http: Http) -> Mapping[str, str]:
        """Say who asks, in the form that Reddit's rules prescribe."""
        app, name = self._credential("reddit_client_id"), self._credential("reddit_username")
        return {"user-agent": f"web:sluice.{app}:{http.version} (by /u/{name.removeprefix('u/')})"}

    def _credential(self, name: str) -> str:
        return self.credentials.get(name, "")


def _posts(children: Sequence[Child]) -> tuple[Sequence[SourcePost], Mapping[str, int]]:
    """Return the posts that are still there, and how many were left out and why."""
    posts: list[SourcePost] = []
    skipped: dict[str, int] = {}
    for child in children:
        reason = _left_out(child)
        if reason is None:
            posts.append(_post(child.data))
        else:
            skipped[reason] = skipped.get(reason, 0) + 1
    return posts, skipped


def _left_out(child: Child) -> str | None:
    if child.kind not in {POST, COMMENT}:
        return "other"
    thing = child.data
    gone = thing.author in {None, NOBODY} and (thing.selftext or thing.body) in GONE
    return "removed" if thing.removed_by_category or gone else None


def _post(thing: Thing) -> SourcePost:
    message = shape.paragraphs([thing.title, thing.selftext, thing.body])
    hidden = thing.hide_score or thing.score_hidden
    return SourcePost(
        id=thing.name,
        message=text.plain(message) if message else None,
        author=None if thing.author == NOBODY else thing.author,
        url=f"https://www.reddit.com{thing.permalink}" if thing.permalink else None,
        created_time=thing.created_utc,
        likes=None if hidden else thing.score,
        comments=thing.num_comments,
        shares=thing.num_crossposts,
    )


def _error_of(reply: Reply, target: str, http: Http) -> errors.SourceError:
    """Return what a refusal means; without a reason that is known, what its status means."""
    try:
        reason = REFUSAL.validate_json(reply.content).reason
    except pydantic.ValidationError:
        reason = None
    if reason not in REASONS:
        return reply.refusal(http.now())
    kind, why = REASONS[reason]
    return kind(f"At Reddit, {target} {why}.", address=reply.address, status=reply.status)
