"""What all walks over pages need: no post twice, and the newest first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from workers.source import Page, SourcePost

OLDEST: Final = datetime.min.replace(tzinfo=UTC)


class Seen:
    """The posts that a walk has met: lists that grow meanwhile repeat some on the next page."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def page(
        self,
        posts: Sequence[SourcePost],
        *,
        next_cursor: str | None,
        skipped: Mapping[str, int] | None = None,
    ) -> Page:
        """Return the page, without the posts met before, which are counted as `repeated`."""
        fresh: list[SourcePost] = []
        for post in posts:
            if post.id not in self._ids:
                self._ids.add(post.id)
                fresh.append(post)
        counts = {**(skipped or {}), "repeated": len(posts) - len(fresh)}
        return Page(
            posts=fresh,
            next_cursor=next_cursor,
            skipped={reason: number for reason, number in counts.items() if number},
        )


def newest_first(posts: Sequence[SourcePost]) -> Sequence[SourcePost]:
    """Sort a page whose platform puts pinned posts on top; posts without a time come last."""
    return sorted(posts, key=lambda post: post.created_time or OLDEST, reverse=True)
