"""What connections share."""

from typing import Any

import strawberry

from graph.types.description import described
from tasks.cursor import Slice


@described
@strawberry.federation.type(shareable=True)
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = strawberry.field(
        description="Whether more edges follow. When paging backward, whether `before` was given."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether edges come before. When paging forward, whether `after` was given."
    )
    start_cursor: str | None = strawberry.field(description="The first edge's cursor.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor.")

    @classmethod
    def of(cls, found: Slice[Any]) -> "PageInfo":
        """Describe a page."""
        cursors = found.cursors
        return cls(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )
