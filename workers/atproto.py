"""What servers of the AT Protocol answer, as far as Bluesky's posts need it.

Facts: the lexicons `app.bsky.feed.defs`, `app.bsky.feed.post` and `com.atproto.server` of
github.com/bluesky-social/atproto.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

import pydantic

from workers import errors, shape
from workers.reply import Reply
from workers.source import SourcePost

#: The handle of an account whose own no longer leads to it.
NO_HANDLE: Final = "handle.invalid"

#: What the field `error` of a 400 says; anything else is told by its message.
MEANINGS: Final[Mapping[str, type[errors.SourceError]]] = {
    "UnknownFeed": errors.SourceNotFound,
    "UnknownList": errors.SourceNotFound,
    "ActorNotFound": errors.SourceNotFound,
    "AccountTakedown": errors.SourceNotFound,
    "AccountDeactivated": errors.SourceNotFound,
    "BlockedActor": errors.SourcePrivate,
    "BlockedByActor": errors.SourcePrivate,
    "AuthMissing": errors.SourceAuthRequired,
    "AuthenticationRequired": errors.SourceAuthRequired,
}
#: "Profile not found", "could not find feed", "Unable to resolve handle" are all InvalidRequest.
MISSING: Final = re.compile(
    r"not found|could not find|unable to resolve|could not resolve", re.IGNORECASE
)


class Media(pydantic.BaseModel):
    """An embedded picture, video or link."""

    alt: shape.Words = None
    title: shape.Words = None


class Embed(pydantic.BaseModel):
    """What is embedded in a post."""

    images: Annotated[Sequence[Media], shape.LISTED] = ()
    external: Annotated[Media | None, shape.OPTIONAL] = None
    media: Annotated["Embed | None", shape.OPTIONAL] = None
    alt: shape.Words = None  #: A video's.


class Record(pydantic.BaseModel):
    """What the author wrote; the time is the author's clock's."""

    text: shape.Words = None
    created_at: shape.Moment = pydantic.Field(default=None, alias="createdAt")
    embed: Annotated[Embed | None, shape.OPTIONAL] = None


class Label(pydantic.BaseModel):
    """A label, here one that an account gives itself."""

    val: shape.Words = None


class Author(pydantic.BaseModel):
    """Who wrote a post."""

    did: shape.Identifier
    handle: shape.Words = None
    labels: Annotated[Sequence[Label], shape.LISTED] = ()


class Post(pydantic.BaseModel):
    """`app.bsky.feed.defs#postView`."""

    uri: shape.Identifier
    author: Author
    record: Annotated[Record | None, shape.OPTIONAL] = None
    indexed_at: shape.Moment = pydantic.Field(default=None, alias="indexedAt")
    likes: shape.Count = pydantic.Field(default=None, alias="likeCount")
    replies: shape.Count = pydantic.Field(default=None, alias="replyCount")
    reposts: shape.Count = pydantic.Field(default=None, alias="repostCount")


class Reason(pydantic.BaseModel):
    """Why a post is in a feed other than that its author is."""

    type: shape.Words = pydantic.Field(default=None, alias="$type")


class Item(pydantic.BaseModel):
    """`app.bsky.feed.defs#feedViewPost`."""

    post: Post
    reason: Annotated[Reason | None, shape.OPTIONAL] = None


class Feed(pydantic.BaseModel):
    """A page of a feed."""

    feed: Sequence[Item]
    cursor: shape.Words = None


class Found(pydantic.BaseModel):
    """A page of a search."""

    posts: Sequence[Post]
    cursor: shape.Words = None


class Login(pydantic.BaseModel):
    """A session that begins or goes on."""

    access: str = pydantic.Field(alias="accessJwt", min_length=1)
    refresh: str = pydantic.Field(alias="refreshJwt", min_length=1)


class Identity(pydantic.BaseModel):
    """Whose handle it is."""

    did: shape.Identifier


FEED: Final = pydantic.TypeAdapter(Feed)
FOUND: Final = pydantic.TypeAdapter(Found)
LOGIN: Final = pydantic.TypeAdapter(Login)
IDENTITY: Final = pydantic.TypeAdapter(Identity)


def error_of(reply: Reply, refusal: shape.Refusal) -> errors.SourceError:
    """Return what a 400 means."""
    said = f"{refusal.error or 'an error'}: {(refusal.message or '').rstrip('.')[:200]}"
    kind = MEANINGS.get(refusal.error or "")
    if kind is None and MISSING.search(refusal.message or ""):
        kind = errors.SourceNotFound
    if kind is None:
        return reply.bad(said)
    return kind(f"Bluesky answered {said}.", address=reply.address, status=reply.status)


def post_of(post: Post) -> SourcePost:
    """Return a post as ours; its author is the handle, or without one the DID."""
    record = post.record or Record()
    handle = post.author.handle
    author = post.author.did if handle in {None, "", NO_HANDLE} else handle
    return SourcePost(
        id=post.uri,
        message=shape.first(record.text) or _described(record.embed),
        author=author,
        url=f"https://bsky.app/profile/{author}/post/{post.uri.rpartition('/')[2]}",
        created_time=_time(record.created_at, post.indexed_at),
        likes=post.likes,
        comments=post.replies,
        shares=post.reposts,
    )


def _described(embed: Embed | None) -> str | None:
    """Return the words that stand in for pictures, a video or a link without text."""
    if embed is None:
        return None
    link = embed.external.title if embed.external is not None else None
    alts = [image.alt for image in embed.images]
    return shape.paragraphs([embed.alt, *alts, link]) or _described(embed.media)


def _time(written: datetime | None, indexed: datetime | None) -> datetime | None:
    """Return when a post was made: what its author says, unless that lies after its arrival."""
    if written is None or indexed is None:
        return written or indexed
    return min(written, indexed)
