"""`/tasks`: the list, what makes a new task, and what is done to several at once."""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from api.pages.flash import Kind
from api.pages.listing import STATUSES, TASK_ORDERS, TaskListing
from api.pages.site import Site
from api.pages.visit import Visit
from api.session.form import Form, Refused
from tasks import models
from tasks.cursor import Slice
from tasks.errors import TargetError, TaskNotFound, TransitionRefused, ValidationFailed
from tasks.ports import Platforms, PlatformState, Preview
from tasks.principal import Principal
from tasks.query import QueryService
from tasks.service import TaskService
from tasks.validation import Idempotency, NewTask

#: Tasks that one form may name.
MOST_SELECTED: Final = 100
_ACTIONS: Final[Mapping[str, str]] = {
    "cancel": "Cancelled",
    "reset": "Started again",
    "delete": "Deleted",
}
_WISH: Final = ("group_id", "max_posts", "group_name", "priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The form for a new task, as it is filled in, and what is to be said about it."""

    values: Mapping[str, str]
    errors: Mapping[str, Sequence[str]]
    preview: Preview | None = None

    @property
    def is_open(self) -> bool:
        """Say whether there is more in it than an empty line."""
        return bool(self.values["group_id"] or self.errors or self.preview)


class TasksPages:
    """The list's pages, around the services."""

    def __init__(
        self, site: Site, *, tasks: TaskService, query: QueryService, platforms: Platforms
    ) -> None:
        self._site = site
        self._tasks = tasks
        self._query = query
        self._platforms = platforms

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            self._site.page("/tasks", get=self.show, post=self.create),
            self._site.page("/tasks/selected", post=self.change_selected),
        ]

    async def show(self, visit: Visit) -> Response:
        """Show a page of the list; `new` in the address fills in the form for a new task."""
        wanted = visit.request.query_params.get("new", "")[:2048]
        values = {**dict.fromkeys(_WISH, ""), "group_id": wanted, "max_posts": "100"}
        return await self._page(visit, Wish(values=values, errors={}))

    async def create(self, visit: Visit, form: Form) -> Response:
        """Create a task, or say what it would be."""
        values = {name: form.get(name, "") for name in _WISH}
        try:
            new = NewTask.parse({name: value for name, value in values.items() if value.strip()})
            if form.get("step") == "preview":
                preview = await self._tasks.preview(visit.principal, new)
                return await self._page(visit, Wish(values=values, errors={}, preview=preview))
            once = Idempotency.of(form.get("key") or secrets.token_hex(), door="page", body=values)
            task = await self._tasks.create(visit.principal, new, idempotency=once)
        except ValidationFailed as error:
            return await self._page(visit, Wish(values=values, errors=error.errors), status=422)
        except TargetError as error:
            wish = Wish(values=values, errors={"group_id": [str(error)]})
            return await self._page(visit, wish, status=422)
        return visit.redirect(f"/tasks/{task.id}", "The task is in line.")

    async def change_selected(self, visit: Visit, form: Form) -> Response:
        """Cancel, reset or delete the tasks that were ticked, as far as each allows it."""
        back = {n: v for n, v in parse_qsl(form.get("back", "")[:2048]) if n != "new"}
        action = form.get("do", "")
        chosen = [int(each) for each in form.getlist("task") if each.isdecimal() and len(each) < 19]  # noqa: PLR2004 - a 64-bit number's digits
        if action not in _ACTIONS or not chosen:
            return visit.redirect("/tasks", "Tick tasks first.", kind=Kind.INFO, **back)
        done: Counter[str] = Counter()
        for task_id in chosen[:MOST_SELECTED]:
            done[await self._change(visit.principal, action, task_id)] += 1
        kind = Kind.GOOD if done["done"] else Kind.WARN
        return visit.redirect("/tasks", _summary(_ACTIONS[action], done), kind=kind, **back)

    async def _change(self, principal: Principal, action: str, task_id: int) -> str:
        changes: Mapping[str, Callable[[Principal, int], Awaitable[object]]] = {
            "cancel": self._tasks.cancel,
            "reset": self._tasks.reset,
            "delete": self._tasks.delete,
        }
        try:
            await changes[action](principal, task_id)
        except TransitionRefused:
            return "refused"
        except TaskNotFound:
            return "gone"
        return "done"

    async def _page(self, visit: Visit, wish: Wish, *, status: int = 200) -> Response:
        listing = TaskListing.of(visit.request.query_params)
        found = await self._found(visit.principal, listing)
        platforms = self._platforms.platforms()
        return visit.show(
            "tasks.html",
            status=status,
            listing=listing,
            tasks=found.rows,
            waits=await self._query.waiting(visit.principal, found.rows),
            total=await self._query.count(visit.principal, listing.where),
            platforms={each.name: each.title for each in platforms},
            open_platforms=[each for each in platforms if each.state is PlatformState.OPEN],
            wish=wish,
            key=secrets.token_urlsafe(16),
            back=urlencode(listing.query()),
            statuses=STATUSES,
            orders=TASK_ORDERS,
            **listing.neighbours(found),
        )

    async def _found(self, principal: Principal, listing: TaskListing) -> Slice[models.Task]:
        _, order, descending = TASK_ORDERS[listing.order]
        try:
            return await self._query.tasks(
                principal, listing.window, where=listing.where, order=order, descending=descending
            )
        except ValidationFailed as error:
            raise Refused(str(error), 400) from None


def _summary(verb: str, done: Counter[str]) -> str:
    """Say what became of the ticked tasks."""
    sentences: list[str] = []
    if count := done["done"]:
        sentences.append(f"{verb} {_tasks(count)}.")
    if count := done["refused"]:
        sentences.append(f"Left out {_tasks(count)} whose status does not allow it.")
    if count := done["gone"]:
        sentences.append(f"{_tasks(count).capitalize()} had been deleted.")
    return " ".join(sentences)


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
