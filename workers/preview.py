"""What a task would be, before there is one: whose target, can it be read, and what it will cost.

Resolving is the catalogue's. Beyond that the platform is asked once, for the first page; the rest
is worked out from it.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, cast

from tasks.budget import host_of
from tasks.models import PUSH
from tasks.ports import Preview, Target
from tasks.rate import Rate
from workers import errors
from workers.catalogue import SourceCatalogue
from workers.http import Http, HttpClient
from workers.source import Page, Source, Walk

#: Somebody waits for the answer.
MOST_SECONDS: Final = 20.0


class SourcePreviewer:
    """Implements `tasks.ports.Previewer` over the sources. Belongs to one event loop.

    `rates` are the operator's, by host, as the ledger has them.
    """

    def __init__(
        self,
        catalogue: SourceCatalogue,
        http: HttpClient,
        *,
        rates: Mapping[str, Rate] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._http = http
        self._rates = rates or {}

    async def preview(self, group_id: str, max_posts: int) -> Preview:
        """Say what a task for `max_posts` of `group_id` would be. Asks the platform once.

        Raises:
            TargetError: `group_id` leads nowhere, as when a task is created.
        """
        target = self._catalogue.resolve(group_id)
        if target.platform == PUSH:
            return Preview(platform=target.platform, target=target.target, is_readable=None)
        source = self._catalogue.source(target.platform)
        key = source.budget_key(target.target)
        http = self._http.run(budget_key=key, rate=source.info.rate)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(MOST_SECONDS):
                page = await _first_page(source, target, max_posts, http)
        except TimeoutError:
            late = f"{source.info.title} did not answer within {MOST_SECONDS:g} seconds."
            return _unreadable(target, errors.SourceUnavailable(late))
        except errors.SourceError as error:
            return _unreadable(target, error)
        pages = _pages(page, max_posts)
        calls = None
        if pages is not None:
            calls = http.calls + (pages - 1) * source.calls_a_page(target.target, first=http.calls)
        rate = source.info.rate and source.info.rate.lowered_to(self._rates.get(host_of(key or "")))
        return Preview(
            platform=target.platform,
            target=target.target,
            is_readable=True,
            available=len(page.posts) if page.next_cursor is None else None,
            calls=calls,
            seconds=_seconds(pages, calls, first=loop.time() - began, rate=rate),
        )


async def _first_page(source: Source, target: Target, max_posts: int, http: Http) -> Page:
    walk = Walk(target=target.target, max_posts=max_posts)
    # Every source's `pages` is an async generator; closing it lets go of what it holds.
    generator = cast("AsyncGenerator[Page]", source.pages(walk, http))
    async with aclosing(generator) as pages:
        async for page in pages:
            return page
    raise errors.SourceBadReply("The source broke off before its first page.")


def _unreadable(target: Target, error: errors.SourceError) -> Preview:
    return Preview(
        platform=target.platform,
        target=target.target,
        is_readable=False,
        error_code=error.code,
        error_message=str(error),
        retry_at=error.retry_at,
    )


def _pages(page: Page, max_posts: int) -> int | None:
    """Return how many pages hold so many posts, if all are like the first; None if it is empty."""
    if page.next_cursor is None:
        return 1
    return math.ceil(max_posts / len(page.posts)) if page.posts else None


def _seconds(
    pages: int | None, calls: int | None, *, first: float, rate: Rate | None
) -> float | None:
    """Return about how long it takes: as long as the pages do, or as the host's rate asks for."""
    if pages is None or calls is None:
        return None
    paced = 0.0 if rate is None else max(calls - rate.at_once, 0) * rate.interval_seconds
    return round(max(pages * first, paced), 1)
