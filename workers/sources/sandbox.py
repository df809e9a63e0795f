"""A platform that is none: for trying the product and for the tests of clients.

Needs no network and is deterministic: ids, texts, times and counts follow from the target and
the post's index, so a run that is interrupted, or repeated elsewhere, collects the same. Every
author is `Sluice sandbox`, and the receipt's `auth_mode` says `sandbox`.

A cursor is the index of the next post. `rate-limited` begins with an empty page whose cursor,
`limited:` and a time, carries through a restart until when it refuses.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from tasks.errors import TargetInvalid
from workers.errors import SourceBadReply, SourceNotFound, SourcePrivate, SourceRateLimited
from workers.http import Http
from workers.source import Page, Source, SourceInfo, SourcePost, Walk

AUTHOR: Final = "Sluice sandbox"
#: As many as a task may ask for, so that every task can be filled.
TOTAL: Final = 500
LONGEST_TARGET: Final = 100
NEWEST: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAILS_AFTER: Final = 120
REFUSED_FOR: Final = timedelta(seconds=8)  # longer than a run holds its slot for
LIMITED: Final = "limited:"

OPENINGS: Final = (
    "Good morning from the sandbox",
    "Does anybody know the way",
    "Спасибо за вчерашний вечер",
    "今日はいい天気ですね",
    "We found a key at the station",
    "Numbers are up 12 % & costs < 3 %",
    "שלום לכולם",
    "👩‍🌾 The market opens at eight",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a target hands out its posts."""

    page_size: int = 20
    delay_seconds: float = 0.1


class SandboxSource(Source):
    """Invented posts."""

    info = SourceInfo(
        name="sandbox",
        title="sandbox",
        target_help=(
            "happy, instant, slow, fails-after-120, not-found, rate-limited or empty; "
            "anything else behaves as happy."
        ),
        examples=("happy", "instant", "slow", "fails-after-120", "not-found", "rate-limited"),
        rate=None,
    )

    @property
    def auth_mode(self) -> str:
        """Say that the posts are invented."""
        return "sandbox"

    def normalise(self, target: str) -> str:
        """Accept anything short, as it is written.

        Raises:
            TargetInvalid: It is empty, too long or holds control characters.
        """
        if not target or len(target) > LONGEST_TARGET or not target.isprintable():
            raise TargetInvalid(
                f"A sandbox target has 1 to {LONGEST_TARGET} printable characters, such as happy."
            )
        return target

    def host(self, target: str) -> str | None:
        """Name none: nobody is called."""
        del target

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield invented pages, as the target's name promises.

        Raises:
            SourceNotFound: The target is `not-found`.
            SourcePrivate: The target is `fails-after-120`, and 120 posts were yielded.
            SourceRateLimited: The target is `rate-limited`, for the first few seconds.
            SourceBadReply: The cursor is none of ours.
        """
        cursor = walk.cursor
        if walk.target == "not-found":
            raise SourceNotFound("There is no sandbox group 'not-found'.")
        if walk.target == "empty":
            yield Page()
            return
        if walk.target == "rate-limited":
            if cursor is None:
                cursor = f"{LIMITED}{(http.now() + REFUSED_FOR).isoformat()}"
                yield Page(next_cursor=cursor)
            if cursor.startswith(LIMITED):
                _refuse_until(_until(cursor), http.now())
                cursor = None
        pace = _pace(walk)
        start: int | None = _index(cursor)
        while start is not None:
            if walk.target == "fails-after-120" and start >= FAILS_AFTER:
                raise SourcePrivate(f"The sandbox group was made private after {start} posts.")
            await http.pause(pace.delay_seconds)
            end = min(start + pace.page_size, TOTAL)
            posts = [_post(walk.target, index) for index in range(start, end)]
            start = end if end < TOTAL else None
            yield Page(posts=posts, next_cursor=None if start is None else str(start))


def _pace(walk: Walk) -> Pace:
    if walk.target == "instant":
        return Pace(page_size=max(walk.max_posts, 1), delay_seconds=0.0)
    if walk.target == "slow":
        # Ten pages at least, however few posts are wanted, as far as there are ten posts.
        return Pace(page_size=min(max(walk.max_posts // 10, 1), 25), delay_seconds=1.0)
    return Pace()


def _index(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or not cursor.isascii() or int(cursor[:9]) >= TOTAL:
        raise SourceBadReply(f"The sandbox has no cursor {cursor!r}.")
    return int(cursor)


def _until(cursor: str) -> datetime:
    try:
        until = datetime.fromisoformat(cursor.removeprefix(LIMITED))
    except ValueError as error:
        raise SourceBadReply(f"The sandbox has no cursor {cursor!r}.") from error
    return until if until.tzinfo else until.replace(tzinfo=UTC)


def _refuse_until(until: datetime, now: datetime) -> None:
    if now < until:
        raise SourceRateLimited("The sandbox group asks to wait a few seconds.", retry_at=until)


def _post(target: str, index: int) -> SourcePost:
    """Invent the post at `index`, counted from the newest."""
    seed = sha256(f"{target}\0{index}".encode()).digest()
    return SourcePost(
        id=f"{sha256(target.encode()).hexdigest()[:8]}-{index:04}",
        message=f"{OPENINGS[seed[0] % len(OPENINGS)]}. Post {index + 1} of {target}.",
        author=AUTHOR,
        url=None,
        created_time=NEWEST - timedelta(minutes=17 * index, seconds=seed[1] % 60),
        likes=int.from_bytes(seed[2:4]) % 1000,
        comments=seed[4] % 50,
        # A number that the platform does not tell, for clients to meet one.
        shares=seed[5] % 20 if index % 5 else None,
    )
