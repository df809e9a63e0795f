"""WordPress: the posts of a site, or the comments on them, by its REST API.

Likes and shares are nothing that WordPress has. How many comments a post has is counted, since
the API does not say; where comments are closed to visitors, or a page's posts have thousands of
them, it stays unknown. Facts: the REST API handbook, tried on WordPress 6.1.

A site may be in a folder. `#comments` behind it means its comments. Addresses are taken only if
they name the API itself (`…/wp-json…`), since any site might run WordPress.

A cursor is which way the API is reached, the next page's number and the pages' size.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Annotated, Final

import pydantic
from pydantic import AliasPath

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.http import Http
from workers.paging import Seen
from workers.refusal import is_web_page
from workers.reply import Reply
from workers.site import Address, Site, split
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk

LARGEST_PAGE: Final = 100
#: Pages of a hundred comments that are read at most to count those of one page of posts.
MOST_COUNTED: Final = 20
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
#: What a site answers whose comments are not for visitors.
CLOSED: Final = frozenset({401, 403, 404})
TOTAL: Final = "x-wp-totalpages"
PAST_THE_END: Final = "rest_post_invalid_page_number"

FOLDER: Final = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")
API: Final = re.compile(r"(.*?)/wp-json(?:/wp/v2(?:/(posts|comments))?)?")
#: The two ways to the API: with readable addresses, and on sites without them.
ROUTES: Final[Mapping[str, str]] = {"path": "/wp-json/wp/v2/{}", "query": "/?rest_route=/wp/v2/{}"}
CURSOR: Final = re.compile(r"(path|query):([1-9]\d{0,6}):([1-9]\d?|100)")
POST_FIELDS: Final = "id,date_gmt,link,title,content,author,_links.author,_embedded"
COMMENT_FIELDS: Final = "id,date_gmt,link,content,author_name"


class Person(pydantic.BaseModel):
    """Who wrote a post; an error instead, where a site keeps its authors to itself."""

    name: shape.Words = None


class Entry(pydantic.BaseModel):
    """A post or a comment. `date_gmt` has no mark of its zone, and is UTC."""

    id: shape.Identifier
    date_gmt: shape.Moment = None
    link: shape.Words = None
    title: Annotated[shape.Rendered | None, shape.OPTIONAL] = None
    content: Annotated[shape.Rendered | None, shape.OPTIONAL] = None
    author_name: shape.Words = None  #: A comment's.
    author: Annotated[Person | None, shape.OPTIONAL] = pydantic.Field(
        default=None, validation_alias=AliasPath("_embedded", "author", 0)
    )


class Counted(pydantic.BaseModel):
    """A comment, of which only its post matters."""

    id: shape.Identifier
    post: shape.Identifier


class Trouble(pydantic.BaseModel):
    """What the API refuses with."""

    code: shape.Words = None


ENTRIES: Final = pydantic.TypeAdapter(Sequence[Entry])
COUNTED: Final = pydantic.TypeAdapter(Sequence[Counted])
TROUBLE: Final = pydantic.TypeAdapter(Trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blog:
    """A normalised target, taken apart."""

    site: Site
    folder: str
    kind: str  #: `posts` or `comments`.

    @classmethod
    def of(cls, written: str) -> "Blog":
        """Read a target.

        Raises:
            ValueError: It is none.
        """
        place, _, kind = written.partition("#")
        site, folder = split(place)
        folder = folder.strip("/")
        if kind not in {"", "posts", "comments"} or (folder and not FOLDER.fullmatch(folder)):
            raise ValueError(f"{written!r} is no site.")
        if ".." in folder.split("/"):
            raise ValueError(f"{written!r} leads out of its folder.")
        return cls(site=site, folder=folder, kind=kind or "posts")

    @property
    def base(self) -> str:
        """Return the site's address, without a slash at its end."""
        return f"{self.site.base}/{self.folder}".rstrip("/")

    @property
    def written(self) -> str:
        """Return the one way to write it."""
        place = f"{self.site.written}/{self.folder}".rstrip("/")
        return place if self.kind == "posts" else f"{place}#{self.kind}"


class WordpressSource(Source):
    """A site's posts or comments."""

    info = SourceInfo(
        name="wordpress",
        title="WordPress",
        target_help="A site (example.org or example.org/blog), with #comments for its comments.",
        examples=("wordpress.org/news", "wordpress.org/news#comments"),
        documentation="https://developer.wordpress.org/rest-api/reference/posts/",
        read_on=date(2026, 11, 24),
        verified=Evidence.REAL_SERVER,
    )

    def recognise(self, address: str) -> str | None:
        """Know the addresses of the API."""
        page = Address.of(address)
        if page is None or (found := API.fullmatch(page.path)) is None:
            return None
        try:
            kind = found[2] or "posts"
            return Blog.of(f"{page.site.written}{found[1]}#{kind}").written
        except ValueError:
            return None

    def normalise(self, target: str) -> str:
        """Write the site without scheme and without a slash at its end.

        Raises:
            TargetInvalid: It is no site.
        """
        try:
            return Blog.of(self.recognise(target) or target).written
        except ValueError as error:
            raise TargetInvalid(
                f"{target[:200]!r} is no WordPress site; write wordpress:example.org, or "
                "wordpress:example.org#comments for its comments."
            ) from error

    def host(self, target: str) -> str | None:
        """Name the site's host."""
        return Blog.of(target).site.host

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the site's posts or comments.

        Raises:
            SourceError: They could not be read.
        """
        blog = Blog.of(walk.target)
        route, number, size = _place(walk.cursor, walk.max_posts)
        seen = Seen()
        ended = False
        while not ended:
            reply = await _list(blog, route, number, size, http) if route else None
            if reply is None:
                # The first page finds out which way leads to the API.
                route, reply = await _find(blog, size, http)
            entries = await _entries(reply)
            if not entries and number == 1 and TOTAL not in reply.headers:
                raise reply.bad("an empty list that does not say that there is nothing")
            ended = _is_last(reply, number, full=len(entries) >= size)
            number += 1
            counts = await _comments(blog, route, entries, http)
            yield seen.page(
                [_post(entry, counts) for entry in entries],
                next_cursor=None if ended else f"{route}:{number}:{size}",
            )


def _place(cursor: str | None, max_posts: int) -> tuple[str, int, int]:
    """Return the way to the API ("" if it is to be found), the page and the pages' size.

    Raises:
        SourceBadReply: The cursor is none of ours.
    """
    if cursor is None:
        return "", 1, min(max(max_posts, 1), LARGEST_PAGE)
    if (found := CURSOR.fullmatch(cursor)) is None:
        raise errors.SourceBadReply(f"WordPress has no page {cursor[:200]!r}.")
    return found[1], int(found[2]), int(found[3])


async def _list(blog: Blog, route: str, number: int, size: int, http: Http) -> Reply:
    """Ask for a page. A page past the end, and nothing at the address, are answers too."""
    fields = POST_FIELDS if blog.kind == "posts" else COMMENT_FIELDS
    params: dict[str, str | int] = {"per_page": size, "page": number, "_fields": fields}
    if blog.kind == "posts":
        params["_embed"] = "author"
    reply = await http.get(
        blog.base + ROUTES[route].format(blog.kind),
        params=params,
        statuses={BAD_REQUEST, *({NOT_FOUND} if number == 1 else ())},
    )
    if reply.status == BAD_REQUEST and not await _is_trouble(reply, PAST_THE_END):
        raise reply.bad("it refused a call that the handbook allows")
    return reply


async def _find(blog: Blog, size: int, http: Http) -> tuple[str, Reply]:
    """Ask for the first page by one way, and if there is nothing by the other.

    Raises:
        SourceNotFound: Neither leads to an API.
    """
    reply = await _list(blog, "path", 1, size, http)
    if reply.status != NOT_FOUND:
        return "path", reply
    if is_web_page(reply.headers, reply.content):
        reply = await _list(blog, "query", 1, size, http)
        # A site that is no WordPress answers any query with its front page.
        if reply.status != NOT_FOUND and not is_web_page(reply.headers, reply.content):
            return "query", reply
    raise errors.SourceNotFound(
        f"{blog.base} is no WordPress site, or has no REST API for visitors.",
        address=reply.address,
        status=reply.status,
    )


async def _is_trouble(reply: Reply, code: str) -> bool:
    return (await reply.parse(TROUBLE)).code == code


async def _entries(reply: Reply) -> Sequence[Entry]:
    """Read a page; one past the end, which deleted posts leave behind, is empty."""
    return () if reply.status == BAD_REQUEST else await reply.parse(ENTRIES)


def _is_last(reply: Reply, number: int, *, full: bool) -> bool:
    """Say whether no page follows, as the header says, or where a proxy took it out, the size."""
    pages = reply.headers.get(TOTAL, "")
    return number >= int(pages[:9]) if pages.isdecimal() else not full


async def _comments(
    blog: Blog, route: str, entries: Sequence[Entry], http: Http
) -> Mapping[str, int] | None:
    """Count the comments of posts, all at once; None if that cannot be told."""
    if blog.kind != "posts" or not entries:
        return None
    posts = [entry.id for entry in entries]
    found: dict[str, str] = {}
    for number in range(1, MOST_COUNTED + 1):
        reply = await http.get(
            blog.base + ROUTES[route].format("comments"),
            params={
                "post": ",".join(posts),
                "per_page": LARGEST_PAGE,
                "page": number,
                "_fields": "id,post",
            },
            statuses=CLOSED,
        )
        if reply.status in CLOSED or is_web_page(reply.headers, reply.content):
            return None
        comments = await reply.parse(COUNTED)
        found.update((comment.id, comment.post) for comment in comments)
        if _is_last(reply, number, full=len(comments) >= LARGEST_PAGE):
            return Counter({**dict.fromkeys(posts, 0), **Counter(found.values())})
    return None


def _post(entry: Entry, counts: Mapping[str, int] | None) -> SourcePost:
    title = text.from_html((entry.title or shape.Rendered()).rendered or "")
    body = text.from_html((entry.content or shape.Rendered()).rendered or "")
    # Names are stored with entities, but hold no tags: `x<y` is a name.
    name = text.plain(unescape((entry.author.name if entry.author else entry.author_name) or ""))
    return SourcePost(
        id=entry.id,
        message=shape.paragraphs([title, body]),
        author=name or None,
        url=entry.link,
        created_time=entry.date_gmt,
        comments=None if counts is None else counts.get(entry.id),
    )
