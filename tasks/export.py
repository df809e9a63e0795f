"""A task's posts, handed out a few at a time, whatever the task's status.

An export holds the posts that the task had when it was opened. They never change, but they may
go: with a reset, with the task, or by retention. An export from which some went ends with
`ExportBroken`, so that one that ends by itself has all that it promised.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from tasks import models
from tasks.database import Database, Steps
from tasks.errors import NotOwner, ResultExpired, TaskError, TaskNotFound
from tasks.principal import RESULTS_READ, Principal
from tasks.receipt import Receipt
from tasks.store import event, post
from tasks.store import task as row

#: Posts read at a time: some megabytes, if each is as long as one may be.
BATCH: Final = 10


class ExportBroken(TaskError):
    """Posts that an export had promised are gone."""

    code = "EXPORT_BROKEN"

    def __init__(self, task_id: int) -> None:
        super().__init__(
            f"Task {task_id} was reset or deleted, or its posts were, while they were exported."
        )
        self.task_id = task_id


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: the task as it was when the export was opened, and its posts then."""

    database: Database
    task: models.Task

    @property
    def is_complete(self) -> bool:
        """Say whether the task has ended, and nothing that was asked for is missing."""
        task = self.task
        receipt = Receipt.of(task.receipt, requested=task.max_posts)
        return task.completed_at is not None and receipt.complete

    async def batches(self) -> AsyncIterator[list[models.Post]]:
        """Yield the posts in the order in which they were stored, some at a time.

        Holds no transaction between two batches, so a slow reader holds nobody up.

        Raises:
            ExportBroken: Posts are gone. Those yielded before may be of another run.
        """
        for first in range(0, self.task.posts_count, BATCH):
            end = min(first + BATCH, self.task.posts_count)
            posts = await self.database.snapshot(_batch, self.task, first, end)
            if len(posts) < end - first:
                raise ExportBroken(self.task.id)
            yield posts


class ExportService:
    """Opens exports. Holds no state; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, principal: Principal, task_id: int) -> Export:
        """Begin to export a task's posts.

        Raises:
            ScopeMissing: The credential may not read results.
            TaskNotFound: There is no such task.
            NotOwner: It is somebody else's.
            ResultExpired: Retention has removed its posts.
        """
        principal.require(RESULTS_READ)
        task = await self._database.read(row.by_id, task_id)
        if task is None:
            raise TaskNotFound(task_id)
        if task.user_id != principal.user_id:
            raise NotOwner(task_id)
        if task.posts_expired_at is not None:
            raise ResultExpired(task_id, at=task.posts_expired_at)
        return Export(self._database, task)


def _batch(task: models.Task, first: int, end: int) -> Steps[list[models.Post]]:
    """Read the posts at positions from `first` up to `end`; none of a task that began anew."""
    if (yield from event.began_anew(task.id, since=task.revision)):
        return []
    return (yield from post.between(task.id, first, end))
