"""What a target and a task would be, and how the hosts' budgets stand."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from graph.types.description import described
from graph.types.platform import Platform
from graph.types.receipt import TaskError
from tasks import ports
from tasks.budget import HostBudget
from tasks.resolution import Resolution


@described
@strawberry.type
class TargetResolution:
    """What a `groupId` means: a platform and a target, or an error that says what would be one."""

    platform: Platform | None = strawberry.field(description="The platform that it is on.")
    target: str | None = strawberry.field(description="What would be read there.")
    error: TaskError | None = strawberry.field(description="Why it leads nowhere.")

    @classmethod
    def of(cls, found: Resolution, platforms: Sequence[ports.Platform]) -> "TargetResolution":
        """Convert what the service says."""
        if found.error is not None:
            error = TaskError(code=found.error.code, message=str(found.error))
            return cls(platform=None, target=None, error=error)
        target = found.target
        listed = {each.name: each for each in platforms}
        known = None if target is None else listed.get(target.platform)
        return cls(
            platform=None if known is None else Platform.of(known),
            target=None if target is None else target.target,
            error=None,
        )


@described
@strawberry.type
class TaskPreview:
    """What a task would be: whose target it is, whether it can be read, and what it takes.

    The numbers are estimates from the first page; null where it does not tell.
    """

    platform: str = strawberry.field(description="The platform that the group is on.")
    target: str = strawberry.field(description="What would be read there.")
    is_readable: bool | None = strawberry.field(
        description="Whether it can be read; null if nobody was asked."
    )
    error: TaskError | None = strawberry.field(description="Why it cannot, as a task would say.")
    retry_at: datetime | None = strawberry.field(
        description="When it may be readable, if the platform said so."
    )
    available: int | None = strawberry.field(
        description="How many posts there are, if one page holds them all."
    )
    calls: int | None = strawberry.field(
        description="Calls to the platform, those of the preview included."
    )
    seconds: float | None = strawberry.field(
        description="About how long it takes, while no other task asks the same host."
    )

    @classmethod
    def of(cls, preview: ports.Preview) -> "TaskPreview":
        """Convert what the service says."""
        error = None
        if preview.error_code is not None:
            error = TaskError(code=preview.error_code, message=preview.error_message or "")
        return cls(
            platform=preview.platform,
            target=preview.target,
            is_readable=preview.is_readable,
            error=error,
            retry_at=preview.retry_at,
            available=preview.available,
            calls=preview.calls,
            seconds=preview.seconds,
        )


@described
@strawberry.type
class Budget:
    """The calls that a host grants, to a credential or to a visitor; shared by all workers."""

    host: str = strawberry.field(description="The host.")
    has_credential: bool = strawberry.field(
        description="Whether these are the calls of a credential, and not those of a visitor."
    )
    calls: int = strawberry.field(description="How many calls it gets in a window.")
    window_seconds: float = strawberry.field(description="How long a window is.")
    held_until: datetime | None = strawberry.field(
        description="When it may be called next; null if that is now."
    )
    used_at: datetime = strawberry.field(description="When it was last called.")

    @classmethod
    def of(cls, budget: HostBudget) -> "Budget":
        """Convert what the ledger shows."""
        return cls(
            host=budget.host,
            has_credential=budget.has_credential,
            calls=budget.rate.calls,
            window_seconds=budget.rate.seconds,
            held_until=budget.held_until,
            used_at=budget.used_at,
        )
