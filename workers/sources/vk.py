"""VK: the wall of a community or a person, by the API.

A user's or a service token is needed. Refusals come with status 200 and say so in the body. The
wall is paged by number of posts, so that new posts shift it while it is read; what comes twice
is dropped. A post may repeat another one; without a text of its own it is left out.

A cursor is the number of posts before the page.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

import pydantic

from tasks.errors import TargetInvalid
from workers import errors, shape, text
from workers.http import Http
from workers.paging import Seen, newest_first
from workers.reply import Reply
from workers.site import Address
from workers.source import Evidence, Page, Rate, Setting, Source, SourceInfo, SourcePost, Walk

HOST: Final = "api.vk.com"
WALL: Final = f"https://{HOST}/method/wall.get"
VERSION: Final = "5.199"
KEY: Final = "vk_access_token"
LARGEST_PAGE: Final = 100

SITES: Final = re.compile(r"(?:(?:www|m|new)\.)?vk\.(?:com|ru)")
OWNER: Final = re.compile(r"-?[1-9]\d{0,14}")
COMMUNITY: Final = re.compile(r"(?:club|public|event)([1-9]\d{0,14})")
PERSON: Final = re.compile(r"id([1-9]\d{0,14})")
WALL_PAGE: Final = re.compile(r"wall(-?[1-9]\d{0,14})(?:_\d+)?")
NAME: Final = re.compile(r"[a-z][a-z0-9_.]{1,31}")
CURSOR: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
#: What is at the place of a name in other addresses.
RESERVED: Final = frozenset({"feed", "im", "search", "groups", "video", "music", "market", "login"})

#: https://dev.vk.com/reference/errors, and after how long to ask again where that is a matter of
#: time: too many calls a second, flood control, the day's calls of a method.
PAUSES: Final[Mapping[int, timedelta]] = {
    6: timedelta(seconds=1),
    9: timedelta(minutes=5),
    29: timedelta(hours=1),
}
MEANINGS: Final[Mapping[int, type[errors.SourceError]]] = {
    1: errors.SourceUnavailable,
    5: errors.SourceAuthRequired,
    7: errors.SourcePrivate,
    10: errors.SourceUnavailable,
    15: errors.SourcePrivate,
    18: errors.SourceNotFound,
    19: errors.SourcePrivate,
    27: errors.SourceAuthRequired,
    28: errors.SourceAuthRequired,
    30: errors.SourcePrivate,
    42: errors.SourceBlocked,
    # Of what we send only the owner can be wrong.
    100: errors.SourceNotFound,
    113: errors.SourceNotFound,
    125: errors.SourceNotFound,
    203: errors.SourcePrivate,
}


class Counted(pydantic.BaseModel):
    """How many there are of something."""

    count: shape.Count = None


class Post(pydantic.BaseModel):
    """An entry of a wall."""

    id: int
    owner_id: int
    from_id: int | None = None
    signer_id: int | None = None
    date: shape.Epoch = None
    text: shape.Words = None
    likes: Annotated[Counted | None, shape.OPTIONAL] = None
    comments: Annotated[Counted | None, shape.OPTIONAL] = None
    reposts: Annotated[Counted | None, shape.OPTIONAL] = None
    copy_history: Annotated[Sequence[Mapping[str, Any]], shape.LISTED] = ()
    is_deleted: shape.Flag = False


class Person(pydantic.BaseModel):
    """A person who is named on a wall."""

    id: int
    first_name: shape.Words = None
    last_name: shape.Words = None


class Community(pydantic.BaseModel):
    """A community that is named on a wall."""

    id: int
    name: shape.Words = None


class Wall(pydantic.BaseModel):
    """A page of a wall, and whom its posts name."""

    count: int
    items: Sequence[Post]
    profiles: Annotated[Sequence[Person], shape.LISTED] = ()
    groups: Annotated[Sequence[Community], shape.LISTED] = ()


class ErrorBody(pydantic.BaseModel):
    """An error."""

    error_code: int
    error_msg: shape.Words = None


class Answer(pydantic.BaseModel):
    """One of both."""

    response: Wall | None = None
    error: ErrorBody | None = None


ANSWER: Final = pydantic.TypeAdapter(Answer)


class VkSource(Source):
    """Walls of VK."""

    info = SourceInfo(
        name="vk",
        title="VK",
        target_help="A community's or person's short name, club and its number, or id and theirs.",
        examples=("team", "club1", "id1"),
        documentation="https://dev.vk.com/method/wall.get",
        read_on=date(2026, 11, 23),
        verified=Evidence.DOCUMENTS,
        settings=(Setting(name=KEY, help="A service token of your VK app, or a user's token."),),
        rate=Rate(calls=3, seconds=1, burst=1),
    )

    def recognise(self, address: str) -> str | None:
        """Return the wall that an address of the site shows."""
        page = Address.of(address)
        if page is None or not SITES.fullmatch(page.site.host):
            return None
        name = page.path.strip("/").partition("/")[0].lower()
        if wall := WALL_PAGE.fullmatch(name):
            return wall[1]
        return name if name and name not in RESERVED else None

    def normalise(self, target: str) -> str:
        """Return the owner's number, below zero for a community, or a short name in lower case.

        Raises:
            TargetInvalid: It is neither.
        """
        name = target.removeprefix("@").lower()
        if OWNER.fullmatch(name):
            return name
        if community := COMMUNITY.fullmatch(name):
            return f"-{community[1]}"
        if person := PERSON.fullmatch(name):
            return person[1]
        if NAME.fullmatch(name):
            return name
        raise TargetInvalid(
            f"{target[:200]!r} is no wall of VK; write the name in its address, such as vk:club1."
        )

    def host(self, target: str) -> str:
        """Name the API's host."""
        del target
        return HOST

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the wall's posts, newest first.

        Raises:
            SourceError: They could not be read.
        """
        if walk.cursor is not None and not CURSOR.fullmatch(walk.cursor):
            raise errors.SourceBadReply(f"VK has no cursor {walk.cursor[:100]!r}.")
        offset = int(walk.cursor or 0)
        seen = Seen()
        while True:
            wall = await self._get(walk, offset, http)
            offset += len(wall.items)
            cursor = str(offset) if wall.items and offset < wall.count else None
            posts, skipped = _posts(wall)
            # A pinned post stands on top, however old it is.
            yield seen.page(newest_first(posts), next_cursor=cursor, skipped=skipped)
            if cursor is None:
                return

    async def _get(self, walk: Walk, offset: int, http: Http) -> Wall:
        owner = "owner_id" if OWNER.fullmatch(walk.target) else "domain"
        reply = await http.get(
            WALL,
            params={
                owner: walk.target,
                "count": min(max(walk.max_posts, 1), LARGEST_PAGE),
                "offset": offset,
                "extended": 1,
                "v": VERSION,
            },
            headers={"authorization": f"Bearer {self.credentials.get(KEY, '')}"},
        )
        answer = await reply.parse(ANSWER)
        if answer.error is not None:
            error = _error_of(answer.error, reply, http.now())
            if error.retry_at is not None:
                await http.hold(error.retry_at)
            raise error
        if answer.response is None:
            raise reply.bad("it holds neither a response nor an error")
        return answer.response


def _posts(wall: Wall) -> tuple[Sequence[SourcePost], Mapping[str, int]]:
    """Return the posts that have something of their own, and how many were left out and why."""
    names: dict[int, str] = {}
    for person in wall.profiles:
        full = " ".join(part for part in (person.first_name, person.last_name) if part)
        names[person.id] = full
    for community in wall.groups:
        names[-community.id] = community.name or ""
    posts: list[SourcePost] = []
    skipped: dict[str, int] = {}
    for post in wall.items:
        reason = _left_out(post)
        if reason is None:
            posts.append(_post(post, names))
        else:
            skipped[reason] = skipped.get(reason, 0) + 1
    return posts, skipped


def _left_out(post: Post) -> str | None:
    if post.is_deleted:
        return "deleted"
    return "repost" if post.copy_history and not shape.first(post.text) else None


def _post(post: Post, names: Mapping[int, str]) -> SourcePost:
    author = next((one for one in (post.signer_id, post.from_id) if one is not None), post.owner_id)
    return SourcePost(
        id=f"{post.owner_id}_{post.id}",
        message=text.plain(post.text) if post.text else None,
        author=names.get(author) or str(author),
        url=f"https://vk.com/wall{post.owner_id}_{post.id}",
        created_time=post.date,
        likes=post.likes.count if post.likes else None,
        comments=post.comments.count if post.comments else None,
        shares=post.reposts.count if post.reposts else None,
    )


def _error_of(body: ErrorBody, reply: Reply, now: datetime) -> errors.SourceError:
    """Return what a refusal means."""
    said = f"VK says: {(body.error_msg or f'error {body.error_code}')[:300].rstrip('.')}."
    if (pause := PAUSES.get(body.error_code)) is not None:
        return errors.SourceRateLimited(
            said, retry_at=now + pause, address=reply.address, status=reply.status
        )
    kind = MEANINGS.get(body.error_code)
    if kind is None:
        return reply.bad(f"error {body.error_code}")
    return kind(said, address=reply.address, status=reply.status)
