"""How the installation stands, for its administrators."""

from datetime import datetime

import strawberry

from graph.types.description import described
from tasks import operation as service


@described
@strawberry.type
class BusyWorker:
    """A worker that holds tasks. One that holds none leaves no trace."""

    worker_id: str = strawberry.field(description="Its name, as `Task.workerId` has it.")
    tasks: int = strawberry.field(description="How many it holds.")
    since: datetime | None = strawberry.field(
        description="When it took the one that it has held longest."
    )
    lease_expires_at: datetime | None = strawberry.field(
        description="When they would be taken back if nothing more were heard of it."
    )


@described
@strawberry.type
class Queue:
    """Everybody's unfinished tasks, counted by why they are unfinished."""

    ready: int = strawberry.field(description="Could run now, and wait for room.")
    oldest_ready_at: datetime | None = strawberry.field(
        description="Since when the oldest of these waits."
    )
    waiting: int = strawberry.field(description="Wait for a known time.")
    next_due_at: datetime | None = strawberry.field(description="When the first of these is due.")
    running: int = strawberry.field(description="Are with a worker.")
    fed: int = strawberry.field(description="Get their posts from a client, and have begun.")


@described
@strawberry.type
class MinuteCount:
    """The tasks that ended in one minute."""

    at: datetime = strawberry.field(description="When the minute begins.")
    completed: int = strawberry.field(description="Completed ones.")
    failed: int = strawberry.field(description="Failed ones, cancelled ones included.")


@described
@strawberry.type
class FailureCount:
    """The tasks that failed in the last hour for one reason."""

    reason: str = strawberry.field(
        description="The error's code, such as `SOURCE_NOT_FOUND`, or `cancelled`."
    )
    tasks: int = strawberry.field(description="How many.")


@described
@strawberry.type
class Operations:
    """How the whole installation stands; everybody's tasks count, and none is shown."""

    at: datetime = strawberry.field(description="By the database's clock.")
    workers: list[BusyWorker] = strawberry.field(description="The busiest first, at most 200.")
    queue: Queue = strawberry.field(description="What is unfinished.")
    throughput: list[MinuteCount] = strawberry.field(
        description="What ended in the last 60 minutes, in order; the last is not over yet."
    )
    failures: list[FailureCount] = strawberry.field(
        description="Why tasks failed in the last hour, the most frequent reason first."
    )

    @classmethod
    def of(cls, found: service.Figures) -> "Operations":
        """Convert the service's."""
        return cls(
            at=found.at,
            workers=[BusyWorker(**each._asdict()) for each in found.workers],
            queue=Queue(**found.queue._asdict()),
            throughput=[
                MinuteCount(at=each.at, completed=each.completed, failed=each.failed)
                for each in found.minutes
            ],
            failures=[FailureCount(reason=e.reason, tasks=e.tasks) for e in found.failures],
        )
