"""YouTube: the videos of a channel or a playlist, and the comments of a video, by the Data API.

An API key is needed. The API grants 10,000 units a day, and each call costs one: 500 videos are
21 calls, 500 comments five. Used up, it refuses until midnight in California. Videos come in the
playlist's order; a channel's uploads are such a playlist, newest first. Counts that the owner
hides are unknown, and shares are to everybody.

A cursor is the playlist and the API's page token, so that a resumed run looks no channel up.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Final

from tasks.errors import TargetInvalid
from workers import errors, youtube
from workers.http import Http
from workers.paging import Seen
from workers.reply import Reply
from workers.site import Address
from workers.source import Evidence, Page, Rate, Setting, Source, SourceInfo, SourcePost, Walk

HOST: Final = "www.googleapis.com"
BASE: Final = f"https://{HOST}/youtube/v3"
KEY: Final = "youtube_api_key"
LARGEST_PAGE: Final = 50
LARGEST_COMMENT_PAGE: Final = 100

SHORT_SITE: Final = "youtu.be"
SITES: Final = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", SHORT_SITE}
)
HELP: Final = (
    "a channel (@handle or UC…), playlist/ and a playlist's id, or video/ and a video's id"
)

CHANNEL: Final = re.compile(r"UC[\w-]{22}", re.ASCII)
HANDLE: Final = re.compile(r"@[^\s/?#@]{1,100}")
USER: Final = re.compile(r"user/([A-Za-z0-9]{1,60})")
PLAYLIST: Final = re.compile(r"(?:playlist/)?((?:PL|UU|FL|OL|LL|RD)[\w-]{8,100})", re.ASCII)
VIDEO: Final = re.compile(r"video/([\w-]{11})", re.ASCII)
CURSOR: Final = re.compile(r"([\w-]*) (\S+)", re.ASCII)

STATUSES: Final = frozenset({400, 403, 404})


class YouTubeSource(Source):
    """Videos and comments of YouTube."""

    info = SourceInfo(
        name="youtube",
        title="YouTube",
        target_help=f"{HELP[0].upper()}{HELP[1:]}.",
        examples=("@YouTube", "playlist/PLbpi6ZahtOH6Ar_3GPy3workRUlLLwTyX", "video/dQw4w9WgXcQ"),
        documentation="https://developers.google.com/youtube/v3/docs",
        read_on=date(2026, 11, 23),
        verified=Evidence.RECORDINGS,
        settings=(Setting(name=KEY, help="An API key for the YouTube Data API v3."),),
        # The daily quota is what counts; the pace only keeps from asking in bursts.
        rate=Rate(calls=120, seconds=60),
    )

    def recognise(self, address: str) -> str | None:
        """Return the channel, playlist or video that an address of the site shows."""
        page = Address.of(address)
        if page is None or page.site.host not in SITES:
            return None
        return _target_of(page)

    def normalise(self, target: str) -> str:
        """Return the one way to write a target. Handles know no case.

        Raises:
            TargetInvalid: It is none.
        """
        if CHANNEL.fullmatch(target) or VIDEO.fullmatch(target) or USER.fullmatch(target):
            return target
        if HANDLE.fullmatch(target) and target.isprintable():
            return target.lower()
        if playlist := PLAYLIST.fullmatch(target):
            return f"playlist/{playlist[1]}"
        raise TargetInvalid(f"{target[:200]!r} cannot be read at YouTube; write {HELP}.")

    def host(self, target: str) -> str:
        """Name the API's host."""
        del target
        return HOST

    def calls_a_page(self, target: str, *, first: int) -> int:
        """Count the page and the look-up of its videos."""
        return min(first, 1 if VIDEO.fullmatch(target) else 2)

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the target's videos or comments.

        Raises:
            SourceError: They could not be read.
        """
        video = VIDEO.fullmatch(walk.target)
        playlist, token = _read_cursor(walk.cursor)
        if video is None and not playlist:
            playlist = await self._playlist(walk.target, http)
        seen = Seen()
        while True:
            if video is not None:
                posts, token = await self._comments(video[1], token, walk, http)
                skipped: Mapping[str, int] = {}
            else:
                posts, token, skipped = await self._videos(playlist, token, walk, http)
            cursor = f"{playlist} {token}" if token else None
            yield seen.page(posts, next_cursor=cursor, skipped=skipped)
            if cursor is None:
                return

    async def _playlist(self, target: str, http: Http) -> str:
        """Return the playlist that a target is, or that a channel uploads to."""
        if playlist := PLAYLIST.fullmatch(target):
            return playlist[1]
        name = {"@": "forHandle", "U": "id"}.get(target[0], "forUsername")
        params = {"part": "contentDetails", name: target.removeprefix("user/")}
        reply = await self._get("channels", params, http)
        channels = await reply.parse(youtube.CHANNELS)
        if not channels.items:
            raise errors.SourceNotFound(
                f"YouTube knows no channel {target}.", address=reply.address, status=reply.status
            )
        return channels.items[0].content_details.related_playlists.uploads

    async def _videos(
        self, playlist: str, token: str | None, walk: Walk, http: Http
    ) -> tuple[Sequence[SourcePost], str | None, Mapping[str, int]]:
        """Read a page of a playlist, then its videos with their counts."""
        params: dict[str, str | int] = {
            "part": "contentDetails",
            "playlistId": playlist,
            "maxResults": min(max(walk.max_posts, 1), LARGEST_PAGE),
        }
        if token:
            params["pageToken"] = token
        page = await (await self._get("playlistItems", params, http)).parse(youtube.ITEMS)
        ids = list(dict.fromkeys(item.video_id for item in page.items))
        if not ids:
            return (), page.next_page_token, {}
        params = {"part": "snippet,statistics", "id": ",".join(ids), "maxResults": LARGEST_PAGE}
        found = await (await self._get("videos", params, http)).parse(youtube.VIDEOS)
        videos = {video.id: video for video in found.items}
        posts = [youtube.video_post(videos[one]) for one in ids if one in videos]
        gone = len(ids) - len(posts)
        return posts, page.next_page_token, {"unavailable": gone} if gone else {}

    async def _comments(
        self, video: str, token: str | None, walk: Walk, http: Http
    ) -> tuple[Sequence[SourcePost], str | None]:
        params: dict[str, str | int] = {
            "part": "snippet",
            "videoId": video,
            "order": "time",
            "textFormat": "plainText",
            "maxResults": min(max(walk.max_posts, 1), LARGEST_COMMENT_PAGE),
        }
        if token:
            params["pageToken"] = token
        page = await (await self._get("commentThreads", params, http)).parse(youtube.THREADS)
        return [youtube.comment_post(thread, video) for thread in page.items], page.next_page_token

    async def _get(self, kind: str, params: Mapping[str, str | int], http: Http) -> Reply:
        # A header keeps the key out of addresses, which are logged on the way.
        headers = {"x-goog-api-key": self.credentials[KEY]} if KEY in self.credentials else {}
        reply = await http.get(f"{BASE}/{kind}", params=params, headers=headers, statuses=STATUSES)
        if reply.status in STATUSES:
            error = youtube.error_of(reply, http.now())
            if error.retry_at is not None:
                await http.hold(error.retry_at)
            raise error
        return reply


def _target_of(page: Address) -> str | None:
    """Return what a page of the site shows."""
    parts = page.path.strip("/").split("/")
    video, playlist = page.query.get("v"), page.query.get("list")
    target: str | None = None
    match parts:
        case [shared, *_] if page.site.host == SHORT_SITE:
            target = f"video/{shared}"
        case ["watch"] if video:
            target = f"video/{video}"
        case ["playlist"] if playlist:
            target = f"playlist/{playlist}"
        case ["shorts" | "live" | "embed", shown, *_]:
            target = f"video/{shown}"
        case ["channel", channel, *_]:
            target = channel
        case ["user" | "c" as kind, name, *_]:
            target = f"{kind}/{name}"
        case [handle, *_] if handle.startswith("@"):
            target = handle
        case _:
            pass
    return target


def _read_cursor(cursor: str | None) -> tuple[str, str | None]:
    """Return a cursor's playlist, empty for comments, and its page token.

    Raises:
        SourceBadReply: It is none of ours.
    """
    if cursor is None:
        return "", None
    if (match := CURSOR.fullmatch(cursor)) is None:
        raise errors.SourceBadReply(f"YouTube has no cursor {cursor[:100]!r}.")
    return match[1], match[2]
