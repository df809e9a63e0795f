"""One run of one task: page by page, each stored with its checkpoint, to an end with a receipt.

A plain coroutine with explicit arguments. It writes through the claim alone, so it may be killed
anywhere: whoever claims the task next goes on after the last page that was stored.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast

from tasks import models
from tasks.claim import Checkpoint, Claim
from tasks.models import CursorState, StopReason
from tasks.receipt import Receipt
from tasks.store.schedule import Former
from tasks.work import WorkService
from workers.errors import SourceBadReply, SourceError
from workers.http import Http
from workers.source import Page, Source, SourcePost, Walk
from workers.watermark import Watermark

INTERNAL_ERROR: Final = "INTERNAL_ERROR"
#: Pages in a row that may bring nothing new before the walk is given up.
STALE_PAGES: Final = 2
#: The one reason for leaving a post out that says that it was met before.
REPEATED: Final = "repeated"
#: Waits before another try, doubled with each failure in a row.
BACKOFF_SECONDS: Final = 10.0
MOST_BACKOFF_SECONDS: Final = 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one run may take."""

    page_cap: int = 200
    seconds: float = 900.0  #: After this the task goes back, so that no message stays open long.


@dataclass(slots=True)
class Progress:
    """Where a run stands, between two pages."""

    receipt: Receipt
    known: set[str]
    cursor_state: CursorState
    cursor: str | None
    from_start: bool
    seen_cursors: set[str] = field(default_factory=set[str])
    known_before: frozenset[str] = frozenset()
    stale: int = 0
    pages: int = 0
    watermark: Watermark = field(default_factory=lambda: Watermark(None))
    #: What the source gave with the first page, for the next run of the task's schedule.
    validators: Mapping[str, str] | None = None
    #: What former runs of the task counted; `Http` counts from zero.
    calls_before: int = 0
    waited_before: float = 0.0

    @classmethod
    def of(cls, task: models.Task, known: set[str], former: Former | None = None) -> "Progress":
        """Take up a task where its last run left it."""
        receipt = Receipt.of(task.receipt, requested=task.max_posts)
        watermark = Watermark(former)
        return cls(
            receipt=receipt.evolve(stop_reason=None, complete=False),
            known=known,
            cursor_state=CursorState(task.cursor_state),
            cursor=task.cursor,
            from_start=task.cursor_state == CursorState.START,
            known_before=watermark.known | known,
            watermark=watermark,
            calls_before=receipt.calls,
            waited_before=receipt.waited_seconds,
        )

    def checkpoint(self, reason: StopReason | None = None) -> Checkpoint:
        """Return what is stored of it."""
        return Checkpoint(
            cursor_state=self.cursor_state,
            cursor=self.cursor,
            posts_count=len(self.known),
            receipt=self.receipt if reason is None else self.receipt.ended(reason),
        )

    def take(self, page: Page, *, most: int) -> Sequence[SourcePost]:
        """Take a page in: returns its new posts, at most as many as are still wanted."""
        fresh: dict[str, SourcePost] = {}
        above, again = self.watermark.above(page.posts)
        for post in above:
            if post.id in self.known or post.id in fresh:
                again += 1
            elif len(self.known) + len(fresh) < most:
                fresh[post.id] = post
        self.known |= fresh.keys()
        if self.cursor_state is CursorState.START:
            self.validators = page.validators
        self.pages += 1
        # A page of reposts alone is no standstill: what it held was new, and left out on purpose.
        left_out = any(reason != REPEATED for reason in page.skipped)
        self.stale = 0 if fresh or left_out else self.stale + 1
        self.cursor = page.next_cursor
        self.cursor_state = CursorState.AT if page.next_cursor else CursorState.EXHAUSTED
        self._count(page, list(fresh.values()), again)
        return list(fresh.values())

    def spent(self, http: Http) -> None:
        """Bring the receipt's calls and waits up to date."""
        self.receipt = self.receipt.evolve(
            calls=self.calls_before + http.calls,
            waited_seconds=round(self.waited_before + http.waited_seconds, 3),
        )

    def _count(self, page: Page, fresh: Sequence[SourcePost], again: int) -> None:
        receipt = self.receipt
        times = [post.created_time for post in fresh if post.created_time is not None]
        skipped = dict(receipt.skipped)
        for reason, number in page.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + number
        self.receipt = receipt.evolve(
            collected=len(self.known),
            duplicates=receipt.duplicates + again,
            pages=receipt.pages + 1,
            skipped=skipped,
            newest_at=max([*times, *filter(None, [receipt.newest_at])], default=None),
            oldest_at=min([*times, *filter(None, [receipt.oldest_at])], default=None),
        )


class Run:
    """The run of one claim. `stopping` is asked after each page."""

    def __init__(
        self,
        claim: Claim,
        *,
        work: WorkService,
        source: Source,
        http: Http,
        bounds: Bounds,
        stopping: Callable[[], bool],
    ) -> None:
        self.claim = claim
        self.task = claim.task
        self._work = work
        self._source = source
        self._http = http
        self._bounds = bounds
        self._stopping = stopping
        self._progress: Progress | None = None

    async def run(self) -> models.Task:
        """Read pages until the task ends, waits or is given back; returns it as it was left.

        Raises:
            LeaseLost: The task is no longer ours.
            StorageError: The database does not answer; the lease will run out.
        """
        known = await self._work.known_posts(self.claim) if self.task.posts_count else set[str]()
        former = await self._work.former(self.claim)
        self._progress = progress = Progress.of(self.claim.task, known, former)
        auth_mode = self._source.auth_mode_of(self.claim.task.target)
        progress.receipt = progress.receipt.evolve(auth_mode=auth_mode)
        self.task = await self._work.start(self.claim)
        if reason := self._nothing_to_do(progress):
            return await self._complete(progress, (), reason)
        try:
            return await self._walk(progress)
        except SourceError as error:
            return await self._stumble(progress, error)

    async def release(self) -> models.Task:
        """Give the task back at once, with what the receipt counts so far."""
        receipt = None if self._progress is None else self._progress.receipt
        return await self._work.release(self.claim, receipt)

    async def blame(self, error: Exception) -> models.Task:
        """End the task for a fault of our own; its traceback stands in the log under an id."""
        reference = uuid.uuid4().hex[:12]
        _log.error("a run failed by a fault", extra={"reference": reference}, exc_info=error)
        stored = Receipt.of(self.task.receipt, requested=self.task.max_posts)
        return await self._work.blame(
            self.claim,
            stored.ended(StopReason.ERROR),
            error_code=INTERNAL_ERROR,
            error_message=f"Reading failed by a fault in Sluice; the log has it as {reference}.",
        )

    def _nothing_to_do(self, progress: Progress) -> StopReason | None:
        """Say why no page is needed: the last run stored everything but its end."""
        if len(progress.known) >= self.task.max_posts:
            return StopReason.REACHED_MAX
        if progress.cursor_state is CursorState.EXHAUSTED:
            return StopReason.END_OF_SOURCE
        return None

    async def _walk(self, progress: Progress) -> models.Task:
        walk = Walk(
            target=self.task.target,
            max_posts=self.task.max_posts,
            cursor=progress.cursor,
            validators=progress.watermark.validators,
        )
        until = asyncio.get_running_loop().time() + self._bounds.seconds
        # Every source's `pages` is an async generator; closing it lets go of what it holds.
        generator = cast("AsyncGenerator[Page]", self._source.pages(walk, self._http))
        async with aclosing(generator) as pages:
            async for page in pages:
                posts = progress.take(page, most=self.task.max_posts)
                progress.spent(self._http)
                if reason := self._reason(progress, page):
                    return await self._finish(progress, posts, reason)
                self.task = await self._work.record(self.claim, progress.checkpoint(), posts)
                if self._stopping() or asyncio.get_running_loop().time() >= until:
                    return await self.release()
        raise SourceBadReply("The source broke off in the middle of its pages.")

    def _reason(self, progress: Progress, page: Page) -> StopReason | None:
        """Say why this page is the last, or None."""
        if page.not_modified or progress.watermark.met:
            return StopReason.KNOWN_POSTS
        if len(progress.known) >= self.task.max_posts:
            return StopReason.REACHED_MAX
        if page.next_cursor is None:
            return StopReason.END_OF_SOURCE
        repeated = page.next_cursor in progress.seen_cursors
        progress.seen_cursors.add(page.next_cursor)
        if repeated or progress.stale >= STALE_PAGES:
            met = {post.id for post in page.posts} <= progress.known_before
            if progress.from_start and page.posts and met:
                return StopReason.KNOWN_POSTS
            return StopReason.NO_PROGRESS
        return StopReason.PAGE_CAP if progress.pages >= self._bounds.page_cap else None

    async def _finish(
        self, progress: Progress, posts: Sequence[SourcePost], reason: StopReason
    ) -> models.Task:
        """Complete, unless nothing was found although the source never said that it is empty."""
        if not progress.known and reason in (StopReason.NO_PROGRESS, StopReason.PAGE_CAP):
            error = SourceBadReply(
                f"{progress.pages} pages held not one post, and the source named further ones."
            )
            return await self._fail(progress, error)
        return await self._complete(progress, posts, reason)

    async def _complete(
        self, progress: Progress, posts: Sequence[SourcePost], reason: StopReason
    ) -> models.Task:
        return await self._work.complete(
            self.claim,
            progress.checkpoint(reason),
            posts,
            reason,
            validators=progress.validators,
        )

    async def _stumble(self, progress: Progress, error: SourceError) -> models.Task:
        """Try again later where that may help, else fail."""
        progress.spent(self._http)
        failures = self.task.failures + (1 if error.counts_as_failure else 0)
        lasting = failures >= self._work.limits.max_failures and error.counts_as_failure
        if lasting or not error.retryable or not error.forgives(failures):
            return await self._fail(progress, error)
        return await self._work.wait(
            self.claim,
            seconds=_pause(error, failures),
            failures=failures,
            error_code=error.code,
            error_message=str(error),
            receipt=progress.receipt,
        )

    async def _fail(self, progress: Progress, error: SourceError) -> models.Task:
        return await self._work.fail(
            self.claim,
            progress.checkpoint(StopReason.ERROR),
            error_code=error.code,
            error_message=str(error),
            excerpt=error.excerpt,
        )


def _pause(error: SourceError, failures: int) -> float:
    """Return the seconds until the next try: as the source said, or backoff with jitter."""
    if error.retry_at is not None:
        return max((error.retry_at - datetime.now(UTC)).total_seconds(), 0.0)
    backoff = min(BACKOFF_SECONDS * 2 ** max(failures - 1, 0), MOST_BACKOFF_SECONDS)
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads tries, guards nothing
