"""Where a run that wants only what is new may stop: at what the runs before it have brought."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tasks.store.schedule import Former
from workers.source import SourcePost

#: Known posts in a row, newest first, behind which nothing is new; fewer where fewer are known.
#: Several, because a platform may show one out of its order.
KNOWN_IN_A_ROW: Final = 5


class Watermark:
    """Takes away what former runs have brought. Without `former`, a run wants everything.

    A source yields the newest first, so the first known post would be the end, were it not for
    pinned ones: an old post that its author keeps on top. A known post above a new one that is
    younger than it is taken for pinned, and says nothing.
    """

    def __init__(self, former: Former | None) -> None:
        self._known = former.known if former is not None else frozenset[str]()
        self._enough = min(KNOWN_IN_A_ROW, len(self._known))
        self._in_a_row = 0
        self.validators = former.validators if former is not None else None
        self.met = False  #: What follows was brought by former runs.

    @property
    def known(self) -> frozenset[str]:
        """The ids of the posts that former runs have brought."""
        return self._known

    def above(self, posts: Sequence[SourcePost]) -> tuple[Sequence[SourcePost], int]:
        """Return a page's posts that no former run has brought, up to the mark.

        And the number of those that one has.
        """
        if not self._known:
            return posts, 0
        fresh: list[SourcePost] = []
        known = 0
        for post, youngest_below in zip(posts, self._youngest_below(posts), strict=True):
            if self.met:
                break
            if post.id not in self._known:
                fresh.append(post)
                self._in_a_row = 0
                continue
            known += 1
            if not _is_older(post, youngest_below):
                self._in_a_row += 1
                self.met = self._in_a_row >= self._enough
        return fresh, known

    def _youngest_below(self, posts: Sequence[SourcePost]) -> list[datetime | None]:
        """Return for each post when the youngest new one below it was made."""
        found: list[datetime | None] = []
        youngest: datetime | None = None
        for post in reversed(posts):
            found.append(youngest)
            at = post.created_time
            if post.id not in self._known and at is not None:
                youngest = at if youngest is None else max(youngest, at)
        return found[::-1]


def _is_older(post: SourcePost, moment: datetime | None) -> bool:
    return post.created_time is not None and moment is not None and post.created_time < moment
