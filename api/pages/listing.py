"""What of a long list a page's address asks for, and the addresses of its other pages."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from tasks.cursor import Slice, Window
from tasks.filter import MAX_SEARCH, PostOrder, TaskFilter, TaskOrder
from tasks.models import TaskStatus

#: What an address calls an order: its name, by what, and whether it descends.
TASK_ORDERS: Final[Mapping[str, tuple[str, TaskOrder, bool]]] = {
    "newest": ("Newest first", TaskOrder.CREATED, True),
    "oldest": ("Oldest first", TaskOrder.CREATED, False),
    "priority": ("Highest priority first", TaskOrder.PRIORITY, True),
    "ended": ("Last ended first", TaskOrder.COMPLETED, True),
}
POST_ORDERS: Final[Mapping[str, tuple[str, PostOrder, bool]]] = {
    "stored": ("As they were stored", PostOrder.POSITION, False),
    "newest": ("Newest first", PostOrder.TIME, True),
    "oldest": ("Oldest first", PostOrder.TIME, False),
    "likes": ("Most likes first", PostOrder.LIKES, True),
    "comments": ("Most comments first", PostOrder.COMMENTS, True),
    "shares": ("Most shares first", PostOrder.SHARES, True),
}
STATUSES: Final[Mapping[str, tuple[str, tuple[TaskStatus, ...]]]] = {
    "": ("Any status", ()),
    "open": (
        "Unfinished",
        (TaskStatus.PENDING, TaskStatus.ASSIGNED, TaskStatus.PROCESSING),
    ),
    "pending": ("Waiting", (TaskStatus.PENDING,)),
    "processing": ("Collecting", (TaskStatus.ASSIGNED, TaskStatus.PROCESSING)),
    "completed": ("Completed", (TaskStatus.COMPLETED,)),
    "failed": ("Failed or cancelled", (TaskStatus.FAILED,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(ABC):
    """A page of a list, as its address says. What the address says wrongly is left out."""

    SIZE: ClassVar[int]  #: Rows of a page.

    search: str = ""
    after: str | None = None
    before: str | None = None

    @property
    def window(self) -> Window:
        """Return the part of the list."""
        backward = self.before is not None
        return Window(
            size=self.SIZE,
            backward=backward,
            after=None if backward else self.after,
            before=self.before,
        )

    @property
    @abstractmethod
    def asked(self) -> Mapping[str, str]:
        """Return what the address says but for the page; "" where it says nothing."""

    def query(self, **place: str) -> dict[str, str]:
        """Return the query of another page of the same list."""
        return {name: value for name, value in {**self.asked, **place}.items() if value}

    def neighbours(self, found: Slice[Any]) -> dict[str, Any]:
        """Return the queries of the pages before and after what was found; None for no page."""
        return {
            "newer": self.query(before=found.cursors[0]) if found.has_previous else None,
            "older": self.query(after=found.cursors[-1]) if found.has_next else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskListing(Listing):
    """A page of the tasks."""

    SIZE = 25

    status: str = ""
    platform: str = ""
    order: str = "newest"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read an address's query."""
        status, order = query.get("status", ""), query.get("order", "newest")
        return cls(
            **_place(query),
            status=status if status in STATUSES else "",
            platform=query.get("platform", "")[:100].replace("\0", ""),
            order=order if order in TASK_ORDERS else "newest",
        )

    @property
    def where(self) -> TaskFilter:
        """Return which tasks are listed."""
        return TaskFilter(
            search=self.search or None,
            status=STATUSES[self.status][1] or None,
            platform=[self.platform] if self.platform else None,
        )

    @property
    def is_filtered(self) -> bool:
        """Say whether some tasks may be left out."""
        return bool(self.search or self.status or self.platform)

    @property
    def is_first(self) -> bool:
        """Say whether this is the list's first page, the newest first: new tasks belong here."""
        return self.order == "newest" and self.after is None and self.before is None

    @property
    def asked(self) -> Mapping[str, str]:
        """Return what the address says but for the page."""
        return {
            "q": self.search,
            "status": self.status,
            "platform": self.platform,
            "order": "" if self.order == "newest" else self.order,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PostListing(Listing):
    """A page of a task's posts."""

    SIZE = 20

    order: str = "stored"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read an address's query."""
        order = query.get("sort", "stored")
        return cls(**_place(query), order=order if order in POST_ORDERS else "stored")

    @property
    def asked(self) -> Mapping[str, str]:
        """Return what the address says but for the page."""
        return {"q": self.search, "sort": "" if self.order == "stored" else self.order}


def _place(query: Mapping[str, str]) -> dict[str, Any]:
    """Read what every list's address may say."""
    return {
        "search": query.get("q", "").strip()[:MAX_SEARCH].replace("\0", ""),
        "after": query.get("after") or None,
        "before": query.get("before") or None,
    }
