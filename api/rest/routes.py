"""The seven documented endpoints, and the events, posts and exports beside them.

Each handler parses, calls the service and prints.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.rest import parse, shapes
from api.rest.events import Events
from api.rest.export import Exports
from api.rest.links import Links
from api.rest.posts import Posts
from api.rest.resource import Nowhere, Resource
from tasks.service import TaskService
from tasks.validation import Listing, NewTask, TaskChanges


class Endpoints:
    """The handlers, around one task service."""

    def __init__(self, tasks: TaskService) -> None:
        self._tasks = tasks

    async def list(self, request: Request) -> Response:
        """List the user's tasks, a page at a time."""
        query = request.query_params
        listing = Listing.parse(query)
        page = await self._tasks.summaries(parse.principal(request), listing)
        links = Links.of(request.scope, query, listing, page.total)
        return shapes.JsonResponse(shapes.page(page, links))

    async def create(self, request: Request) -> Response:
        """Create a task; a repeated `Idempotency-Key` gives the first answer again."""
        writer, sent = parse.writer(request), await parse.body(request)
        task = await self._tasks.create(
            writer,
            NewTask.parse(parse.required_fields(sent)),
            idempotency=parse.idempotency(request, sent),
            correlation_id=parse.correlation_id(request),
        )
        return shapes.success(shapes.created(task), text="Task created successfully", status=201)

    async def show(self, request: Request) -> Response:
        """Show one task."""
        task = await self._tasks.get(parse.principal(request), parse.task_id(request))
        return shapes.success(shapes.detail(task))

    async def update(self, request: Request) -> Response:
        """Change a pending task's given fields."""
        writer, task_id = parse.writer(request), parse.task_id(request)
        changes = TaskChanges.parse(parse.optional_fields(await parse.body(request)))
        task = await self._tasks.update(writer, task_id, changes)
        return shapes.success(shapes.created(task), text="Task updated successfully")

    async def delete(self, request: Request) -> Response:
        """Delete a task."""
        await self._tasks.delete(parse.principal(request), parse.task_id(request))
        return shapes.message("Task deleted successfully")

    async def reset(self, request: Request) -> Response:
        """Put a completed or failed task back to pending."""
        task = await self._tasks.reset(parse.principal(request), parse.task_id(request))
        return shapes.message("Task reset successfully", task=shapes.reset(task))

    async def result(self, request: Request) -> Response:
        """Show a completed task's posts."""
        found = await self._tasks.result(parse.principal(request), parse.task_id(request))
        return shapes.JsonResponse(shapes.result(found))


def routes(
    tasks: TaskService,
    events: Events | None = None,
    posts: Posts | None = None,
    exports: Exports | None = None,
) -> list[BaseRoute]:
    """Route the documented paths, with and without a slash at the end, and the rest of `/api`.

    The last route answers every other path under `/api` with 404, so other routes under `/api`
    go before these.
    """
    endpoints = Endpoints(tasks)
    resources = {
        "/api/tasks": Resource(get=endpoints.list, post=endpoints.create),
        "/api/tasks/{task_id}": Resource(
            get=endpoints.show, put=endpoints.update, delete=endpoints.delete
        ),
        "/api/tasks/{task_id}/result": Resource(get=endpoints.result),
        "/api/tasks/{task_id}/reset": Resource(post=endpoints.reset),
    }
    if events is not None:
        resources["/api/tasks/{task_id}/events"] = Resource(get=events.show)
    if posts is not None:
        resources["/api/tasks/{task_id}/posts"] = Resource(post=posts.add)
    if exports is not None:
        resources["/api/tasks/{task_id}/export"] = Resource(get=exports.show)
    return [
        *(Route(path, resource) for path, resource in resources.items()),
        *(Route(f"{path}/", resource) for path, resource in resources.items()),
        Route("/api", Nowhere()),
        Route("/api/{path:path}", Nowhere()),
    ]
