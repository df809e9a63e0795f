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


class Hosts(Protocol):
    """Knows which host a target is on."""

    def budget_key(self, target: Target) -> str | None:
        """Name the budget that the calls for a target are counted in; None without calls."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a task would be: whose target it is, whether it can be read, and what it takes.

    The numbers are estimates from the first page; None where it does not tell.
    """

    platform: str
    target: str
    is_readable: bool | None  #: None if nobody was asked.
    error_code: str | None = None  #: Why it cannot be read, as a task would say.
    error_message: str | None = None
    retry_at: datetime | None = None  #: When it may be readable, if the platform said so.
    available: int | None = None  #: How many posts there are, if one page holds them all.
    calls: int | None = None  #: Calls to the platform, those of the preview included.
    seconds: float | None = None  #: While no other task asks the same host.


class Previewer(Protocol):
    """Asks platforms what a task would be."""

    async def preview(self, group_id: str, max_posts: int) -> Preview:
        """Say what a task for `max_posts` of `group_id` would be. Asks the platform once.

        Raises:
            TargetError: `group_id` leads nowhere; the message says what would.
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


class Unasked:
    """A `Previewer` that asks no platform: where there is no way out, and for tests."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def preview(self, group_id: str, max_posts: int) -> Preview:
        """Resolve, and say no more."""
        del max_posts
        target = self._catalogue.resolve(group_id)
        return Preview(platform=target.platform, target=target.target, is_readable=None)
