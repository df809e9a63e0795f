"""The subscriptions: what the watch service gives, converted."""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from graph.context import Info
from graph.feed import Feed
from graph.types.description import described
from graph.types.inputs import TaskFilter
from graph.types.live import TaskPosts, TasksUpdate, TaskUpdate
from graph.types.node import read_key
from graph.types.scalars import BigInt


@described
@strawberry.type
class Subscription:
    """What can be watched. Nothing is missed, whatever becomes of connections in between."""

    @strawberry.subscription
    async def task_updated(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The task's global id.")],  # noqa: A002 - the schema's name for it
        since: Annotated[
            BigInt | None,
            strawberry.argument(
                description="The `seq` of the update seen last. Without it, the task as it stands "
                "comes first."
            ),
        ] = None,
    ) -> AsyncIterator[TaskUpdate]:
        """One of your tasks: every change once and in order; completes after the terminal one."""
        context = info.context
        watch = await context.services.watch.task(
            context.principal, read_key(id, "Task"), since=since
        )
        return Feed(watch, TaskUpdate.of)

    @strawberry.subscription
    async def tasks_updated(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the schema's name for it
            TaskFilter | None,
            strawberry.argument(
                description="Gives the changes after which a task matches it, and deletions of "
                "any. Without it: all."
            ),
        ] = None,
        since: Annotated[
            str | None,
            strawberry.argument(
                description="The `position` of the item seen last. Without it, or when it is too "
                "long ago, the stream begins with a reset."
            ),
        ] = None,
    ) -> AsyncIterator[TasksUpdate]:
        """All of your tasks, new ones included, without an end."""
        context = info.context
        where = TaskFilter.read(filter)
        where.check()
        stream = await context.services.watch.tasks(
            context.principal, wanted=where.matches, since=since
        )
        return Feed(stream, TasksUpdate.of)

    @strawberry.subscription
    async def task_posts(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The task's global id.")],  # noqa: A002 - the schema's name for it
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The `position` of the posts seen last. Without it: from the first."
            ),
        ] = None,
    ) -> AsyncIterator[TaskPosts]:
        """A task's posts, as they are stored; completes with the task."""
        context = info.context
        watch = await context.services.watch.posts(
            context.principal, read_key(id, "Task"), after=after
        )
        return Feed(watch, TaskPosts.of)
