"""What of the tasks' list a page's address asks for, and the addresses of its other pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from tasks.cursor import Window
from tasks.filter import TaskFilter, TaskOrder
from tasks.models import TaskStatus

PAGE_SIZE: Final = 25

#: What an address calls an order, and what it is: by what, and whether it descends.
ORDERS: Final[Mapping[str, tuple[str, TaskOrder, bool]]] = {
    "newest": ("Newest first", TaskOrder.CREATED, True),
    "oldest": ("Oldest first", TaskOrder.CREATED, False),
    "priority": ("Highest priority first", TaskOrder.PRIORITY, True),
    "ended": ("Last ended first", TaskOrder.COMPLETED, True),
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
class TaskListing:
    """A page of the list, as its address says. What the address says wrongly is left out."""

    search: str = ""
    status: str = ""
    platform: str = ""
    order: str = "newest"
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read an address's query."""
        status, order = query.get("status", ""), query.get("order", "newest")
        return cls(
            search=query.get("q", "").strip()[:200].replace("\0", ""),
            status=status if status in STATUSES else "",
            platform=query.get("platform", "")[:100].replace("\0", ""),
            order=order if order in ORDERS else "newest",
            after=query.get("after") or None,
            before=query.get("before") or None,
        )

    @property
    def window(self) -> Window:
        """Return the part of the list."""
        backward = self.before is not None
        return Window(
            size=PAGE_SIZE,
            backward=backward,
            after=None if backward else self.after,
            before=self.before,
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

    def query(self, **place: str) -> dict[str, str]:
        """Return the query of another page of the same list."""
        asked = {
            "q": self.search,
            "status": self.status,
            "platform": self.platform,
            "order": "" if self.order == "newest" else self.order,
            **place,
        }
        return {name: value for name, value in asked.items() if value}
