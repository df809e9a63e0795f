"""Bluesky: an account's posts, a list's, a custom feed's; with a login also a search.

The AppView answers anybody; a search goes through the account's own server (PDS), which wants a
login. Facts: the lexicons `app.bsky.feed.*` of github.com/bluesky-social/atproto, tried on a
Bluesky network of PDS, AppView, PLC directory and feed generator.

An account's feed and a list's hold what was reposted as well, which is left out: it is not
theirs. A custom feed holds what its author chose, by whoever it is. Replies are posts. Accounts
may ask not to be shown to visitors (the label `!no-unauthenticated`), which is kept to.

A cursor is the AppView's own.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import httpx2

from tasks.errors import PlatformUnconfigured, TargetInvalid
from workers import atproto, errors, shape
from workers.budget import Rate
from workers.http import Http
from workers.paging import Seen
from workers.reply import Reply
from workers.session import Session
from workers.site import Address
from workers.source import Evidence, Page, Setting, Source, SourceInfo, SourcePost, Walk

APPVIEW: Final = "https://public.api.bsky.app"
PDS: Final = "https://bsky.social"
LARGEST_PAGE: Final = 100
BAD_REQUEST: Final = 400
UNAUTHORISED: Final = 401

HANDLE: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?"
)
DID: Final = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")
LIST: Final = "app.bsky.graph.list"
GENERATOR: Final = "app.bsky.feed.generator"
RECORD: Final = re.compile(
    rf"at://([^/]+)/({re.escape(LIST)}|{re.escape(GENERATOR)})/([A-Za-z0-9._:~-]{{1,512}})"
)
#: What a page of the web application names: a profile's lists and feeds.
COLLECTIONS: Final[Mapping[str, str]] = {"lists": LIST, "feed": GENERATOR}
WEB_HOSTS: Final = frozenset({"bsky.app", "www.bsky.app", "main.bsky.dev", "staging.bsky.app"})
SEARCH: Final = "search:"
LONGEST: Final = 500

REPOST: Final = "app.bsky.feed.defs#reasonRepost"
NOT_FOR_VISITORS: Final = "!no-unauthenticated"
EXPIRED: Final = frozenset({"ExpiredToken", "InvalidToken"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a target is read with."""

    method: str
    params: Mapping[str, str]
    owned: bool = False  #: Whether reposts in it are somebody else's.
    is_search: bool = False

    @classmethod
    def of(cls, target: str) -> "Query":
        """Read a normalised target."""
        if target.startswith(SEARCH):
            words = target.removeprefix(SEARCH)
            params = {"q": words, "sort": "latest"}
            return cls(method="app.bsky.feed.searchPosts", params=params, is_search=True)
        if record := RECORD.fullmatch(target):
            if record[2] == LIST:
                return cls(method="app.bsky.feed.getListFeed", params={"list": target}, owned=True)
            return cls(method="app.bsky.feed.getFeed", params={"feed": target})
        params = {"actor": target, "filter": "posts_with_replies", "includePins": "false"}
        return cls(method="app.bsky.feed.getAuthorFeed", params=params, owned=True)


class BlueskySource(Source):
    """Bluesky, or a network of one's own that speaks as it does."""

    info = SourceInfo(
        name="bluesky",
        title="Bluesky",
        target_help=(
            "An account (bsky.app), a list or feed (at://…), or with a login search: and words."
        ),
        examples=(
            "bsky.app",
            "did:plc:z72i7hdynmk6r22z27h6tvur",
            "at://did:plc:z72i7hdynmk6r22z27h6tvur/app.bsky.feed.generator/whats-hot",
        ),
        documentation="https://docs.bsky.app/docs/category/http-reference",
        read_on=date(2026, 11, 24),
        verified=Evidence.REAL_SERVER,
        settings=(
            Setting(
                name="bluesky_identifier",
                help="The handle of the account that searches Bluesky.",
                secret=False,
                required=False,
            ),
            Setting(
                name="bluesky_app_password",
                help="An app password of that account.",
                required=False,
            ),
            Setting(
                name="bluesky_pds",
                help=f"The server of that account; {PDS} if unset.",
                secret=False,
                required=False,
            ),
            Setting(
                name="bluesky_appview",
                help=f"The AppView to read from; {APPVIEW} if unset.",
                secret=False,
                required=False,
            ),
        ),
        # The AppView names no limit and asks for moderation; a task of 500 posts takes 5 calls.
        rate=Rate(calls=120, seconds=60, burst=10),
    )

    @property
    def auth_mode(self) -> str:
        """Say that all but searches are asked for as a visitor."""
        return "anonymous"

    def auth_mode_of(self, target: str) -> str:
        """Say whether the login is used."""
        return "app password" if target.startswith(SEARCH) else "anonymous"

    def recognise(self, address: str) -> str | None:
        """Know the web application's pages, `at://` addresses, DIDs and @handles."""
        if (page := Address.of(address)) is not None:
            return _target_of(page) if page.site.host in WEB_HOSTS else None
        handle = address.removeprefix("@").lower()
        if HANDLE.fullmatch(handle) and (
            address.startswith("@") or handle.endswith(".bsky.social")
        ):
            return handle
        if RECORD.fullmatch(address) or DID.fullmatch(address):
            return address
        return None

    def normalise(self, target: str) -> str:
        """Write handles in lower case and without the @, and hashtags as searches.

        Raises:
            TargetInvalid: It is no account, list, feed or search.
            PlatformUnconfigured: It is a search, and no login is set.
        """
        target = self.recognise(target) or target
        if target.startswith("#"):
            target = SEARCH + target
        if target.startswith(SEARCH):
            return self._search(target)
        if record := RECORD.fullmatch(target):
            return f"at://{_actor(record[1])}/{record[2]}/{record[3]}"
        return _actor(target)

    def _search(self, target: str) -> str:
        words = " ".join(target.removeprefix(SEARCH).split())
        if not words or len(words) > LONGEST or not words.isprintable():
            raise TargetInvalid(
                f"A search on Bluesky has 1 to {LONGEST} printable characters, as in search:python."
            )
        if not self._has_login:
            raise PlatformUnconfigured(
                "Bluesky cannot be searched until an administrator sets "
                "SLUICE_BLUESKY_IDENTIFIER and SLUICE_BLUESKY_APP_PASSWORD."
            )
        return SEARCH + words

    @property
    def _has_login(self) -> bool:
        return {"bluesky_identifier", "bluesky_app_password"} <= self.credentials.keys()

    def _base(self, *, is_search: bool) -> str:
        name, usual = ("bluesky_pds", PDS) if is_search else ("bluesky_appview", APPVIEW)
        return self.credentials.get(name, usual).rstrip("/")

    def host(self, target: str) -> str | None:
        """Name the AppView, or for a search the account's server."""
        return httpx2.URL(self._base(is_search=target.startswith(SEARCH))).host

    def budget_key(self, target: str) -> str | None:
        """Count a search by its account, everything else together."""
        return super().budget_key(target) if target.startswith(SEARCH) else self.host(target)

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield what the AppView gives, without reposts that are not the target's own.

        Raises:
            SourceError: It could not be read.
        """
        query = Query.of(await self._with_did(walk.target, http))
        cursor = walk.cursor
        seen = Seen()
        while True:
            feed = await self._read(query, cursor, walk, http)
            if not feed.feed and cursor is None:
                await self._require_list(query, http)
            # Feed generators are anybody's programs: some repeat their cursor for ever.
            ended = not feed.cursor or feed.cursor == cursor or (not query.owned and not feed.feed)
            cursor = None if ended else feed.cursor
            posts, skipped = _posts(feed, query)
            yield seen.page(posts, next_cursor=cursor, skipped=skipped)
            if cursor is None:
                return

    async def _with_did(self, target: str, http: Http) -> str:
        """Return the target with the DID of a handle in an `at://` address.

        The AppView knows lists and feeds by DID alone.
        """
        record = RECORD.fullmatch(target)
        if record is None or DID.fullmatch(record[1]):
            return target
        reply = await self._get("com.atproto.identity.resolveHandle", {"handle": record[1]}, http)
        identity = await reply.parse(atproto.IDENTITY)
        return f"at://{identity.did}/{record[2]}/{record[3]}"

    async def _read(self, query: Query, cursor: str | None, walk: Walk, http: Http) -> atproto.Feed:
        size = min(max(walk.max_posts, 1), LARGEST_PAGE)
        params = {**query.params, "limit": size, **({"cursor": cursor} if cursor else {})}
        if not query.is_search:
            return await (await self._get(query.method, params, http)).parse(atproto.FEED)
        found = await (await self._get_logged_in(query.method, params, walk, http)).parse(
            atproto.FOUND
        )
        return atproto.Feed(
            feed=[atproto.Item(post=post) for post in found.posts], cursor=found.cursor
        )

    async def _require_list(self, query: Query, http: Http) -> None:
        """Ask for the list itself: an unknown one is answered as an empty feed."""
        if uri := query.params.get("list"):
            await self._get("app.bsky.graph.getList", {"list": uri, "limit": 1}, http)

    async def _get(self, method: str, params: Mapping[str, str | int], http: Http) -> Reply:
        url = f"{self._base(is_search=False)}/xrpc/{method}"
        reply = await http.get(url, params=params, statuses={BAD_REQUEST})
        if reply.status == BAD_REQUEST:
            raise atproto.error_of(reply, await reply.parse(shape.REFUSAL))
        return reply

    async def _get_logged_in(
        self, method: str, params: Mapping[str, str | int], walk: Walk, http: Http
    ) -> Reply:
        """Ask with the session that is kept, and with another one if that is over."""
        if not self._has_login:
            raise errors.SourceAuthRequired("Searching Bluesky needs a login, which is not set.")
        key = self.budget_key(walk.target) or walk.target
        url = f"{self._base(is_search=True)}/xrpc/{method}"
        refused: Session | None = None
        while True:
            session = await http.sessions.get(
                key, lambda refused: self._log_in(refused, http), refused=refused
            )
            reply = await http.get(
                url, params=params, headers=_bearer(session.access), statuses={BAD_REQUEST}
            )
            if reply.status != BAD_REQUEST:
                return reply
            refusal = await reply.parse(shape.REFUSAL)
            if refusal.error not in EXPIRED or refused is not None:
                raise atproto.error_of(reply, refusal)
            refused = session

    async def _log_in(self, refused: Session | None, http: Http) -> Session:
        """Renew a session that is over, or else begin one.

        Raises:
            SourceError: The login is wrong, or logins are used up for now.
        """
        base = f"{self._base(is_search=True)}/xrpc/com.atproto.server"
        reply: Reply | None = None
        if refused is not None and refused.refresh is not None:
            reply = await http.post(
                f"{base}.refreshSession",
                headers=_bearer(refused.refresh),
                statuses={BAD_REQUEST, UNAUTHORISED},
            )
        if reply is None or reply.status in {BAD_REQUEST, UNAUTHORISED}:
            reply = await http.post(
                f"{base}.createSession",
                json={
                    "identifier": self.credentials["bluesky_identifier"],
                    "password": self.credentials["bluesky_app_password"],
                },
            )
        login = await reply.parse(atproto.LOGIN)
        return Session(access=login.access, refresh=login.refresh)


def _target_of(page: Address) -> str | None:
    """Return what a page of the web application shows."""
    match page.path.split("/")[1:]:
        case ["profile", actor]:
            return actor
        case ["profile", actor, ("lists" | "feed") as kind, key]:
            return f"at://{actor}/{COLLECTIONS[kind]}/{key}"
        case ["search"] if words := page.query.get("q"):
            return SEARCH + words
        case ["hashtag", tag]:
            return f"{SEARCH}#{tag}"
        case _:
            return None


def _actor(written: str) -> str:
    """Return the one way to write an account.

    Raises:
        TargetInvalid: It is none.
    """
    if DID.fullmatch(written):
        return written
    handle = written.removeprefix("@").lower()
    if len(handle) > 253 or not HANDLE.fullmatch(handle):  # noqa: PLR2004 - the longest host name
        raise TargetInvalid(
            f"{written[:200]!r} is no account, list or feed of Bluesky; write a whole handle such "
            "as bluesky:alice.bsky.social."
        )
    return handle


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


def _posts(feed: atproto.Feed, query: Query) -> tuple[Sequence[SourcePost], Mapping[str, int]]:
    """Return a page's posts, and why others are left out.

    Raises:
        SourcePrivate: It is the feed of an account that is not to be shown to visitors.
    """
    posts: list[SourcePost] = []
    skipped: Counter[str] = Counter()
    for item in feed.feed:
        hidden = not query.is_search and any(
            label.val == NOT_FOR_VISITORS for label in item.post.author.labels
        )
        if query.owned and item.reason is not None and item.reason.type == REPOST:
            skipped["repost"] += 1
        elif hidden and "actor" in query.params:
            raise errors.SourcePrivate(
                f"The account {query.params['actor']} asks not to be shown to visitors."
            )
        elif hidden:
            skipped["not_for_visitors"] += 1
        else:
            posts.append(atproto.post_of(item.post))
    return posts, skipped
