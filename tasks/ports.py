"""What the task service needs from outside, as protocols; `sluice/` injects them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """What the catalogue made of a `group_id`."""

    platform: str
    target: str


class Catalogue(Protocol):
    """Knows the platforms."""

    def resolve(self, group_id: str) -> Target:
        """Say which platform and target a `group_id` means. Pure: no network, no database.

        Raises:
            TargetError: It leads nowhere; the message says what would.
        """
        ...


class Collected(Protocol):
    """A post as a source gives it. None where the source does not say, never 0 for unknown."""

    @property
    def id(self) -> str:
        """Unique within the target, and the same whenever the post is read again."""
        ...

    @property
    def message(self) -> str | None:
        """Plain text."""
        ...

    @property
    def author(self) -> str | None:
        """As the platform shows it."""
        ...

    @property
    def url(self) -> str | None:
        """Where people see the post."""
        ...

    @property
    def created_time(self) -> datetime | None:
        """Aware."""
        ...

    @property
    def likes(self) -> int | None:
        """Likes, or what the platform has in their place."""
        ...

    @property
    def comments(self) -> int | None:
        """Replies."""
        ...

    @property
    def shares(self) -> int | None:
        """Reposts."""
        ...


class Waker(Protocol):
    """Tells workers that there is work."""

    def wake(self) -> None:
        """Ask for a wake-up. Returns at once; repeated calls coalesce; may be called anywhere."""
        ...


class Sleeper:
    """A `Waker` that wakes nobody: the sweeper finds the work. For the CLI and for tests."""

    def wake(self) -> None:
        """Do nothing."""
