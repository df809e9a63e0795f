"""`/tasks/{id}`: one task, and what can be done to it."""

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.flash import Kind
from api.pages.listing import POST_ORDERS, PostListing
from api.pages.site import Site
from api.pages.visit import Visit
from api.session.form import Form, Refused
from tasks import models
from tasks.cursor import Slice, Window
from tasks.errors import TaskNotFound, TransitionRefused, ValidationFailed
from tasks.models import ENDED
from tasks.ports import Platforms
from tasks.principal import Principal
from tasks.query import QueryService
from tasks.service import TaskService
from tasks.statistics import StatisticsService

#: Events that are shown; the rest is to be had over the API.
EVENTS: Final = 40
#: Characters of a post that are shown before somebody asks for more.
EXCERPT: Final = 600
_LARGEST_ID: Final = 2**63 - 1


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
            orders=POST_ORDERS,
            excerpt_length=EXCERPT,
            statistics=await self._statistics.of_task(principal, task.id),
            **listing.neighbours(posts),
        )

    async def _posts(
        self, principal: Principal, task_id: int, listing: PostListing
    ) -> Slice[models.Post]:
        _, order, descending = POST_ORDERS[listing.order]
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
