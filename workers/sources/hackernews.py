"""Hacker News: its newest stories, questions, shows and jobs, an account's, a story's comments.

Algolia's index gives the lists; each story's points and comments are then asked of Firebase,
which has them as they are now, and knows what was deleted or killed meanwhile. Comments have no
points that anybody shows. Text comes from HTML.

Facts: the README of github.com/HackerNews/API, and the API page of github.com/algolia/hn-search.
Firebase names no limit, Algolia by common report 10,000 calls an hour, which holds for both here.

Algolia answers about a thousand hits of a query, so pages are cut by time, not by number. A
cursor is the time of the last post in seconds and the ids of the posts already given of that
very second.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Final

import pydantic

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.budget import Rate
from workers.http import Http
from workers.paging import Seen
from workers.site import Address
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk

SEARCH: Final = "https://hn.algolia.com/api/v1/search_by_date"
FIREBASE: Final = "https://hacker-news.firebaseio.com/v0"
WEB: Final = "https://news.ycombinator.com/item?id="
PAGE: Final = 50
LONGEST: Final = 500

#: Lists, and the tags that they have in the index.
LISTS: Final[Mapping[str, str]] = {
    "newest": "story",
    "front": "front_page",
    "ask": "ask_hn",
    "show": "show_hn",
    "jobs": "job",
    "newcomments": "comment",
}
NAMED: Final = re.compile(r"(user|item|search)/(.+)", re.DOTALL)
USER: Final = re.compile(r"[A-Za-z0-9_-]{1,15}")
ITEM: Final = re.compile(r"[1-9]\d{0,11}")
CURSOR: Final = re.compile(r"(\d{1,11}):([0-9,]+)")


class Hit(pydantic.BaseModel):
    """A story or comment in the index."""

    id: shape.Identifier = pydantic.Field(alias="objectID")
    created: int = pydantic.Field(alias="created_at_i", ge=0, le=10**11)
    title: shape.Words = None
    story_text: shape.Words = None
    comment_text: shape.Words = None
    author: shape.Words = None
    points: shape.Count = None
    num_comments: shape.Count = None

    @property
    def is_comment(self) -> bool:
        """Say whether it is a comment: only those have its text."""
        return self.comment_text is not None


class Hits(pydantic.BaseModel):
    """A page of the index. `nbHits` counts all that follow, this page's included."""

    hits: Sequence[Hit]
    total: int = pydantic.Field(alias="nbHits", ge=0)


class Item(pydantic.BaseModel):
    """A story at Firebase."""

    score: shape.Count = None
    descendants: shape.Count = None
    deleted: shape.Flag = False
    dead: shape.Flag = False


HITS: Final = pydantic.TypeAdapter(Hits)
ITEM_OR_NULL: Final[pydantic.TypeAdapter[Item | None]] = pydantic.TypeAdapter(Item | None)
ANY_OR_NULL: Final[pydantic.TypeAdapter[Mapping[str, object] | None]] = pydantic.TypeAdapter(
    Annotated[Mapping[str, object] | None, pydantic.Field()]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a walk stands: what is older than `second`, or of it and not among `given`."""

    second: int
    given: Collection[str]

    @classmethod
    def of(cls, cursor: str | None) -> "Position | None":
        """Read a cursor.

        Raises:
            SourceBadReply: It is none of ours.
        """
        if cursor is None:
            return None
        if (found := CURSOR.fullmatch(cursor)) is None:
            raise errors.SourceBadReply(f"Hacker News has no page {cursor[:200]!r}.")
        return cls(second=int(found[1]), given=frozenset(found[2].split(",")))

    @classmethod
    def after(cls, hits: Sequence[Hit], before: "Position | None") -> "Position":
        """Return the position after a page."""
        second = hits[-1].created
        given = [hit.id for hit in hits if hit.created == second]
        if before is not None and before.second == second:
            given += before.given
        return cls(second=second, given=sorted(given))

    @property
    def cursor(self) -> str:
        """Return it as a cursor."""
        return f"{self.second}:{','.join(self.given)}"


class HackernewsSource(Source):
    """Hacker News."""

    info = SourceInfo(
        name="hackernews",
        title="Hacker News",
        target_help=(
            "newest, front, ask, show, jobs, newcomments, user/name, item/number for a story's "
            "comments, or search/words."
        ),
        examples=("newest", "front", "user/pg", "item/8863", "search/python asyncio"),
        documentation="https://github.com/HackerNews/API",
        read_on=date(2026, 11, 24),
        verified=Evidence.DOCUMENTS,
        rate=Rate(calls=160, seconds=60, burst=20),
    )

    def recognise(self, address: str) -> str | None:
        """Know the pages of news.ycombinator.com and searches of hn.algolia.com."""
        if (page := Address.of(address)) is None:
            return None
        name = page.path.strip("/")
        if page.site.host == "hn.algolia.com":
            words = page.query.get("q") or page.query.get("query")
            return f"search/{words}" if name == "" and words else None
        if page.site.host != "news.ycombinator.com":
            return None
        if name in {"user", "submitted", "threads"} and (user := page.query.get("id")):
            return f"user/{user}"
        if name == "item" and (item := page.query.get("id")):
            return f"item/{item}"
        return {"": "front", "news": "front"}.get(name, name if name in LISTS else None)

    def normalise(self, target: str) -> str:
        """Write lists in lower case and names as they are.

        Raises:
            TargetInvalid: It is no list, account, story or search.
        """
        target = self.recognise(target) or target
        if (lower := target.lower()) in LISTS:
            return lower
        if found := NAMED.fullmatch(target):
            kind, named = found[1], " ".join(found[2].split())
            shapes = {"user": USER, "item": ITEM}
            if kind == "search" and named.isprintable() and 0 < len(named) <= LONGEST:
                return f"search/{named}"
            if kind in shapes and shapes[kind].fullmatch(named):
                return f"{kind}/{named}"
        raise TargetInvalid(
            f"{target[:200]!r} is nothing of Hacker News; write hackernews:newest, "
            "hackernews:user/name, hackernews:item/8863 or hackernews:search/words."
        )

    def host(self, target: str) -> str | None:
        """Name the index's host; Firebase is counted with it."""
        del target
        return "hn.algolia.com"

    def calls_a_page(self, target: str, *, first: int) -> int:
        """Count every post's look-up, which the first page has too."""
        del target
        return first

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield what the index has, newest first, with Firebase's counts.

        Raises:
            SourceError: It could not be read.
        """
        position = Position.of(walk.cursor)
        seen = Seen()
        while True:
            found = await _search(walk.target, position, http)
            if not found.hits and position is None:
                await _require_known(walk.target, http)
            given = position.given if position else ()
            hits = [hit for hit in found.hits if hit.id not in given]
            ended = found.total <= len(found.hits) or not hits
            position = None if ended else Position.after(hits, position)
            posts, skipped = await _posts(hits, http)
            cursor = position.cursor if position else None
            yield seen.page(posts, next_cursor=cursor, skipped=skipped)
            if position is None:
                return


async def _search(target: str, position: Position | None, http: Http) -> Hits:
    """Ask the index for the next posts of a target."""
    found = NAMED.fullmatch(target)
    kind, named = (found[1], found[2]) if found else ("list", target)
    tags = {
        "list": LISTS.get(named, ""),
        "user": f"author_{named}",
        "item": f"comment,story_{named}",
        "search": "(story,comment)",
    }[kind]
    given = len(position.given) if position else 0
    params: dict[str, str | int] = {"tags": tags, "hitsPerPage": min(PAGE + given, 1000)}
    if kind == "search":
        params["query"] = named
    if position is not None:
        params["numericFilters"] = f"created_at_i<={position.second}"
    return await (await http.get(SEARCH, params=params)).parse(HITS)


async def _require_known(target: str, http: Http) -> None:
    """Ask Firebase whether an account or story without posts exists at all.

    Raises:
        SourceNotFound: It does not.
    """
    kind, _, named = target.partition("/")
    if kind not in {"user", "item"}:
        return
    reply = await http.get(f"{FIREBASE}/{kind}/{named}.json")
    if await reply.parse(ANY_OR_NULL) is None:
        raise errors.SourceNotFound(
            f"Hacker News has no {kind} {named}.", address=reply.address, status=reply.status
        )


async def _posts(hits: Sequence[Hit], http: Http) -> tuple[Sequence[SourcePost], Mapping[str, int]]:
    """Return posts with the counts of now, and why others are left out."""
    posts: list[SourcePost] = []
    skipped: Counter[str] = Counter()
    for hit in hits:
        post = _post(hit)
        if not hit.is_comment:
            item = await (await http.get(f"{FIREBASE}/item/{hit.id}.json")).parse(ITEM_OR_NULL)
            if item is not None and (item.deleted or item.dead):
                skipped["deleted" if item.deleted else "dead"] += 1
                continue
            post = _with_counts(post, item or Item())
        posts.append(post)
    return posts, skipped


def _with_counts(post: SourcePost, item: Item) -> SourcePost:
    """Return the post with Firebase's counts, where it tells them."""
    return replace(
        post,
        likes=post.likes if item.score is None else item.score,
        comments=post.comments if item.descendants is None else item.descendants,
    )


def _post(hit: Hit) -> SourcePost:
    body = text.from_html(hit.comment_text or hit.story_text or "")
    # A comment has its story's title in other fields; its own is null.
    return SourcePost(
        id=hit.id,
        message=shape.paragraphs([text.plain(hit.title or ""), body]),
        author=hit.author,
        url=f"{WEB}{hit.id}",
        created_time=datetime.fromtimestamp(hit.created, UTC),
        likes=None if hit.is_comment else hit.points,
        comments=None if hit.is_comment else hit.num_comments,
    )
