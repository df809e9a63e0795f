"""Mastodon and what speaks its API: a hashtag, an account, a public timeline of an instance.

Everything is as the asked instance sees it: its counts, and of other instances the posts that
reached it. Boosts are somebody else's posts and left out. Text comes from HTML, under its content
warning.

Since version 4.5 instances may close timelines to visitors (`timelines_access`); a closed one may
answer as if it were empty, so that is looked up before the first page. Where only posts of other
instances are closed, the instance's own are read.

A cursor is the path and query of the next page as the reply's `Link` header names it.

`@name@host`, and on any host an address with `/@name`, are taken for Mastodon's, but for hosts
known to write other things so. Paths that any site may have (`/tags/x`, `/public`) are taken only
for hosts whose name says Mastodon or ends in `.social`.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pydantic
from pydantic import AliasPath

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.budget import Rate
from workers.http import Http
from workers.paging import Seen
from workers.reply import Reply
from workers.site import Address, Site, split
from workers.source import Evidence, Page, Setting, Source, SourceInfo, SourcePost, Walk

LARGEST_PAGE: Final = 40
NOT_FOUND: Final = 404
UNPROCESSABLE: Final = 422
LONGEST_TAG: Final = 200

NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
#: Letters and digits of any script; Mastodon lets a few marks join them.
TAG: Final = re.compile(r"[\w·・\u200c]+")
NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?', re.IGNORECASE)
TIMELINES: Final[Mapping[str, Mapping[str, str]]] = {
    "public": {},
    "public/local": {"local": "true"},
    "public/remote": {"remote": "true"},
}
#: Who may see a post that is meant for everybody.
OPEN: Final = frozenset({"public", "unlisted", "", None})

#: Hosts where `/@name` is not an account of Mastodon's API.
OTHERS: Final = re.compile(
    r"(?:.*\.)?(?:youtube\.com|medium\.com|tiktok\.com|threads\.(?:net|com)|substack\.com|t\.me"
    r"|vk\.(?:com|ru)|odysee\.com|bsky\.app|facebook\.com|instagram\.com|reddit\.com|flickr\.com)"
)
#: Hosts where paths such as `/tags/x` are Mastodon's.
LIKELY: Final = re.compile(
    r"(?!bsky\.social$)(?:.*\.social|(?:.*[.-])?(?:mastodon|mstdn|masto|fosstodon|hachyderm)\b.*)"
)
ACCESS: Final = ("configuration", "timelines_access")


class Access(pydantic.BaseModel):
    """Who may see a kind of timeline: `public`, `authenticated` or `disabled`."""

    local: shape.Words = None
    remote: shape.Words = None


class Instance(pydantic.BaseModel):
    """`/api/v2/instance`, whose `timelines_access` is there since version 4.5."""

    live: Annotated[Access | None, shape.OPTIONAL] = pydantic.Field(
        default=None, validation_alias=AliasPath(*ACCESS, "live_feeds")
    )
    hashtags: Annotated[Access | None, shape.OPTIONAL] = pydantic.Field(
        default=None, validation_alias=AliasPath(*ACCESS, "hashtag_feeds")
    )


class Account(pydantic.BaseModel):
    """An account, as the instance knows it."""

    id: shape.Identifier
    acct: shape.Words = None
    suspended: shape.Flag = False


class Medium(pydantic.BaseModel):
    """An attached picture, sound or film."""

    description: shape.Words = None


class Status(pydantic.BaseModel):
    """A post. Servers that are compatible leave some of it out."""

    id: shape.Identifier
    uri: shape.Words = None
    url: shape.Words = None
    account: Account
    content: shape.Words = None
    spoiler_text: shape.Words = None
    created_at: shape.Moment = None
    visibility: shape.Words = None
    favourites_count: shape.Count = None
    replies_count: shape.Count = None
    reblogs_count: shape.Count = None
    reblog: Annotated[Mapping[str, object] | None, shape.OPTIONAL] = None
    media_attachments: Annotated[Sequence[Medium], shape.LISTED] = ()


INSTANCE: Final = pydantic.TypeAdapter(Instance)
ACCOUNT: Final = pydantic.TypeAdapter(Account)
STATUSES: Final = pydantic.TypeAdapter(Sequence[Status])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A normalised target, taken apart: one of `tag`, `account` and `timeline`."""

    site: Site
    tag: str | None = None
    account: str | None = None
    timeline: str | None = None

    @classmethod
    def of(cls, written: str) -> "Place":
        """Read a target.

        Raises:
            ValueError: It is none.
        """
        if len(parts := written.removeprefix("@").split("@")) == 2 and "/" not in written:  # noqa: PLR2004 - name and host
            site, rest = Site.of(parts[1]), f"@{parts[0]}"
        else:
            site, rest = split(written)
        rest = rest.rstrip("/")
        if rest.startswith(("#", "tags/")):
            tag = rest.removeprefix("#").removeprefix("tags/").lower()
            if TAG.fullmatch(tag) and not tag.isdecimal() and len(tag) <= LONGEST_TAG:
                return cls(site=site, tag=tag)
        elif rest.startswith("@"):
            return cls(site=site, account=_account(rest.removeprefix("@"), site))
        elif rest in TIMELINES:
            return cls(site=site, timeline=rest)
        raise ValueError(f"{rest!r} is no place of an instance.")

    @property
    def written(self) -> str:
        """Return the one way to write it."""
        if self.tag is not None:
            return f"{self.site.written}/#{self.tag}"
        if self.account is not None:
            return f"{self.site.written}/@{self.account}"
        return f"{self.site.written}/{self.timeline}"


class MastodonSource(Source):
    """An instance's hashtags, accounts and public timelines."""

    info = SourceInfo(
        name="mastodon",
        title="Mastodon",
        target_help=(
            "An instance with a #hashtag, an @account, public, public/local or public/remote."
        ),
        examples=(
            "mastodon.social/#python",
            "mastodon.social/@Mastodon",
            "@Gargron@mastodon.social",
            "mastodon.social/public/local",
        ),
        documentation="https://docs.joinmastodon.org/methods/timelines/",
        read_on=date(2026, 11, 24),
        # Recorded replies of Mastodon itself; as a running server only a mock was at hand.
        verified=Evidence.RECORDINGS,
        settings=(
            Setting(
                name="mastodon_tokens",
                help=(
                    "Access tokens with the scope read:statuses, for instances that show visitors "
                    "nothing, as host=token, separated by commas."
                ),
                required=False,
            ),
        ),
        # Calls that name a cursor: 300 in 15 minutes for an address or account, in Mastodon's
        # own rack_attack.rb. A task of 500 posts takes 15.
        rate=Rate(calls=300, seconds=900, burst=20),
    )

    def auth_mode_of(self, target: str) -> str:
        """Say whether the instance is asked with its token."""
        return "access token" if self._token(Place.of(target).site) else "anonymous"

    def recognise(self, address: str) -> str | None:
        """Know `@name@host` and the addresses that the module's description names."""
        if address.startswith("@"):
            return _written(address) if address.count("@") == 2 else None  # noqa: PLR2004 - name and host
        if (page := Address.of(address)) is None or OTHERS.fullmatch(page.site.host):
            return None
        path = page.path.removeprefix("/web").lstrip("/").replace("timelines/tag/", "tags/")
        if re.fullmatch(r"@[^/]+(?:/(?:with_replies|media))?", path):
            return _written(f"{page.site.written}/{path.partition('/')[0]}")
        if not LIKELY.fullmatch(page.site.host):
            return None
        path = re.sub(r"users/([^/]+)", r"@\1", path)
        return _written(f"{page.site.written}/{path}")

    def normalise(self, target: str) -> str:
        """Write the instance first, hashtags in lower case, accounts without their own host.

        Raises:
            TargetInvalid: It is no place of an instance.
        """
        if (written := _written(self.recognise(target) or target)) is None:
            raise TargetInvalid(
                f"{target[:200]!r} is no place of a Mastodon instance; write for instance "
                "mastodon:mastodon.social/#python, mastodon:mastodon.social/@name or "
                "mastodon:mastodon.social/public."
            )
        return written

    def host(self, target: str) -> str | None:
        """Name the instance."""
        return Place.of(target).site.host

    def budget_key(self, target: str) -> str | None:
        """Count by the instance's own token; those for other instances change nothing."""
        return (
            super().budget_key(target) if self._token(Place.of(target).site) else self.host(target)
        )

    def _token(self, site: Site) -> str | None:
        """Return the token that belongs to an instance. It goes to no other."""
        for entry in self.credentials.get("mastodon_tokens", "").split(","):
            host, _, token = entry.strip().partition("=")
            if token and host.lower() == site.written:
                return token
        return None

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield what the instance gives, without boosts.

        Raises:
            SourceError: It could not be read.
        """
        place = Place.of(walk.target)
        client = _Client(place.site, self._token(place.site), http)
        path = walk.cursor
        if path is None:
            path = await _first_page(place, client, size=min(max(walk.max_posts, 1), LARGEST_PAGE))
        seen = Seen()
        while path is not None:
            reply = await client.get(path)
            statuses = await reply.parse(STATUSES)
            path = _next_page(reply, statuses, path)
            posts = [_post(status) for status in statuses if _why_not(status) is None]
            reasons = [reason for status in statuses if (reason := _why_not(status))]
            skipped = {reason: reasons.count(reason) for reason in reasons}
            yield seen.page(posts, next_cursor=path, skipped=skipped)


class _Client:
    """Asks one instance, with its token if there is one."""

    def __init__(self, site: Site, token: str | None, http: Http) -> None:
        self._site = site
        self._http = http
        self.is_logged_in = token is not None
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, *, statuses: frozenset[int] = frozenset()) -> Reply:
        """Ask for a path, with its query, which may be a stored cursor."""
        if not path.startswith("/api/"):
            raise errors.SourceBadReply(f"{self._site.host} has no page {path[:200]!r}.")
        reply = await self._http.get(
            self._site.base + path,
            headers=self._headers,
            statuses={UNPROCESSABLE, *statuses},
        )
        if reply.status == UNPROCESSABLE:
            said = (await reply.parse(shape.REFUSAL)).error or "it is not allowed"
            # Before version 4 this is how a call without a login is refused.
            if "authenticated user" in said:
                raise errors.SourceAuthRequired(
                    f"{reply.address} wants a login: {said.rstrip('.')}.",
                    address=reply.address,
                    status=reply.status,
                )
            raise reply.bad(said)
        return reply


async def _first_page(place: Place, client: _Client, *, size: int) -> str:
    """Return the path of a target's first page."""
    if place.account is not None:
        reply = await client.get(f"/api/v1/accounts/lookup?acct={quote(place.account)}")
        account = await reply.parse(ACCOUNT)
        if account.suspended:
            raise errors.SourceNotFound(
                f"The account @{place.account} is suspended at {place.site.host}."
            )
        return f"/api/v1/accounts/{quote(account.id)}/statuses?exclude_reblogs=true&limit={size}"
    query = await _openness(place, client)
    if place.tag is not None:
        return f"/api/v1/timelines/tag/{quote(place.tag)}?{query}limit={size}"
    return f"/api/v1/timelines/public?{query}limit={size}"


async def _openness(place: Place, client: _Client) -> str:
    """Return the parameter that keeps to what the instance shows; raise if that is nothing."""
    asked = TIMELINES.get(place.timeline or "", {})
    reply = await client.get("/api/v2/instance", statuses=frozenset({NOT_FOUND}))
    # Older versions and some compatible servers have no such page, and no such switch.
    instance = Instance() if reply.status == NOT_FOUND else await reply.parse(INSTANCE)
    kind = (instance.live if place.tag is None else instance.hashtags) or Access()
    closed = {
        side: value
        for side, value in (("local", kind.local), ("remote", kind.remote))
        if value == "disabled" or (value == "authenticated" and not client.is_logged_in)
    }
    wanted = "remote" if "remote" in asked else "local"
    if wanted in closed:
        if closed[wanted] == "authenticated":
            raise errors.SourceAuthRequired(
                f"{place.site.host} shows this timeline to its users only; an administrator may "
                "set a token for it in SLUICE_MASTODON_TOKENS."
            )
        raise errors.SourcePrivate(f"{place.site.host} has switched this timeline off.")
    if "remote" in closed:
        asked = {"local": "true"}
    return "".join(f"{name}={value}&" for name, value in asked.items())


def _next_page(reply: Reply, statuses: Sequence[Status], path: str) -> str | None:
    """Return the path of the next page, or None at the end.

    Of a `Link` only the query counts: it may name another host where a proxy stands before the
    server, and compatible servers leave out what the page was asked with.
    """
    page = urlsplit(path)
    query = dict(parse_qsl(page.query))
    link = reply.headers.get("link")
    if not statuses:
        return None
    if link is not None:
        found = NEXT.search(link)
        following = dict(parse_qsl(urlsplit(found[1]).query)) if found else {}
    else:
        # Some compatible servers send none; then a full page says that more may follow.
        size = query.get("limit", "")
        is_full = size.isdecimal() and len(statuses) >= int(size)
        following = {"max_id": statuses[-1].id} if is_full else {}
    if not following:
        return None
    return f"{page.path}?{urlencode({**query, **following})}"


def _why_not(status: Status) -> str | None:
    """Say why a post is left out, or None."""
    if status.reblog is not None:
        return "repost"
    # With a token the instance also gives what is for some people only.
    return None if status.visibility in OPEN else "not_public"


def _post(status: Status) -> SourcePost:
    body = text.from_html(status.content or "")
    if not body:
        body = shape.paragraphs([medium.description for medium in status.media_attachments])
    return SourcePost(
        id=status.id,
        message=shape.paragraphs([text.plain(status.spoiler_text or ""), body]),
        author=status.account.acct,
        url=status.url or status.uri,
        created_time=status.created_at,
        likes=status.favourites_count,
        comments=status.replies_count,
        shares=status.reblogs_count,
    )


def _account(written: str, site: Site) -> str:
    """Return `name`, or `name@host` for an account of another instance; else a ValueError."""
    name, at, host = written.partition("@")
    if not NAME.fullmatch(name) or (at and Site.of(host).written != host.lower()):
        raise ValueError(f"{written!r} is no account.")
    return name if host.lower() in {"", site.host} else f"{name}@{host.lower()}"


def _written(target: str) -> str | None:
    try:
        return Place.of(target).written
    except ValueError:
        return None
