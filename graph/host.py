"""The queries of targets, hosts and the installation, which the schema's root inherits."""

from typing import Annotated

import strawberry

from graph.context import Info
from graph.types.description import described
from graph.types.host import Budget, TargetResolution, TaskPreview
from graph.types.operation import Operations
from tasks.validation import NewTask


@described
@strawberry.type
class HostQuery:
    """What can be asked of targets, of the hosts behind them, and of the installation."""

    @strawberry.field
    def resolve_target(
        self,
        info: Info,
        *,
        group_id: Annotated[str, strawberry.argument(description="As when a task is created.")],
    ) -> TargetResolution:
        """Which platform and target a `groupId` means. Asks nobody, so ask as somebody types."""
        context = info.context
        found = context.services.resolution.resolve(context.principal, group_id)
        return TargetResolution.of(found, context.services.platforms.platforms())

    @strawberry.field
    async def preview_task(
        self,
        info: Info,
        *,
        group_id: Annotated[str, strawberry.argument(description="As when a task is created.")],
        max_posts: Annotated[int, strawberry.argument(description="From 1 to 500.")],
    ) -> TaskPreview | None:
        """What a task would be. Asks the platform once; takes the scope `TASKS_WRITE`."""
        wish = NewTask.parse({"group_id": group_id, "max_posts": max_posts})
        context = info.context
        return TaskPreview.of(await context.services.tasks.preview(context.principal, wish))

    @strawberry.field
    async def budgets(self, info: Info) -> list[Budget] | None:
        """The budgets that your tasks wait for; with the scope `ADMIN`, those of all hosts."""
        found = await info.context.services.budgets.budgets(info.context.principal)
        return [Budget.of(each) for each in found]

    @strawberry.field
    async def operations(self, info: Info) -> Operations | None:
        """How the whole installation stands; takes the scope `ADMIN`."""
        context = info.context
        return Operations.of(await context.services.operations.figures(context.principal))
