"""The receipt: what a task's runs did, why they stopped, and whether the result is complete."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from tasks.models import StopReason

#: After these the target holds nothing more that was asked for.
COMPLETE_REASONS = (
    StopReason.REACHED_MAX,
    StopReason.END_OF_SOURCE,
    StopReason.KNOWN_POSTS,
    StopReason.FINISHED_BY_CLIENT,
)


class Receipt(BaseModel):
    """Counts over all runs of a task since its last reset. Immutable; `evolve` gives the next."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    requested: int = Field(description="The `max_posts` asked for.")
    collected: int = Field(default=0, description="Posts stored.")
    duplicates: int = Field(default=0, description="Posts that came again and were dropped.")
    skipped: Mapping[str, int] = Field(
        default_factory=dict[str, int], description="Entries that are no posts, by reason."
    )
    pages: int = Field(default=0, description="Pages stored.")
    calls: int = Field(default=0, description="Requests sent to the platform, repeats included.")
    waited_seconds: float = Field(default=0.0, description="Time spent waiting for the platform.")
    newest_at: datetime | None = Field(default=None, description="Time of the newest post.")
    oldest_at: datetime | None = Field(default=None, description="Time of the oldest post.")
    auth_mode: str | None = Field(default=None, description="How the platform knew us.")
    stop_reason: StopReason | None = Field(default=None, description="Why the last run stopped.")
    complete: bool = Field(default=False, description="Whether nothing asked for is missing.")

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None, *, requested: int) -> Self:
        """Take up a stored receipt, or begin one."""
        return cls.model_validate({**(stored or {}), "requested": requested})

    def evolve(self, **changes: Any) -> Self:
        """Return a receipt with some values changed."""
        return self.model_copy(update=changes)

    def ended(self, reason: StopReason) -> Self:
        """Return the final receipt."""
        return self.evolve(stop_reason=reason, complete=reason in COMPLETE_REASONS)

    def dump(self) -> dict[str, Any]:
        """Return it as it is stored and shown."""
        return self.model_dump(mode="json")
