"""RSS, Atom and JSON Feed: whatever a site publishes at an address.

A feed holds what its site chose to put in, often the last ten or twenty posts. Where it names
older pages (RFC 5005 `next` and `prev-archive`, JSON Feed `next_url`) they are read too. Posts
are yielded newest first if all of a page have times, else in the feed's own order.

Likes and shares are unknown to feeds; comments are known where the feed states their number.
A cursor is the address of the next page.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from urllib.parse import urljoin

import httpx2
import pydantic
from selectolax.lexbor import LexborHTMLParser

from tasks.errors import TargetInvalid
from workers import charset, syndication, text
from workers.errors import SourceBadReply
from workers.guard import is_web_address
from workers.http import Http
from workers.refusal import is_web_page
from workers.reply import Reply
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk
from workers.syndication import Feed, NotAFeed

LONGEST_ADDRESS: Final = 2000
NOT_MODIFIED: Final = 304
ACCEPT: Final = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
#: A validator's name, the header that brings it, and the header that takes it back.
VALIDATORS: Final = (
    ("etag", "etag", "if-none-match"),
    ("last_modified", "last-modified", "if-modified-since"),
)
ADVERTISED: Final = (
    'link[rel~="alternate"][type="application/rss+xml"],'
    'link[rel~="alternate"][type="application/atom+xml"],'
    'link[rel~="alternate"][type="application/feed+json"]'
)
#: How much of a page is searched for the feed that it advertises: its head.
SEARCHED: Final = 64 * 1024

Words = Annotated[
    str | None, pydantic.BeforeValidator(lambda value: value if isinstance(value, str) else None)
]
Name = Annotated[
    str | None,
    pydantic.BeforeValidator(lambda value: None if isinstance(value, bool) else _name(value)),
]


def _name(value: Any) -> str | None:
    """Accept numbers as ids, as JSON Feed asks of readers."""
    return str(value) if isinstance(value, (str, int, float)) else None


class JsonAuthor(pydantic.BaseModel):
    """An author of JSON Feed."""

    name: Words = None


def _objects(value: Any) -> Any:
    """Keep the objects of a list, so that one wrong entry does not cost the others."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - JSON of strangers


Authors = Annotated[Sequence[JsonAuthor], pydantic.BeforeValidator(_objects)]


class JsonItem(pydantic.BaseModel):
    """A post of JSON Feed, versions 1 and 1.1."""

    id: Name = None
    url: Words = None
    external_url: Words = None
    title: Words = None
    content_text: Words = None
    content_html: Words = None
    summary: Words = None
    date_published: Words = None
    date_modified: Words = None
    authors: Authors = ()
    author: Any = None  #: Version 1.


class JsonFeed(pydantic.BaseModel):
    """JSON Feed, versions 1 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

    version: str = pydantic.Field(pattern=r"^https?://(www\.)?jsonfeed\.org/")
    items: Annotated[Sequence[JsonItem], pydantic.BeforeValidator(_objects)]
    next_url: Words = None
    authors: Authors = ()
    author: Any = None


class FeedSource(Source):
    """Any site's feed."""

    info = SourceInfo(
        name="feed",
        title="feed",
        target_help="The address of an RSS, Atom or JSON feed.",
        examples=("https://example.org/feed.xml",),
        documentation="https://www.rfc-editor.org/rfc/rfc4287",
        read_on=date(2026, 11, 24),
        verified=Evidence.REAL_SERVER,
        takes_any_address=True,
    )

    def normalise(self, target: str) -> str:
        """Accept web addresses; drop the fragment.

        Raises:
            TargetInvalid: It is no web address, or holds a password.
        """
        written = f"https:{target}" if target.startswith("//") else target
        try:
            url = httpx2.URL(written).copy_with(fragment=None)
        except (httpx2.InvalidURL, ValueError) as error:
            raise _not_an_address(target) from error
        if (
            not is_web_address(url)
            or len(written) > LONGEST_ADDRESS
            or not written.isprintable()
            or " " in written
        ):
            raise _not_an_address(target)
        if url.userinfo:
            raise TargetInvalid(
                "A feed's address must not hold a user name or password; tasks show it."
            )
        return str(url)

    def host(self, target: str) -> str | None:
        """Name the host in the address."""
        return httpx2.URL(target).host

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the feed, then the older pages that it names.

        Raises:
            SourceError: It could not be read, or is no feed.
        """
        address: str | None = walk.cursor or walk.target
        known = walk.validators if walk.cursor is None else None
        seen: set[str] = set()
        while address is not None:
            reply = await http.get(
                address,
                headers={"accept": ACCEPT, **_conditions(known or {})},
                statuses={NOT_MODIFIED} if known else (),
            )
            if reply.status == NOT_MODIFIED:
                yield Page(not_modified=True, validators=known)
                return
            known = None
            page = await asyncio.to_thread(_page, reply)
            fresh = [post for post in page.posts if post.id not in seen]
            seen.update(post.id for post in fresh)
            address = page.next_cursor
            yield _with_posts(page, fresh)


def _not_an_address(target: str) -> TargetInvalid:
    return TargetInvalid(
        f"{target[:200]!r} is not the address of a feed; write feed:https://example.org/feed.xml."
    )


def _conditions(validators: Mapping[str, str]) -> Mapping[str, str]:
    return {asked: validators[name] for name, _, asked in VALIDATORS if validators.get(name)}


def _with_posts(page: Page, posts: Sequence[SourcePost]) -> Page:
    """Return the page with only these posts, and the others counted."""
    repeated = len(page.posts) - len(posts)
    return Page(
        posts=posts,
        next_cursor=page.next_cursor,
        skipped={**page.skipped, **({"repeated": repeated} if repeated else {})},
        validators=page.validators,
    )


def _page(reply: Reply) -> Page:
    """Read a reply as a page of a feed, whichever kind it is."""
    try:
        feed = _feed(reply)
        following = _following(feed.next_address, reply)
    except NotAFeed as error:
        raise SourceBadReply(
            f"{reply.address} cannot be read as a feed: {error}.",
            address=reply.address,
            status=reply.status,
            excerpt=reply.content,
        ) from error
    unique = {post.id: post for post in reversed(feed.posts)}
    repeated = len(feed.posts) - len(unique)
    skipped = {"empty": feed.empty, "repeated": repeated}
    return Page(
        posts=_newest_first(list(reversed(unique.values()))),
        next_cursor=following,
        skipped={reason: number for reason, number in skipped.items() if number},
        validators={
            name: reply.headers[header] for name, header, _ in VALIDATORS if header in reply.headers
        }
        or None,
    )


def _feed(reply: Reply) -> Feed:
    if not reply.content.strip():
        raise NotAFeed("it is empty")
    content_type = reply.headers.get("content-type", "")
    start = reply.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        return _json_feed(reply)
    if is_web_page({}, reply.content) or ("html" in content_type and start != b"<"):
        raise NotAFeed(_web_page(reply))
    try:
        return syndication.parse(reply.content, address=reply.url, content_type=content_type)
    except NotAFeed as error:
        if "html" in content_type:
            raise NotAFeed(_web_page(reply)) from error
        raise


def _following(address: str | None, reply: Reply) -> str | None:
    """Return the next page's whole address.

    Raises:
        NotAFeed: It is no web address.
    """
    if address is None:
        return None
    try:
        url = httpx2.URL(urljoin(reply.url, address.strip()))
    except (httpx2.InvalidURL, ValueError) as error:
        raise NotAFeed("the address of its next page is none") from error
    if not is_web_address(url) or len(str(url)) > LONGEST_ADDRESS:
        raise NotAFeed("its next page is not on the web")
    following = str(url.copy_with(fragment=None))
    # Some feeds name themselves, which says that there is no other page.
    return None if following == reply.url else following


def _newest_first(posts: Sequence[SourcePost]) -> Sequence[SourcePost]:
    """Sort by time if that is possible for all; posts of the same time keep their order."""
    times = {post.id: post.created_time for post in posts}
    if None in times.values():
        return posts
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(posts, key=lambda post: post.created_time or oldest, reverse=True)


def _web_page(reply: Reply) -> str:
    """Say that a reply is a page for people, and which feed it advertises."""
    page = charset.decode(reply.content[:SEARCHED], reply.headers.get("content-type", ""))
    # Only the head: it holds the links, and a deep body would cost the parser seconds.
    head = re.split(r"<body\b", page, maxsplit=1, flags=re.IGNORECASE)[0]
    link = LexborHTMLParser(head).css_first(ADVERTISED)
    href = (link.attributes.get("href") or "").strip() if link is not None else ""
    if not href:
        return "it is a web page"
    return f"it is a web page, whose feed is at {text.clean(urljoin(reply.url, href))}"


def _json_feed(reply: Reply) -> Feed:
    document = charset.decode(reply.content)
    try:
        read = JsonFeed.model_validate_json(document)
    except (pydantic.ValidationError, UnicodeError) as error:
        raise NotAFeed("it is JSON, but no JSON Feed") from error
    fallback = _authors(read.authors, read.author)
    posts = [post for item in read.items if (post := _json_post(item, fallback)) is not None]
    return Feed(posts=posts, next_address=read.next_url, empty=len(read.items) - len(posts))


def _json_post(item: JsonItem, author: str | None) -> SourcePost | None:
    body = text.plain(item.content_text or "") or text.from_html(item.content_html or "")
    body = body or text.plain(item.summary or "")
    title = text.plain(item.title or "")
    link = text.clean(item.url or item.external_url or "").strip() or None
    message = syndication.joined(title, body)
    if not (message or link):
        return None
    return SourcePost(
        id=syndication.identity(item.id or "", link, title, message),
        message=message,
        author=_authors(item.authors, item.author) or author,
        url=link,
        created_time=_moment(item.date_published) or _moment(item.date_modified),
    )


def _authors(authors: Sequence[JsonAuthor], author: Any) -> str | None:
    names = [text.plain(one.name or "") for one in authors]
    if not any(names) and isinstance(author, dict):
        names = [text.plain(JsonAuthor.model_validate(author).name or "")]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def _moment(written: str | None) -> datetime | None:
    """Read RFC 3339; a time without a zone is taken for UTC."""
    try:
        moment = datetime.fromisoformat((written or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
