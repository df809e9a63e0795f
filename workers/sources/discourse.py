"""Discourse: the topics of a forum, category or tag, the posts of a topic or of a whole forum.

A list of topics gives each topic as one post: its title and first post, fetched one by one, since
lists have no text. Topics are listed by when they were made, whatever was answered last. A topic
gives its posts from the last to the first. Texts are as written (Markdown) where the forum gives
that, else from HTML.

Facts: docs.discourse.org, replies recorded at a public forum. A forum grants an address 200 calls
a minute and 50 in ten seconds as it is installed; a call before the time that a refusal names
starts the wait anew.

On any host `/t/name/5` and `/c/name/5` are taken for Discourse's. Paths that other software has
as well (`/tag/x`, `/latest`, `/posts`) are taken only for hosts named like forums.

A cursor is, of a list, the path of the next page; of a topic, the id of the last post given; of a
forum's posts, the id below which to go on.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Final
from urllib.parse import quote, urlencode, urlsplit

import pydantic
from pydantic import AliasPath

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.budget import Rate
from workers.http import Http
from workers.paging import Seen, newest_first
from workers.refusal import is_web_page
from workers.site import Address, Site, split
from workers.source import Evidence, Page, Source, SourceInfo, SourcePost, Walk

#: How many posts of a topic are asked for at once, as Discourse's own pages do.
CHUNK: Final = 20
#: How many ids a page of a forum's posts spans, however few of them are for visitors.
SPAN: Final = 50
LIKE: Final = 2
#: What came between the list and the call for a topic.
GONE: Final = frozenset({403, 404, 410})

SLUG: Final = r"[\w.~%-]+"
CATEGORY: Final = re.compile(rf"c/({SLUG}(?:/{SLUG})?)/(\d{{1,9}})(?:/l/latest)?")
TAG: Final = re.compile(rf"tags?/(?:c/{SLUG}/)?({SLUG})")
TOPIC: Final = re.compile(rf"t/(?:({SLUG})/)?(\d{{1,9}})(?:/\d{{1,9}})?")
FORUM: Final = re.compile(r"(?:meta|forums?|community|discuss|discourse|talk|users)\..+")
NUMBER: Final = re.compile(r"[1-9]\d{0,11}")

#: Kinds of posts that nobody wrote to be read: what moderators did, and whispers among them.
KINDS: Final[Mapping[int, str]] = {3: "system", 4: "not_public"}


class Action(pydantic.BaseModel):
    """How often something was done to a post."""

    id: shape.Count = None
    count: shape.Count = None


class Post(pydantic.BaseModel):
    """A post of a topic."""

    id: int = pydantic.Field(ge=1)
    username: shape.Words = None
    created_at: shape.Moment = None
    raw: shape.Words = None
    cooked: shape.Words = None
    reply_count: shape.Count = None
    actions: Annotated[Sequence[Action] | None, pydantic.Field(alias="actions_summary")] = None
    topic_id: shape.Count = None
    topic_slug: shape.Words = None
    post_number: shape.Count = None
    post_type: shape.Count = None
    hidden: shape.Flag = False
    user_deleted: shape.Flag = False
    deleted_at: shape.Moment = None


class Stream(pydantic.BaseModel):
    """Posts of a topic, and the ids of all; without those where only posts were asked for."""

    posts: Sequence[Post]
    stream: Sequence[int] | None = None


class Topic(pydantic.BaseModel):
    """A topic with some of its posts."""

    post_stream: Stream


class Listed(pydantic.BaseModel):
    """A topic in a list."""

    id: int = pydantic.Field(ge=1)
    slug: shape.Words = None
    title: shape.Words = None
    created_at: shape.Moment = None
    posts_count: shape.Count = None
    op_like_count: shape.Count = None


class Topics(pydantic.BaseModel):
    """A page of a list of topics."""

    topics: Sequence[Listed] = pydantic.Field(validation_alias=AliasPath("topic_list", "topics"))
    more: shape.Words = pydantic.Field(
        default=None, validation_alias=AliasPath("topic_list", "more_topics_url")
    )


class Latest(pydantic.BaseModel):
    """A page of a forum's posts."""

    latest_posts: Sequence[Post]


TOPICS: Final = pydantic.TypeAdapter(Topics)
TOPIC_POSTS: Final = pydantic.TypeAdapter(Topic)
LATEST: Final = pydantic.TypeAdapter(Latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A normalised target, taken apart: where in a forum."""

    site: Site
    path: str  #: `latest`, `posts`, `c/name/5`, `tag/name` or `t/5`.

    @classmethod
    def of(cls, written: str) -> "Place":
        """Read a target.

        Raises:
            ValueError: It is none.
        """
        site, rest = split(written)
        rest = rest.rstrip("/").removesuffix(".json")
        if rest in {"", "latest"}:
            return cls(site=site, path="latest")
        if rest == "posts":
            return cls(site=site, path="posts")
        if found := CATEGORY.fullmatch(rest):
            return cls(site=site, path=f"c/{found[1]}/{found[2]}")
        if found := TOPIC.fullmatch(rest):
            return cls(site=site, path=f"t/{found[2]}")
        if found := TAG.fullmatch(rest):
            return cls(site=site, path=f"tag/{found[1]}")
        raise ValueError(f"{rest!r} is no place of a forum.")

    @property
    def written(self) -> str:
        """Return the one way to write it."""
        return f"{self.site.written}/{self.path}"

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"{self.site.base}/{quote(path, safe='/%~')}.json"


class DiscourseSource(Source):
    """A forum's topics and posts."""

    info = SourceInfo(
        name="discourse",
        title="Discourse",
        target_help=(
            "A forum with latest, posts, c/name/number for a category, tag/name, or t/number for a "
            "topic."
        ),
        examples=(
            "meta.discourse.org/latest",
            "meta.discourse.org/c/support/6",
            "meta.discourse.org/tag/release-notes",
            "meta.discourse.org/t/9",
        ),
        documentation="https://docs.discourse.org/",
        read_on=date(2026, 11, 24),
        # Topics and forums' posts; lists of topics by the documents alone.
        verified=Evidence.RECORDINGS,
        rate=Rate(calls=120, seconds=60, burst=10),
    )

    def recognise(self, address: str) -> str | None:
        """Know the addresses that the module's description names."""
        if (page := Address.of(address)) is None:
            return None
        path = page.path.lstrip("/")
        anywhere = CATEGORY.fullmatch(path) or (
            (topic := TOPIC.fullmatch(path)) and topic[1] is not None
        )
        return _written(page.site, path) if anywhere or FORUM.fullmatch(page.site.host) else None

    def normalise(self, target: str) -> str:
        """Write the forum first; of a topic the number alone.

        Raises:
            TargetInvalid: It is no place of a forum.
        """
        try:
            return Place.of(self.recognise(target) or target).written
        except ValueError as error:
            raise TargetInvalid(
                f"{target[:200]!r} is no place of a Discourse forum; write for instance "
                "discourse:meta.discourse.org/latest, …/c/support/6, …/tag/name or …/t/9."
            ) from error

    def host(self, target: str) -> str | None:
        """Name the forum's host."""
        return Place.of(target).site.host

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield a list's topics or a topic's posts, newest first.

        Raises:
            SourceError: They could not be read.
        """
        place = Place.of(walk.target)
        read = _topics
        if place.path == "posts":
            read = _forum_posts
        elif place.path.startswith("t/"):
            read = _topic_posts
        cursor = walk.cursor
        seen = Seen()
        while True:
            page = await read(place, cursor, http)
            cursor = page.next_cursor
            yield seen.page(page.posts, next_cursor=cursor, skipped=page.skipped)
            if cursor is None:
                return


async def _topics(place: Place, cursor: str | None, http: Http) -> Page:
    """Read a page of a list, and each topic's first post."""
    if cursor is None:
        url = f"{place.url(place.path)}?order=created"
    elif cursor.startswith("/") and not cursor.startswith("//"):
        url = place.site.base + cursor
    else:
        raise _foreign(place, cursor)
    reply = await http.get(url, headers={"accept": "application/json"})
    page = await reply.parse(TOPICS)
    posts: list[SourcePost] = []
    skipped: Counter[str] = Counter()
    for topic in page.topics:
        post = await _first_post(place, topic, http)
        if post is None:
            skipped["deleted"] += 1
        else:
            posts.append(post)
    # An empty page that names another one would be named for ever.
    following = _next_list(page.more) if page.topics else None
    if page.more and page.topics and following is None:
        raise reply.bad("the address of its next page is none")
    # Pinned topics stand on top of the first page.
    return Page(posts=newest_first(posts), next_cursor=following, skipped=skipped)


async def _first_post(place: Place, topic: Listed, http: Http) -> SourcePost | None:
    """Return a topic as a post, or None if it is gone since it was listed."""
    reply = await http.get(place.url(f"t/{topic.id}"), statuses=GONE)
    if reply.status in GONE:
        if is_web_page(reply.headers, reply.content):
            raise reply.blocked()
        return None
    stream = (await reply.parse(TOPIC_POSTS)).post_stream
    opening = next((post for post in stream.posts if post.post_number == 1), None)
    if opening is None or _why_not(opening) is not None:
        return None
    post = _post(place, opening)
    answers = None if topic.posts_count is None else max(topic.posts_count - 1, 0)
    return replace(
        post,
        id=str(topic.id),
        message=shape.paragraphs([text.plain(topic.title or ""), post.message]),
        url=f"{place.site.base}/t/{quote(topic.slug or '-')}/{topic.id}",
        created_time=topic.created_at or post.created_time,
        likes=post.likes if topic.op_like_count is None else topic.op_like_count,
        comments=answers,
    )


async def _topic_posts(place: Place, cursor: str | None, http: Http) -> Page:
    """Read the posts of a topic that come before the cursor's."""
    if cursor is not None and not NUMBER.fullmatch(cursor):
        raise _foreign(place, cursor)
    reply = await http.get(place.url(place.path))
    first = (await reply.parse(TOPIC_POSTS)).post_stream
    # Topics of more than 10,000 posts come without the ids of all.
    if first.stream is None:
        raise reply.bad("the topic is too long to be listed")
    older = _before(first.stream, cursor)
    wanted = older[-CHUNK:]
    posts = {post.id: post for post in first.posts if post.id in wanted}
    if missing := [one for one in wanted if one not in posts]:
        query = urlencode([("post_ids[]", one) for one in missing])
        more = await http.get(f"{place.url(f'{place.path}/posts')}?{query}")
        posts |= {post.id: post for post in (await more.parse(TOPIC_POSTS)).post_stream.posts}
    ordered = [posts[one] for one in reversed(wanted) if one in posts]
    return _page(place, ordered, str(wanted[0]) if len(older) > CHUNK else None)


def _before(stream: Sequence[int], cursor: str | None) -> Sequence[int]:
    """Return the ids before the cursor's; also if that post is no more."""
    if cursor is None:
        return stream
    last = int(cursor)
    if last in stream:
        return stream[: list(stream).index(last)]
    return [one for one in stream if one < last]


async def _forum_posts(place: Place, cursor: str | None, http: Http) -> Page:
    """Read the posts of a forum below the cursor's id."""
    if cursor is not None and not NUMBER.fullmatch(cursor):
        raise _foreign(place, cursor)
    params = {} if cursor is None else {"before": cursor}
    reply = await http.get(place.url("posts"), params=params)
    below = None if cursor is None else int(cursor)
    listed = (await reply.parse(LATEST)).latest_posts
    posts = [post for post in listed if below is None or post.id < below]
    posts.sort(key=lambda post: post.id, reverse=True)
    lowest = posts[-1].id if posts else max((below or 1) - SPAN, 1)
    return _page(place, posts, str(lowest) if lowest > 1 else None)


def _page(place: Place, posts: Sequence[Post], cursor: str | None) -> Page:
    skipped = Counter(reason for post in posts if (reason := _why_not(post)))
    kept = [_post(place, post) for post in posts if _why_not(post) is None]
    return Page(posts=kept, next_cursor=cursor, skipped=skipped)


def _why_not(post: Post) -> str | None:
    """Say why a post is left out, or None."""
    if post.deleted_at is not None or post.user_deleted:
        return "deleted"
    return "hidden" if post.hidden else KINDS.get(post.post_type or 0)


def _post(place: Place, post: Post) -> SourcePost:
    where = f"{quote(post.topic_slug or '-')}/{post.topic_id}/{post.post_number or 1}"
    cooked = post.cooked or ""
    likes = None
    if post.actions is not None:
        # The entry is absent as long as nobody likes it.
        likes = next((act.count for act in post.actions if act.id == LIKE), 0)
    return SourcePost(
        id=str(post.id),
        message=shape.first(post.raw, text.from_html(cooked)) or text.stand_in(cooked) or None,
        author=post.username,
        url=None if post.topic_id is None else f"{place.site.base}/t/{where}",
        created_time=post.created_at,
        likes=likes,
        comments=post.reply_count,
    )


def _next_list(more: str | None) -> str | None:
    """Return the path and query of a list's next page."""
    parts = urlsplit(more or "")
    if not parts.path.startswith("/") or parts.path.startswith("//"):
        return None
    return f"{parts.path}?{parts.query}"


def _foreign(place: Place, cursor: str) -> errors.SourceBadReply:
    return errors.SourceBadReply(f"{place.site.host} has no page {cursor[:200]!r}.")


def _written(site: Site, path: str) -> str | None:
    try:
        return Place.of(f"{site.written}/{path}").written
    except ValueError:
        return None
