"""Facebook: the posts of a Page, by the Graph API.

A token is needed: of a Page that you manage, or of a system user whose app passed the review of
"Page Public Content Access". Groups cannot be read by anybody since 2024-04-22, when the Groups
API was removed from all versions; they are refused when a task is created. About 600 posts a year
of a Page are returned. Counts that the token may not see are unknown.

A cursor holds the parameters by which the API names the next page, without the token that it
writes among them.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pydantic

from tasks.errors import SourceClosed, TargetInvalid
from workers import errors, shape, text
from workers.http import Http
from workers.paging import Seen
from workers.reply import Reply
from workers.site import Address
from workers.source import Evidence, Page, Rate, Setting, Source, SourceInfo, SourcePost, Walk

HOST: Final = "graph.facebook.com"
BASE: Final = f"https://{HOST}/v26.0"
KEY: Final = "facebook_access_token"
LARGEST_PAGE: Final = 100
FIELDS: Final = (
    "id,message,story,from{name},created_time,permalink_url,shares,"
    "reactions.limit(0).summary(total_count),comments.filter(stream).limit(0).summary(true)"
)
#: Those of the next page's address that say which page it is.
PLACES: Final = frozenset({"after", "until", "since", "__paging_token", "offset"})

SITES: Final = re.compile(r"(?:(?:www|m|web|mbasic|business)\.)?(?:facebook\.com|fb\.com)")
PAGE: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
#: `Name-of-the-page-123456`, as older addresses are written.
NUMBERED: Final = re.compile(r".+-(\d{5,20})")
GROUP: Final = re.compile(r"groups?(?:$|[/:])", re.IGNORECASE)
#: What is at the place of a Page's name in other addresses.
RESERVED: Final = frozenset(
    {"watch", "events", "marketplace", "photo", "photo.php", "permalink.php", "story.php"}
    | {"sharer", "login", "help", "policies", "share", "reel", "hashtag", "search", "gaming"}
)

#: https://developers.facebook.com/docs/graph-api/guides/error-handling and …/rate-limiting
RATE_LIMITED: Final = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_015)})
BAD_TOKEN: Final = frozenset({102, 190, 463, 467})
NOT_PERMITTED: Final = frozenset({3, 10, *range(200, 300)})
PASSING: Final = frozenset({1, 2})
UNKNOWN_NAME: Final = 803
BAD_PARAMETER: Final = 100
STATUSES: Final = frozenset({400, 401, 403, 404, 500, 503})

#: Limits are counted over a rolling hour; without a word of when, some of it has to pass.
PAUSE: Final = timedelta(minutes=10)
#: Per cent of a limit from which on to make way before being refused.
NEARLY_SPENT: Final = 95


class Summary(pydantic.BaseModel):
    """How many there are."""

    total_count: shape.Count = None


class Counted(pydantic.BaseModel):
    """Reactions or comments, of which only the number was asked for."""

    summary: Annotated[Summary | None, shape.OPTIONAL] = None


class Shares(pydantic.BaseModel):
    """How often a post was shared."""

    count: shape.Count = None


class Profile(pydantic.BaseModel):
    """Who wrote a post."""

    name: shape.Words = None


class Post(pydantic.BaseModel):
    """A post of a Page."""

    id: shape.Identifier
    message: shape.Words = None
    story: shape.Words = None  #: What Facebook says of a post without a text.
    author: Annotated[Profile | None, shape.OPTIONAL] = pydantic.Field(default=None, alias="from")
    created_time: shape.Moment = None
    permalink_url: shape.Words = None
    shares: Annotated[Shares | None, shape.OPTIONAL] = None
    reactions: Annotated[Counted | None, shape.OPTIONAL] = None
    comments: Annotated[Counted | None, shape.OPTIONAL] = None


class Paging(pydantic.BaseModel):
    """Where further posts are; the last page has no `next`."""

    next: shape.Words = None


class Feed(pydantic.BaseModel):
    """A page of posts."""

    data: Sequence[Post]
    paging: Annotated[Paging | None, shape.OPTIONAL] = None


class ErrorBody(pydantic.BaseModel):
    """An error."""

    message: shape.Words = None
    code: int
    is_transient: shape.Flag = False


class Refusal(pydantic.BaseModel):
    """What a call is refused with."""

    error: ErrorBody


class Usage(pydantic.BaseModel):
    """What was used of a limit, in per cent, and the minutes until it is free again."""

    call_count: shape.Count = None
    total_time: shape.Count = None
    total_cputime: shape.Count = None
    estimated_time_to_regain_access: shape.Count = None

    @property
    def most(self) -> int:
        """Return the per cent of the limit that is nearest to its end."""
        return max(self.call_count or 0, self.total_time or 0, self.total_cputime or 0)


FEED: Final = pydantic.TypeAdapter(Feed)
REFUSAL: Final = pydantic.TypeAdapter(Refusal)
APP_USAGE: Final = pydantic.TypeAdapter(Usage)
BUSINESS_USAGE: Final = pydantic.TypeAdapter(dict[str, list[Usage]])


class FacebookSource(Source):
    """Pages of Facebook."""

    info = SourceInfo(
        name="facebook",
        title="Facebook",
        target_help="A Page's name or number; groups cannot be read.",
        examples=("nasa", "54971236771"),
        documentation="https://developers.facebook.com/docs/graph-api/reference/page/feed",
        read_on=date(2026, 11, 23),
        verified=Evidence.RECORDINGS,
        settings=(
            Setting(
                name=KEY,
                help="A Page's token, or a system user's with Page Public Content Access.",
            ),
        ),
        # 200 calls an hour for each user of the app, of which there may be one.
        rate=Rate(calls=180, seconds=3600, burst=20),
    )

    def recognise(self, address: str) -> str | None:
        """Return the Page that an address of the site shows, or the group, to be refused."""
        page = Address.of(address)
        if page is None or not SITES.fullmatch(page.site.host):
            return None
        parts = page.path.strip("/").split("/")
        match parts:
            case ["groups", *rest]:
                target = "/".join(["groups", *rest[:1]])
            case ["profile.php"]:
                target = page.query.get("id") or ""
            case ["pages", _, number, *_] | ["pages", "category", _, number, *_]:
                target = number
            case ["p" | "pg" | "people", name, *_]:
                target = name
            case [name, *_] if name.lower() not in RESERVED:
                target = name
            case _:
                target = ""
        numbered = NUMBERED.fullmatch(target)
        return (numbered[1] if numbered else target) or None

    def normalise(self, target: str) -> str:
        """Return the Page's name in lower case, or its number.

        Raises:
            SourceClosed: It is a group.
            TargetInvalid: It is no Page.
        """
        if GROUP.match(target):
            raise SourceClosed(
                "Facebook offers no API for groups since 2024-04-22. Collect the posts with a "
                "program of your own: create a task with the group id push: and any name, and send "
                "it the posts with POST /api/tasks/{id}/posts or the mutation addPosts."
            )
        name = target.removeprefix("@").lower()
        if PAGE.fullmatch(name):
            return name
        raise TargetInvalid(
            f"{target[:200]!r} is no Page of Facebook; write its name as in its address, such as "
            "facebook:nasa."
        )

    def host(self, target: str) -> str:
        """Name the API's host."""
        del target
        return HOST

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the Page's own posts, newest first.

        Raises:
            SourceError: They could not be read.
        """
        place = _read_cursor(walk.cursor)
        seen = Seen()
        while True:
            params: dict[str, str | int] = {
                "fields": FIELDS,
                "limit": min(max(walk.max_posts, 1), LARGEST_PAGE),
                **place,
            }
            reply = await self._get(f"{walk.target}/posts", params, http)
            feed = await reply.parse(FEED)
            place = _place(feed.paging.next if feed.paging else None, reply)
            posts = [_post(post, walk.target) for post in feed.data]
            yield seen.page(posts, next_cursor=urlencode(place) or None)
            if not place:
                return

    async def _get(self, path: str, params: Mapping[str, str | int], http: Http) -> Reply:
        # A header keeps the token out of addresses, which are logged on the way.
        headers = {"authorization": f"Bearer {self.credentials.get(KEY, '')}"}
        reply = await http.get(f"{BASE}/{path}", params=params, headers=headers, statuses=STATUSES)
        if reply.status in STATUSES:
            error = _error_of(reply, http.now())
            if error.retry_at is not None:
                await http.hold(error.retry_at)
            raise error
        if any(usage.most >= NEARLY_SPENT for usage in _usages(reply)):
            await http.hold(_regained(reply, http.now()))
        return reply


def _post(post: Post, page: str) -> SourcePost:
    message = shape.first(post.message, post.story)
    return SourcePost(
        id=post.id,
        message=text.plain(message) if message else None,
        # Whose post it is may be kept back, but these are the Page's own.
        author=(post.author and post.author.name) or page,
        url=post.permalink_url or f"https://www.facebook.com/{post.id}",
        created_time=post.created_time,
        likes=_total(post.reactions),
        comments=_total(post.comments),
        # Facebook leaves the number out of posts that nobody shared.
        shares=post.shares.count if post.shares else None,
    )


def _total(counted: Counted | None) -> int | None:
    return counted.summary.total_count if counted and counted.summary else None


def _place(address: str | None, reply: Reply) -> Mapping[str, str]:
    """Return the parameters that name the next page; empty on the last one."""
    if address is None:
        return {}
    given = dict(parse_qsl(urlsplit(address).query))
    place = {name: given[name] for name in sorted(PLACES & given.keys())}
    if not place:
        raise reply.bad("the next page's address does not say which page it is")
    return place


def _read_cursor(cursor: str | None) -> Mapping[str, str]:
    """Return the parameters of a cursor.

    Raises:
        SourceBadReply: It is none of ours.
    """
    if cursor is None:
        return {}
    place = dict(parse_qsl(cursor, keep_blank_values=True))
    if not place or place.keys() - PLACES:
        raise errors.SourceBadReply(f"Facebook has no cursor {cursor[:100]!r}.")
    return place


def _error_of(reply: Reply, now: datetime) -> errors.SourceError:
    """Return what a refusal means; without a code that is known, what its status means."""
    try:
        body = REFUSAL.validate_json(reply.content).error
    except pydantic.ValidationError:
        return reply.refusal(now)
    place: dict[str, Any] = {"address": reply.address, "status": reply.status}
    said = f"Facebook says: {(body.message or f'error {body.code}')[:300].rstrip('.')}."
    if body.code in RATE_LIMITED:
        error: errors.SourceError = errors.SourceRateLimited(
            "The calls that Facebook grants to the token are used up for now.",
            retry_at=_regained(reply, now),
            **place,
        )
    elif body.code in BAD_TOKEN:
        error = errors.SourceAuthRequired(
            "Facebook does not take the token in SLUICE_FACEBOOK_ACCESS_TOKEN; it may be over.",
            **place,
        )
    elif body.code in PASSING or body.is_transient:
        error = errors.SourceUnavailable(said, **place)
    elif body.code in NOT_PERMITTED or _wants_permission(body):
        error = errors.SourcePrivate(said, **place)
    elif body.code in {UNKNOWN_NAME, BAD_PARAMETER}:
        error = errors.SourceNotFound(said, **place)
    else:
        error = reply.refusal(now)
    return error


def _wants_permission(body: ErrorBody) -> bool:
    """Say whether a bad parameter means a Page that the token may not read.

    Facebook does not say whether such a Page exists.
    """
    return body.code == BAD_PARAMETER and "permission" in (body.message or "")


def _usages(reply: Reply) -> Sequence[Usage]:
    """Return what the headers say of the limits that count."""
    usages: list[Usage] = []
    try:
        if written := reply.headers.get("x-app-usage"):
            usages.append(APP_USAGE.validate_json(written))
        if written := reply.headers.get("x-business-use-case-usage"):
            for of_one in BUSINESS_USAGE.validate_json(written).values():
                usages += of_one
    except pydantic.ValidationError:
        pass  # a header that cannot be read says nothing
    return usages


def _regained(reply: Reply, now: datetime) -> datetime:
    """Return when calls are granted again."""
    minutes = max(
        (usage.estimated_time_to_regain_access or 0 for usage in _usages(reply)), default=0
    )
    return now + (min(timedelta(minutes=minutes), timedelta(days=1)) if minutes else PAUSE)
