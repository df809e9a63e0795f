"""What the task service needs from outside, as protocols; `sluice/` injects them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
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


class PlatformState(StrEnum):
    """Whether a platform can be read here."""

    OPEN = "open"  #: It can.
    NEEDS_KEY = "needs_key"  #: It can once an administrator has made its settings.
    CLOSED = "closed"  #: It offers no API that may be used.


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What is known of a platform without asking it; none of its secrets."""

    name: str  #: The part of a `group_id` before the colon.
    title: str
    state: PlatformState
    target_help: str  #: One sentence that says what a target looks like.
    examples: Sequence[str]  #: Group ids.
    documentation: str | None  #: The address of the platform's own documents.
    read_on: date | None  #: The day on which they were read.
    has_credential: bool  #: Whether its settings hold a credential.
    missing_settings: Sequence[str] = ()  #: The variables that an administrator has to set.
    closed_since: date | None = None
    closed_reason: str | None = None


class Platforms(Protocol):
    """Lists the platforms."""

    def platforms(self) -> Sequence[Platform]:
        """Return all platforms by name. Pure: no network, no database."""
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
