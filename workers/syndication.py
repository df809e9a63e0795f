"""RSS 0.9x and 2.0, RSS 1.0 (RDF) and Atom, as typed posts.

Stands apart from the source `feed` because other platforms offer feeds as well. Parsing takes
about 0.13 ms a post, so callers do it off the loop.

`feedparser` reads what strangers write, well-formed or not, in time linear in its length. Before
it sees a document, a first look refuses what was made to harm: a document type that defines more
than a character's name (where expansion bombs and references to files live), and depths and
numbers of elements that no feed has. Its cleaning of HTML is off, since HTML becomes text here.
"""

import calendar
import io
import re
import xml.sax
import xml.sax.handler
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, cast

import feedparser
from defusedxml.common import DefusedXmlException, EntitiesForbidden
from defusedxml.expatreader import DefusedExpatParser

from workers import charset, text
from workers.source import SourcePost

#: An entity longer than this is no character's name; thus a document at most doubles a few times.
LONGEST_ENTITY: Final = 16
#: A longer id is replaced by its digest: ids are keys of an index.
LONGEST_ID: Final = 500
#: Where a document must end to be whole, if it is not well-formed otherwise.
END: Final = re.compile(
    r"</\s*(?:\w+:)?(?:rss|feed|rdf|channel)\s*>\s*(?:<!--.*?-->\s*)*$", re.IGNORECASE
)
#: feedparser takes 22 µs an element, and in damaged documents 4.5 µs a byte at worst, so these
#: bound a reading to some seconds. Large feeds have 10,000 posts of ten elements.
MOST_ELEMENTS: Final = 300_000
DEEPEST: Final = 200
LONGEST_DAMAGED: Final = 1024 * 1024
NEXT: Final = ("next", "prev-archive")  # RFC 5005, sections 3 and 4
NUMBER: Final = re.compile(r"\s*\d{1,15}\s*", re.ASCII)


class NotAFeed(Exception):
    """A document that is no feed, or that must not be read; the message completes a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a document holds: posts in its own order, and where the older ones are."""

    posts: Sequence[SourcePost]
    next_address: str | None
    empty: int = 0  #: Entries with nothing in them.


def parse(content: bytes, *, address: str, content_type: str = "") -> Feed:
    """Read a feed. `address` is where it came from, for links that are relative to it.

    Raises:
        NotAFeed: It is none, is cut off, or holds definitions that it should not.
    """
    document = charset.without_declaration(charset.decode(content, content_type))
    document = document.lstrip()
    data = text.clean(document).encode()
    _refuse_hostile(data)
    # A stream, since feedparser would open a text that looks like an address.
    read = cast(
        "Mapping[str, Any]",
        cast("Any", feedparser).parse(
            io.BytesIO(data),
            response_headers={
                "content-type": "application/xml; charset=utf-8",
                "content-location": address,
            },
            sanitize_html=False,
            resolve_relative_uris=False,
        ),
    )
    if not read["version"]:
        raise NotAFeed("it is no RSS or Atom feed")
    if read["bozo"] and not (read["entries"] and END.search(document[-400:])):
        raise NotAFeed("it is cut off or damaged")
    return _feed(read)


class _Shape(xml.sax.handler.ContentHandler):
    """Counts elements and their depth, for documents made to cost time."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - the interface is SAX's
        """Stop where no feed goes."""
        del name, attrs
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > MOST_ELEMENTS:
            raise NotAFeed("it is nested too deep or has too many elements")

    def endElement(self, name: str) -> None:  # noqa: N802 - the interface is SAX's
        """Come up again."""
        del name
        self._depth -= 1


class _SafeReader(DefusedExpatParser):
    """Lets short plain entities pass, as old feeds define for accented letters."""

    def defused_entity_decl(  # noqa: PLR0917 - the interface is defusedxml's
        self,
        name: Any,
        is_parameter_entity: Any,
        value: Any,
        base: Any,
        sysid: Any,
        pubid: Any,
        notation_name: Any,
    ) -> None:
        """Refuse what could grow, or reach outside."""
        if is_parameter_entity or value is None or len(value) > LONGEST_ENTITY or "&" in value:
            raise EntitiesForbidden(name, value, base, sysid, pubid, notation_name)


def _refuse_hostile(data: bytes) -> None:
    """Look a document over before the slower parser reads it.

    Raises:
        NotAFeed: It defines more than characters, or would take long to read.
    """
    # External subsets are passed over, not fetched: RSS 0.91 names one.
    reader = _SafeReader(forbid_external=False)
    reader.setContentHandler(_Shape())
    try:
        reader.parse(io.BytesIO(data))
    except DefusedXmlException as error:
        raise NotAFeed("its document type defines entities, which is not accepted") from error
    except xml.sax.SAXException as error:
        # Damaged documents are read too, but nobody knows how deep those are.
        if len(data) > LONGEST_DAMAGED:
            raise NotAFeed("it is damaged, and too long to be read all the same") from error


def _feed(read: Mapping[str, Any]) -> Feed:
    posts: list[SourcePost] = []
    entries: Sequence[Mapping[str, Any]] = read["entries"]
    channel: Mapping[str, Any] = read["feed"]
    # Atom lets a feed's author stand for its entries'; RSS has an editor instead.
    fallback = _author(channel) if str(read["version"]).startswith("atom") else None
    posts = [post for entry in entries if (post := _post(entry, fallback)) is not None]
    links: Sequence[Mapping[str, Any]] = channel.get("links") or ()
    following = [
        str(link["href"])
        for relation in NEXT
        for link in links
        if link.get("rel") == relation and link.get("href")
    ]
    return Feed(
        posts=posts,
        next_address=following[0] if following else None,
        empty=len(entries) - len(posts),
    )


def _post(entry: Mapping[str, Any], author: str | None) -> SourcePost | None:
    """Read an entry; None if there is nothing in it."""
    title = _text(entry.get("title_detail"))
    bodies = [*(entry.get("content") or ()), entry.get("summary_detail")]
    body = next((found for part in bodies if (found := _text(part))), "")
    link = text.clean(str(entry.get("link") or "")).strip() or None
    message = joined(title, body)
    if not (message or link):
        return None
    created = _time(entry)
    return SourcePost(
        id=identity(str(entry.get("id") or ""), link, title, message),
        message=message,
        author=_author(entry) or author,
        url=link,
        created_time=created,
        comments=next(_comments(entry), None),
    )


def joined(title: str, body: str) -> str | None:
    """Put a title above a text, unless the text begins with it, as short messages' do."""
    if title and body and not body.startswith(title.rstrip(".…")):
        return f"{title}\n\n{body}"
    return body or title or None


def identity(given: str, *otherwise: str | None) -> str:
    """Return a post's own id, or a digest of the first of `otherwise` that there is."""
    given = text.clean(given).strip()
    if given and len(given) <= LONGEST_ID:
        return given
    seed = given or next((part for part in otherwise if part), "")
    return sha256(seed.encode()).hexdigest()[:32]


def _text(detail: Mapping[str, Any] | None) -> str:
    if not detail:
        return ""
    value = str(detail.get("value") or "")
    kind = str(detail.get("type") or "")
    if kind and "html" not in kind and not kind.startswith("text/"):
        return ""  # a picture, or another medium in words' place
    return text.plain(value) if kind == "text/plain" else text.from_html(value)


def _author(entry: Mapping[str, Any]) -> str | None:
    """Return the authors' names, or addresses where there are no names."""
    details: Sequence[Mapping[str, Any]] = entry.get("authors") or ()
    names = [text.plain(str(detail.get("name") or detail.get("email") or "")) for detail in details]
    found = ", ".join(dict.fromkeys(name for name in names if name))
    return found or text.plain(str(entry.get("author") or "")) or None


def _time(entry: Mapping[str, Any]) -> datetime | None:
    """Return when the entry was published, else changed; feedparser gives UTC."""
    for key in ("published_parsed", "updated_parsed", "created_parsed"):
        # Membership first: asking for a missing `updated` makes feedparser warn.
        if key in entry and entry[key] is not None:
            with suppress(ValueError, OverflowError, OSError):
                return datetime.fromtimestamp(calendar.timegm(entry[key]), UTC)
    return None


def _comments(entry: Mapping[str, Any]) -> Iterator[int]:
    """Yield the numbers of comments that an entry states."""
    links: Sequence[Mapping[str, Any]] = entry.get("links") or ()
    stated = [entry.get("slash_comments"), entry.get("thr_total")]
    stated += [link.get("thr:count") for link in links if link.get("rel") == "replies"]
    for number in stated:
        if number is not None and NUMBER.fullmatch(str(number)):
            yield int(number)
