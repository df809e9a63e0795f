"""The queries."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final

import strawberry

from graph.context import Context, Info
from graph.host import HostQuery
from graph.schedule import ScheduleQuery
from graph.types.account import ApiToken, User
from graph.types.description import described
from graph.types.inputs import After, Before, First, Last, TaskFilter, TaskOrder
from graph.types.node import Node, read_database_id, read_global_id, read_key
from graph.types.platform import Platform
from graph.types.post import Post
from graph.types.scalars import BigInt
from graph.types.schedule import Schedule
from graph.types.task import Task, TaskConnection
from tasks.cursor import MAX_PAGE_SIZE, Window
from tasks.errors import AccountNotFound, PlatformUnknown, ValidationFailed

OrderBy = Annotated[TaskOrder | None, strawberry.argument(description="Without it: newest first.")]


@described
@strawberry.type
class Query(ScheduleQuery, HostQuery):
    """What can be read. Everything is seen through the eyes of the credential."""

    @strawberry.field
    async def viewer(self, info: Info) -> User | None:
        """The user whom the credential stands for."""
        found = await info.context.services.query.user(info.context.principal)
        return None if found is None else User.of(found)

    @strawberry.field
    async def node(
        self,
        info: Info,
        node_id: Annotated[
            strawberry.ID, strawberry.argument(name="id", description="A global id.")
        ],
    ) -> Node | None:
        """Any object by its global id."""
        return await load(info.context, node_id)

    @strawberry.field
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="Global ids, at most 100.")
        ],
    ) -> list[Node | None]:
        """Objects by their global ids, in the order of the ids; null for what is not there."""
        if len(ids) > MAX_PAGE_SIZE:
            raise ValidationFailed({"ids": [f"At most {MAX_PAGE_SIZE} ids, not {len(ids)}."]})
        # The executor awaits the items together, and an item's error is its own.
        items: Any = [load(info.context, each) for each in ids]
        return items

    @strawberry.field
    async def task(
        self,
        info: Info,
        *,
        node_id: Annotated[
            strawberry.ID | None, strawberry.argument(name="id", description="Its global id.")
        ] = None,
        database_id: Annotated[
            BigInt | None, strawberry.argument(description="Or the id that the REST API uses.")
        ] = None,
    ) -> Task | None:
        """One of your tasks, by either of its ids."""
        return Task.of(await info.context.task.load(task_key(node_id, database_id)))

    @strawberry.field
    async def tasks(
        self,
        info: Info,
        *,
        first: First = None,
        last: Last = None,
        after: After = None,
        before: Before = None,
        where: Annotated[
            TaskFilter | None,
            strawberry.argument(name="filter", description="Without it: all of them."),
        ] = None,
        order_by: OrderBy = None,
    ) -> TaskConnection | None:
        """Your tasks."""
        window = Window.parse(first=first, last=last, after=after, before=before)
        wanted, (order, descending) = TaskFilter.read(where), TaskOrder.read(order_by)
        found = await info.context.services.query.tasks(
            info.context.principal, window, where=wanted, order=order, descending=descending
        )
        return TaskConnection.of(found, where=wanted)

    @strawberry.field
    def platforms(self, info: Info) -> list[Platform]:
        """All platforms, by name."""
        return [Platform.of(record) for record in info.context.services.platforms.platforms()]


def task_key(node_id: str | None = None, database_id: int | None = None) -> int:
    """Return the database id that `task` asks for, by either of its arguments.

    Raises:
        ValidationFailed: There is neither, or there are both, or it is no task's id.
    """
    if (node_id is None) == (database_id is None):
        raise ValidationFailed({"id": ["Give either id or databaseId."]})
    return read_key(node_id, "Task") if node_id is not None else int(database_id or 0)


async def load(context: Context, node_id: str) -> Node:
    """Return the object with a global id; what is loaded at the same time is one statement.

    Raises:
        ValidationFailed: It is no global id.
        TaskError: There is no such object, or the credential may not see it.
    """
    kind, key = read_global_id(node_id)
    loader = _LOADERS.get(kind)
    if loader is None:
        raise ValidationFailed({"id": [f"There are no objects of the type {kind:.40}."]})
    return await loader(context, key, node_id)


async def _task(context: Context, key: str, node_id: str) -> Node:
    return Task.of(await context.task.load(read_database_id(key, node_id)))


async def _post(context: Context, key: str, node_id: str) -> Node:
    task_id, _, post_id = key.partition(":")
    return Post.of(await context.post.load((read_database_id(task_id, node_id), post_id)))


async def _token(context: Context, key: str, node_id: str) -> Node:
    # Asking for the tokens of the user is what takes the right to see them.
    await context.services.tokens.tokens(context.principal)
    return ApiToken.of(await context.token.load(read_database_id(key, node_id)))


async def _user(context: Context, key: str, node_id: str) -> Node:
    user_id = read_database_id(key, node_id)
    found = await context.services.query.user(context.principal)
    if found is None or found.id != user_id:
        raise AccountNotFound(f"There is no user with the id {user_id}.")
    return User.of(found)


async def _schedule(context: Context, key: str, node_id: str) -> Node:
    schedule_id = read_database_id(key, node_id)
    return Schedule.of(await context.services.schedules.get(context.principal, schedule_id))


async def _platform(context: Context, key: str, node_id: str) -> Node:
    del node_id
    for record in context.services.platforms.platforms():
        if record.name == key:
            return Platform.of(record)
    raise PlatformUnknown(f"There is no platform {key!r:.60}.")


_LOADERS: Final[Mapping[str, Callable[[Context, str, str], Awaitable[Node]]]] = {
    "Task": _task,
    "Post": _post,
    "ApiToken": _token,
    "User": _user,
    "Platform": _platform,
    "Schedule": _schedule,
}
