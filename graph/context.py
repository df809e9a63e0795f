"""What a resolver can reach: who asks, the services, and the batches of this request."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from tasks import models
from tasks.access import TokenService
from tasks.budget import BudgetService
from tasks.cursor import Slice, Window
from tasks.errors import AccountNotFound, TaskError, TaskNotFound
from tasks.filter import PostOrder
from tasks.ingest import IngestService
from tasks.operation import OperationService
from tasks.ports import Platforms
from tasks.principal import Principal
from tasks.query import QueryService, Wait
from tasks.resolution import ResolutionService
from tasks.schedules import ScheduleService
from tasks.service import TaskService
from tasks.statistics import Statistics, StatisticsService
from tasks.watch import WatchService

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services that the schema stands on. One set belongs to one event loop."""

    tasks: TaskService
    query: QueryService
    tokens: TokenService
    platforms: Platforms
    schedules: ScheduleService
    watch: WatchService
    ingest: IngestService
    budgets: BudgetService
    statistics: StatisticsService
    operations: OperationService
    resolution: ResolutionService


@dataclass(frozen=True, slots=True)
class PostsOf:
    """A window of one task's posts, in some order."""

    task_id: int
    window: Window
    order: PostOrder
    descending: bool
    search: str | None = None


@dataclass(frozen=True, slots=True)
class EventsOf:
    """A window of one task's events."""

    task_id: int
    window: Window
    descending: bool


@dataclass
class Context:
    """One operation's context. What its resolvers load at the same time is one statement.

    Most operations load nothing by these loaders, so each is made when it is first asked for.
    """

    principal: Principal
    services: Services
    correlation_id: str | None = None

    @cached_property
    def task(self) -> DataLoader[int, models.Task]:
        """Tasks by their ids."""
        return DataLoader(self._tasks)

    @cached_property
    def post(self) -> DataLoader[tuple[int, str], models.Post]:
        """Posts by their tasks' ids and their own."""
        return DataLoader(self._posts_by_id)

    @cached_property
    def token(self) -> DataLoader[int, models.ApiToken]:
        """Tokens by their ids."""
        return DataLoader(self._tokens)

    @cached_property
    def wait(self) -> DataLoader[models.Task, Wait | None]:
        """Why tasks wait."""
        return DataLoader(self._waits, cache_key_fn=_task_id)

    @cached_property
    def posts(self) -> DataLoader[PostsOf, Slice[models.Post]]:
        """Pages of tasks' posts."""
        return DataLoader(self._posts)

    @cached_property
    def events(self) -> DataLoader[EventsOf, Slice[models.TaskEvent]]:
        """Pages of tasks' events."""
        return DataLoader(self._events)

    @cached_property
    def statistics(self) -> DataLoader[int, Statistics]:
        """Statistics of tasks' posts."""
        return DataLoader(self._statistics)

    async def _tasks(self, ids: list[int]) -> Sequence[models.Task | TaskError]:
        found = await self.services.query.tasks_by_id(self.principal, ids)
        return [found.get(task_id) or TaskNotFound(task_id) for task_id in ids]

    async def _posts_by_id(self, keys: list[tuple[int, str]]) -> Sequence[models.Post | TaskError]:
        found = await self.services.query.posts_by_id(self.principal, keys)
        return [found.get(key) or PostNotFound(*key) for key in keys]

    async def _tokens(self, ids: list[int]) -> Sequence[models.ApiToken | TaskError]:
        found = await self.services.query.tokens_by_id(self.principal, ids)
        return [found.get(each) or AccountNotFound(f"There is no token {each}.") for each in ids]

    async def _waits(self, tasks: list[models.Task]) -> Sequence[Wait | None]:
        found = await self.services.query.waiting(self.principal, tasks)
        return [found.get(task.id) for task in tasks]

    async def _posts(self, wanted: list[PostsOf]) -> Sequence[Slice[models.Post]]:
        found: dict[PostsOf, Slice[models.Post]] = {}
        kinds = {replace(each, task_id=0) for each in wanted}
        for kind in kinds:
            same = [each for each in wanted if replace(each, task_id=0) == kind]
            slices = await self.services.query.posts(
                self.principal,
                [each.task_id for each in same],
                kind.window,
                order=kind.order,
                descending=kind.descending,
                search=kind.search,
            )
            found |= {each: slices[each.task_id] for each in same}
        return [found[each] for each in wanted]

    async def _events(self, wanted: list[EventsOf]) -> Sequence[Slice[models.TaskEvent]]:
        found: dict[EventsOf, Slice[models.TaskEvent]] = {}
        for window, descending in {(each.window, each.descending) for each in wanted}:
            same = [e for e in wanted if (e.window, e.descending) == (window, descending)]
            slices = await self.services.query.events(
                self.principal,
                [each.task_id for each in same],
                window,
                descending=descending,
            )
            found |= {each: slices[each.task_id] for each in same}
        return [found[each] for each in wanted]

    async def _statistics(self, task_ids: list[int]) -> Sequence[Statistics]:
        # One after the other: they are for looking at one task, and must not take all connections.
        service = self.services.statistics
        return [await service.of_task(self.principal, task_id) for task_id in task_ids]


class PostNotFound(TaskError):
    """No post answers to this name in the principal's tasks."""

    code = "NOT_FOUND"

    def __init__(self, task_id: int, post_id: str) -> None:
        super().__init__(f"There is no post {post_id} in a task {task_id}.")


def _task_id(task: models.Task) -> int:
    return task.id


Info: TypeAlias = strawberry.Info[Context, Any]
