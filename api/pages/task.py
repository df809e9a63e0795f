"""`/tasks/{id}`: one task, and what can be done to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.flash import Kind
from api.pages.site import Site
from api.pages.visit import Visit
from api.session.form import Form, Refused
from tasks import models
from tasks.cursor import Slice, Window
from tasks.errors import TaskNotFound, TransitionRefused, ValidationFailed
from tasks.filter import MAX_SEARCH, PostOrder
from tasks.models import ENDED
from tasks.ports import Platforms
from tasks.principal import Principal
from tasks.query import QueryService
from tasks.service import TaskService
from tasks.statistics import StatisticsService

PAGE_SIZE: Final = 20
#: Events that are shown; the rest is to be had over the API.
EVENTS: Final = 40
#: Characters of a post that are shown before somebody asks for more.
EXCERPT: Final = 600
_LARGEST_ID: Final = 2**63 - 1

#: What an address calls an order of posts: its name, by what, and whether it descends.
ORDERS: Final[Mapping[str, tuple[str, PostOrder, bool]]] = {
    "stored": ("As they were stored", PostOrder.POSITION, False),
    "newest": ("Newest first", PostOrder.TIME, True),
    "oldest": ("Oldest first", PostOrder.TIME, False),
    "likes": ("Most likes first", PostOrder.LIKES, True),
    "comments": ("Most comments first", PostOrder.COMMENTS, True),
    "shares": ("Most shares first", PostOrder.SHARES, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostListing:
    """A page of a task's posts, as its address says."""

    search: str = ""
    order: str = "stored"
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read an address's query."""
        order = query.get("sort", "stored")
        return cls(
            search=query.get("q", "").strip()[:MAX_SEARCH].replace("\0", ""),
            order=order if order in ORDERS else "stored",
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

    def query(self, **place: str) -> dict[str, str]:
        """Return the query of another page of the same list."""
        sort = "" if self.order == "stored" else self.order
        asked = {"q": self.search, "sort": sort, **place}
        return {name: value for name, value in asked.items() if value}


class TaskPages:
    """A task's pages, around the services."""

    def __init__(
        self,
        site: Site,
        *,
        tasks: TaskService,
        query: QueryService,
        statistics: StatisticsService,
        platforms: Platforms,
    ) -> None:
        self._site = site
        self._tasks = tasks
        self._query = query
        self._statistics = statistics
        self._platforms = platforms

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        page = self._site.page
        return [
            page("/tasks/{task_id:int}", get=self.show),
            page("/tasks/{task_id:int}/cancel", post=self.cancel),
            page("/tasks/{task_id:int}/reset", post=self.reset),
            page("/tasks/{task_id:int}/delete", post=self.delete),
        ]

    async def show(self, visit: Visit) -> Response:
        """Show a task with its receipt, events, statistics and a page of its posts."""
        principal = visit.principal
        task = await self._tasks.get(principal, _task_id(visit))
        listing = PostListing.of(visit.request.query_params)
        posts = await self._posts(principal, task.id, listing)
        latest = Window(size=EVENTS)
        events = (await self._query.events(principal, [task.id], latest, descending=True))[task.id]
        titles = {each.name: each.title for each in self._platforms.platforms()}
        shown: dict[str, Any] = {
            "newer": listing.query(before=posts.cursors[0]) if posts.has_previous else None,
            "older": listing.query(after=posts.cursors[-1]) if posts.has_next else None,
        }
        return visit.show(
            "task.html",
            task=task,
            ended=task.status in ENDED,
            wait=(await self._query.waiting(principal, [task])).get(task.id),
            platform=titles.get(task.platform, task.platform),
            events=events.rows,
            older_events=events.has_next,
            posts=posts.rows,
            listing=listing,
            orders=ORDERS,
            excerpt_length=EXCERPT,
            statistics=await self._statistics.of_task(principal, task.id),
            **shown,
        )

    async def _posts(
        self, principal: Principal, task_id: int, listing: PostListing
    ) -> Slice[models.Post]:
        _, order, descending = ORDERS[listing.order]
        try:
            found = await self._query.posts(
                principal,
                [task_id],
                listing.window,
                order=order,
                descending=descending,
                search=listing.search or None,
            )
        except ValidationFailed as error:
            raise Refused(str(error), 400) from None
        return found[task_id]

    async def cancel(self, visit: Visit, form: Form) -> Response:
        """End the task."""
        del form
        task_id = _task_id(visit)
        try:
            await self._tasks.cancel(visit.principal, task_id)
        except TransitionRefused as error:
            return visit.redirect(f"/tasks/{task_id}", str(error), kind=Kind.WARN)
        return visit.redirect(f"/tasks/{task_id}", "The task is cancelled; its posts stay.")

    async def reset(self, visit: Visit, form: Form) -> Response:
        """Run the task again: from scratch, or on from where it stood."""
        task_id, resume = _task_id(visit), form.get("how") == "resume"
        try:
            await self._tasks.reset(visit.principal, task_id, resume=resume)
        except TransitionRefused as error:
            return visit.redirect(f"/tasks/{task_id}", str(error), kind=Kind.WARN)
        said = "The task goes on." if resume else "The task begins again."
        return visit.redirect(f"/tasks/{task_id}", said)

    async def delete(self, visit: Visit, form: Form) -> Response:
        """Delete the task, and go back to the list."""
        del form
        task_id = _task_id(visit)
        await self._tasks.delete(visit.principal, task_id)
        return visit.redirect("/tasks", f"Task {task_id} is deleted.")


def _task_id(visit: Visit) -> int:
    """Return the id in the page's path.

    Raises:
        TaskNotFound: No task could have it.
    """
    task_id: int = visit.request.path_params["task_id"]
    if not 0 < task_id <= _LARGEST_ID:
        raise TaskNotFound(task_id)
    return task_id
