"""What YouTube's Data API answers, as far as posts need it.

Facts: the resources and errors at https://developers.google.com/youtube/v3/docs.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pydantic
from pydantic.alias_generators import to_camel

from workers import errors, shape, text
from workers.reply import Reply
from workers.source import SourcePost

#: The first reason of an error, and what it means. `quotaExceeded` and the like are apart.
REASONS: Final[Mapping[str, tuple[type[errors.SourceError], str]]] = {
    "commentsDisabled": (errors.SourcePrivate, "the comments of this video are turned off"),
    "playlistItemsNotAccessible": (errors.SourcePrivate, "this playlist is private"),
    "channelClosed": (errors.SourceNotFound, "this channel was closed"),
    "channelSuspended": (errors.SourceNotFound, "this channel was suspended"),
    "keyInvalid": (errors.SourceAuthRequired, "the API key in SLUICE_YOUTUBE_API_KEY is not valid"),
    "accessNotConfigured": (
        errors.SourceAuthRequired,
        "the project of the API key has the YouTube Data API not enabled",
    ),
    "ipRefererBlocked": (errors.SourceAuthRequired, "the API key is not for this address"),
}
SPENT: Final = frozenset({"quotaExceeded", "dailyLimitExceeded"})
HURRIED: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
#: A key that is wrong is a `badRequest` like any other but for its message.
BAD_KEY: Final = re.compile(r"API key", re.IGNORECASE)


def _number(value: Any) -> Any:
    """Read a count; the API writes those of videos as texts."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value) else value


Number = Annotated[shape.Count, pydantic.BeforeValidator(_number)]


class Camel(pydantic.BaseModel):
    """An object of the API, which writes names in camel case."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel)


class Related(Camel):
    """The playlists that belong to a channel."""

    uploads: shape.Identifier


class ChannelDetails(Camel):
    """A part of a channel."""

    related_playlists: Related


class Channel(Camel):
    """A channel."""

    content_details: ChannelDetails


class Channels(Camel):
    """The answer to a look-up, without `items` if there is no such channel."""

    kind: str = pydantic.Field(pattern=r"^youtube#channelListResponse$")
    items: Sequence[Channel] = ()


class VideoId(Camel):
    """What a playlist's item leads to."""

    video_id: shape.Identifier


class ItemSnippet(Camel):
    """The longer of the two parts of an item that say so."""

    resource_id: VideoId


class Item(Camel):
    """A playlist's item, with either part."""

    content_details: VideoId | None = None
    snippet: ItemSnippet | None = None

    @pydantic.model_validator(mode="after")
    def _require_video(self) -> Self:
        if self.content_details is None and self.snippet is None:
            raise ValueError("an item leads to no video")
        return self

    @property
    def video_id(self) -> str:
        """Return the video's id."""
        part = self.content_details or (self.snippet and self.snippet.resource_id)
        return part.video_id if part else ""


class Items(Camel):
    """A page of a playlist."""

    items: Sequence[Item]
    next_page_token: shape.Words = None


class Statistics(Camel):
    """What a video has of what."""

    like_count: Number = None
    comment_count: Number = None


class Snippet(Camel):
    """What a video says of itself."""

    title: shape.Words = None
    description: shape.Words = None
    channel_title: shape.Words = None
    published_at: shape.Moment = None


class Video(Camel):
    """A video."""

    id: shape.Identifier
    snippet: Annotated[Snippet | None, shape.OPTIONAL] = None
    statistics: Annotated[Statistics | None, shape.OPTIONAL] = None


class Videos(Camel):
    """The answer to a look-up; videos that are gone or private are left out."""

    items: Sequence[Video]


class CommentSnippet(Camel):
    """What a comment says."""

    text_original: shape.Words = None
    text_display: shape.Words = None
    author_display_name: shape.Words = None
    published_at: shape.Moment = None
    like_count: Number = None


class Comment(Camel):
    """The comment that a thread begins with."""

    snippet: Annotated[CommentSnippet | None, shape.OPTIONAL] = None


class ThreadSnippet(Camel):
    """A part of a thread."""

    top_level_comment: Annotated[Comment | None, shape.OPTIONAL] = None
    total_reply_count: Number = None


class Thread(Camel):
    """A comment and how many replies it has."""

    id: shape.Identifier
    snippet: Annotated[ThreadSnippet | None, shape.OPTIONAL] = None


class Threads(Camel):
    """A page of comments."""

    items: Sequence[Thread]
    next_page_token: shape.Words = None


class Cause(Camel):
    """One of an error's causes."""

    reason: shape.Words = None


class ErrorBody(Camel):
    """An error."""

    message: shape.Words = None
    errors: Annotated[Sequence[Cause], shape.LISTED] = ()


class Refusal(Camel):
    """What a call is refused with."""

    error: ErrorBody


CHANNELS: Final = pydantic.TypeAdapter(Channels)
ITEMS: Final = pydantic.TypeAdapter(Items)
VIDEOS: Final = pydantic.TypeAdapter(Videos)
THREADS: Final = pydantic.TypeAdapter(Threads)
REFUSAL: Final = pydantic.TypeAdapter(Refusal)


def video_post(video: Video) -> SourcePost:
    """Return a video as a post."""
    snippet, statistics = video.snippet or Snippet(), video.statistics or Statistics()
    return SourcePost(
        id=video.id,
        message=shape.paragraphs([snippet.title, text.plain(snippet.description or "")]),
        author=snippet.channel_title,
        url=f"https://www.youtube.com/watch?v={video.id}",
        created_time=snippet.published_at,
        likes=statistics.like_count,
        comments=statistics.comment_count,
    )


def comment_post(thread: Thread, video: str) -> SourcePost:
    """Return a comment on a video as a post."""
    snippet = thread.snippet or ThreadSnippet()
    comment = (snippet.top_level_comment or Comment()).snippet or CommentSnippet()
    message = shape.first(comment.text_original, comment.text_display)
    return SourcePost(
        id=thread.id,
        message=text.plain(message) if message else None,
        author=comment.author_display_name,
        url=f"https://www.youtube.com/watch?v={video}&lc={thread.id}",
        created_time=comment.published_at,
        likes=comment.like_count,
        comments=snippet.total_reply_count,
    )


def error_of(reply: Reply, now: datetime) -> errors.SourceError:
    """Return what a refusal means; without a reason that is known, what its status means."""
    try:
        body = REFUSAL.validate_json(reply.content).error
    except pydantic.ValidationError:
        return reply.refusal(now)
    reasons = {cause.reason for cause in body.errors}
    place: dict[str, Any] = {"address": reply.address, "status": reply.status}
    if reasons & SPENT:
        return errors.SourceRateLimited(
            "The day's quota of the YouTube API key is used up.", retry_at=_midnight(now), **place
        )
    if reasons & HURRIED:
        later = now + timedelta(minutes=1)
        return errors.SourceRateLimited("YouTube asks to go slower.", retry_at=later, **place)
    for reason in reasons & REASONS.keys():
        kind, why = REASONS[str(reason)]
        return kind(f"YouTube refuses: {why}.", **place)
    if BAD_KEY.search(body.message or ""):
        kind, why = REASONS["keyInvalid"]
        return kind(f"YouTube refuses: {why}.", **place)
    return reply.refusal(now)


def _midnight(now: datetime) -> datetime:
    """Return when the next day begins in California, where the quota is renewed."""
    try:
        there = now.astimezone(ZoneInfo("America/Los_Angeles"))
    except ZoneInfoNotFoundError:
        # Without the system's zones: the winter's time, which is at most an hour late.
        return (now - timedelta(hours=8)).replace(
            hour=8, minute=0, second=0, microsecond=0
        ) + timedelta(days=1)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (midnight + timedelta(days=1)).astimezone(UTC)
