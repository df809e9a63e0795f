"""Lemmy: the posts of a community as an instance sees them, or of a whole instance.

Speaks the API of 0.19 (v3) and of 1.0 (v4), and asks the instance once which it has: on a 1.0
server v3 stops at its tenth page and repeats it. In 0.19 the cursors do not work as they should,
so pages are numbered; in 1.0 they do. Text is Markdown and stays so. Pinned posts come first on
Lemmy's first page, and here by their time.

Facts: the sources of LemmyNet/lemmy 0.19.19 and 1.0. Limits are each administrator's own; the
nginx of Lemmy's documents adds one call a second. 0.19 refuses with status 400 where others use
429, 403 and 404.

`!name@host` and, on any host, `/c/name` or `/c/name@host` are taken for a community, but not a
channel of YouTube, nor `/c/name/5`, which is Discourse's.

A cursor is the API's version, and the page's number or Lemmy's cursor.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pydantic
from pydantic import AliasChoices, AliasPath

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.budget import Rate
from workers.http import Http
from workers.paging import Seen, newest_first
from workers.reply import Reply
from workers.site import Address, Site, split
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk

LARGEST_PAGE: Final = 50
LAST_PAGE: Final = 100  # 0.19 refuses further ones
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
#: The window of Lemmy's limits as it is installed; a refusal of 0.19 names no time.
LIMIT_WINDOW: Final = timedelta(minutes=1)

NAME: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
CURSOR: Final = re.compile(r"(?:v3:([1-9]\d{0,2})|v4:([\x21-\x7e]+))")
NOT_LEMMY: Final = re.compile(r"(?:.*\.)?youtube\.com")

#: What the field `error` says.
MEANINGS: Final = {
    "couldnt_find_community": errors.SourceNotFound,
    "not_found": errors.SourceNotFound,
    "community_has_no_followers": errors.SourceNotFound,
    "instance_is_private": errors.SourcePrivate,
    "not_logged_in": errors.SourceAuthRequired,
    "incorrect_login": errors.SourceAuthRequired,
}
RATE_LIMITED: Final = frozenset({"rate_limit_error", "too_many_requests"})


class Instance(pydantic.BaseModel):
    """`/api/v3/site` or `/api/v4/site`."""

    version: str


class Post(pydantic.BaseModel):
    """A post, with its counts where 1.0 has them."""

    id: shape.Identifier
    name: shape.Words = None
    body: shape.Words = None
    ap_id: shape.Words = None
    published: shape.Moment = pydantic.Field(
        default=None, validation_alias=AliasChoices("published_at", "published")
    )
    removed: shape.Flag = False
    deleted: shape.Flag = False


class PostView(pydantic.BaseModel):
    """A post with who wrote it and what came of it."""

    post: Post
    author: shape.Words = pydantic.Field(
        default=None, validation_alias=AliasPath("creator", "name")
    )
    upvotes: shape.Count = pydantic.Field(
        default=None,
        validation_alias=AliasChoices(AliasPath("counts", "upvotes"), AliasPath("post", "upvotes")),
    )
    comments: shape.Count = pydantic.Field(
        default=None,
        validation_alias=AliasChoices(
            AliasPath("counts", "comments"), AliasPath("post", "comments")
        ),
    )


class NumberedPage(pydantic.BaseModel):
    """A page of v3."""

    posts: Sequence[PostView]


class CursorPage(pydantic.BaseModel):
    """A page of v4."""

    items: Sequence[PostView]
    next_page: shape.Words = None


INSTANCE: Final = pydantic.TypeAdapter(Instance)
V3: Final = pydantic.TypeAdapter(NumberedPage)
V4: Final = pydantic.TypeAdapter(CursorPage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A normalised target, taken apart. Without a community it is all that an instance wrote."""

    site: Site
    community: str | None = None

    @classmethod
    def of(cls, written: str) -> "Place":
        """Read a target.

        Raises:
            ValueError: It is none.
        """
        if written.startswith("!") or ("@" in written and "/" not in written):
            name, _, host = written.removeprefix("!").partition("@")
            return cls(site=Site.of(host), community=_community(name))
        site, rest = split(written)
        rest = rest.rstrip("/")
        if not rest:
            return cls(site=site)
        if not rest.startswith("c/"):
            raise ValueError(f"{rest!r} is no community.")
        name, _, host = rest.removeprefix("c/").partition("@")
        community = _community(name)
        if host and (home := Site.of(host).written) != site.written:
            return cls(site=site, community=f"{community}@{home}")
        return cls(site=site, community=community)

    @property
    def written(self) -> str:
        """Return the one way to write it."""
        return self.site.written + (f"/c/{self.community}" if self.community else "")


class LemmySource(Source):
    """A community's posts."""

    info = SourceInfo(
        name="lemmy",
        title="Lemmy",
        target_help=(
            "A community (!name@host, or host/c/name), or an instance (host) for all its own."
        ),
        examples=("!technology@lemmy.world", "lemmy.world/c/python@programming.dev", "lemmy.world"),
        documentation="https://join-lemmy.org/api/",
        read_on=date(2026, 11, 24),
        verified=Evidence.DOCUMENTS,
        rate=Rate(calls=60, seconds=60, burst=5),
    )

    def recognise(self, address: str) -> str | None:
        """Know `!name@host` and communities' addresses."""
        if address.startswith("!"):
            return _written(address)
        page = Address.of(address)
        if page is None or NOT_LEMMY.fullmatch(page.site.host):
            return None
        return _written(page.site.written + page.path) if page.path.startswith("/c/") else None

    def normalise(self, target: str) -> str:
        """Write the instance first; a community in lower case, without its own host.

        Raises:
            TargetInvalid: It is neither community nor instance.
        """
        if (written := _written(self.recognise(target) or target)) is None:
            raise TargetInvalid(
                f"{target[:200]!r} is no community of a Lemmy instance; write "
                "lemmy:!technology@lemmy.world or lemmy:lemmy.world/c/technology."
            )
        return written

    def host(self, target: str) -> str | None:
        """Name the instance."""
        return Place.of(target).site.host

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield what the instance gives, newest first.

        Raises:
            SourceError: It could not be read.
        """
        place = Place.of(walk.target)
        cursor = walk.cursor or await _start(place, http)
        seen = Seen()
        while True:
            views, following = await _read(place, cursor, http)
            skipped = Counter(reason for view in views if (reason := _why_not(view.post)))
            posts = [_post(view) for view in views if _why_not(view.post) is None]
            yield seen.page(newest_first(posts), next_cursor=following, skipped=skipped)
            if following is None:
                return
            cursor = following


async def _start(place: Place, http: Http) -> str:
    """Ask which API the instance has, and return the cursor of its first page."""
    url = f"{place.site.base}/api/v3/site"
    reply = await http.get(url, statuses={BAD_REQUEST, NOT_FOUND})
    if reply.status == NOT_FOUND:
        reply = await http.get(f"{place.site.base}/api/v4/site", statuses={BAD_REQUEST})
    await _require_accepted(reply, http)
    version = (await reply.parse(INSTANCE)).version
    return "v3:1" if version.startswith("0.") else "v4:"


async def _read(place: Place, cursor: str, http: Http) -> tuple[Sequence[PostView], str | None]:
    """Return a page and the cursor of the next one."""
    params: dict[str, str | int] = {"limit": LARGEST_PAGE, "show_nsfw": "true"}
    if place.community is not None:
        params["community_name"] = place.community
    found = CURSOR.fullmatch(cursor)
    if cursor != "v4:" and found is None:
        raise errors.SourceBadReply(f"{place.site.host} has no page {cursor[:200]!r}.")
    everywhere = "Local" if place.community is None else "All"
    if found is not None and found[1]:
        number = int(found[1])
        params |= {"sort": "New", "type_": everywhere, "page": number}
        reply = await http.get(
            f"{place.site.base}/api/v3/post/list", params=params, statuses={BAD_REQUEST}
        )
        await _require_accepted(reply, http)
        posts = (await reply.parse(V3)).posts
        ended = len(posts) < LARGEST_PAGE or number >= LAST_PAGE
        return posts, None if ended else f"v3:{number + 1}"
    params |= {"sort": "new", "type_": everywhere.lower()}
    if found is not None:
        params["page_cursor"] = found[2]
    reply = await http.get(
        f"{place.site.base}/api/v4/post/list", params=params, statuses={BAD_REQUEST}
    )
    await _require_accepted(reply, http)
    page = await reply.parse(V4)
    return page.items, f"v4:{page.next_page}" if page.next_page else None


async def _require_accepted(reply: Reply, http: Http) -> None:
    """Raise what a 400 means."""
    if reply.status != BAD_REQUEST:
        return
    said = (await reply.parse(shape.REFUSAL)).error or "an error without a name"
    if said in RATE_LIMITED:
        until = http.now() + LIMIT_WINDOW
        await http.hold(until)
        raise errors.SourceRateLimited(
            f"{reply.address} asks to wait before the next call.",
            retry_at=until,
            address=reply.address,
            status=reply.status,
        )
    if (kind := MEANINGS.get(said)) is None:
        raise reply.bad(f"it refused with {said[:200]}")
    raise kind(f"{reply.address} answered {said}.", address=reply.address, status=reply.status)


def _why_not(post: Post) -> str | None:
    """Say why a post is left out, or None."""
    if post.deleted:
        return "deleted"
    return "removed" if post.removed else None


def _post(view: PostView) -> SourcePost:
    post = view.post
    return SourcePost(
        id=post.id,
        message=shape.paragraphs([text.plain(post.name or ""), (post.body or "").strip()]),
        author=view.author,
        url=post.ap_id,
        created_time=post.published,
        likes=view.upvotes,
        comments=view.comments,
    )


def _community(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no community.")
    return name.lower()


def _written(target: str) -> str | None:
    try:
        return Place.of(target).written
    except ValueError:
        return None
