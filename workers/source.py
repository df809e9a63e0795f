"""What a source is: a platform that can be read, as one file in `workers/sources/`.

A file defines one subclass of `Source`. Nothing else names it: the catalogue finds the file,
and the tests find the file's tests. To write one, fill in `info`, say what a target looks like
(`normalise`, `recognise`, `host`), and write `pages`, an async generator that asks through `Http`
and yields typed pages. Sources hold no state between runs, read no environment and store nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from workers.budget import Rate
from workers.http import Http

DEFAULT_RATE = Rate(calls=60, seconds=60)


class SourceState(StrEnum):
    """Whether a source can be used here."""

    OPEN = "open"  #: Can be read.
    NEEDS_KEY = "needs_key"  #: Can be read once its settings are made.
    CLOSED = "closed"  #: The platform offers no API that may be used.


class Evidence(StrEnum):
    """What a source's code was checked against, strongest first."""

    REAL_SERVER = "real server"
    RECORDINGS = "recordings"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that a source needs: `name` is lower case, without the prefix `SLUICE_`."""

    name: str
    help: str
    secret: bool = True
    required: bool = True

    @property
    def variable(self) -> str:
        """Name the environment variable that an administrator sets."""
        return f"SLUICE_{self.name.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Since when, and why, a platform cannot be read."""

    since: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known of a source without asking it."""

    name: str  #: The platform in `platform:target`; equals the file's name.
    title: str
    target_help: str  #: One sentence that says what a target looks like.
    examples: Sequence[str]  #: Targets, without the platform.
    #: The address of the platform's own documents, the day on which they were read, and what the
    #: code was checked against. None for a source that has no platform behind it.
    documentation: str | None = None
    read_on: date | None = None
    verified: Evidence | None = None
    settings: Sequence[Setting] = ()
    closure: Closure | None = None
    #: How fast we call a host that names no limit of its own. None: makes no calls.
    rate: Rate | None = DEFAULT_RATE
    #: Set by a source that takes any web address; the catalogue suggests it for unknown ones.
    takes_any_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePost:
    """One public post. A count that the source does not tell is None, never 0."""

    id: str  #: Unique within the target, and the same whenever the post is read again.
    message: str | None = None  #: Plain text.
    author: str | None = None
    url: str | None = None
    created_time: datetime | None = None  #: Aware.
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a source.

    `next_cursor` is None only when the source itself said that nothing follows. `skipped` counts
    what was read and left out, by reason (`repost`, `deleted`, …).
    """

    posts: Sequence[SourcePost] = ()
    next_cursor: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    #: For the next run that wants only what is new: what `Walk.validators` takes.
    validators: Mapping[str, str] | None = None
    #: The source said that nothing changed since `Walk.validators`.
    not_modified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What to read.

    `max_posts` is the task's whole wish, for choosing a page's size; a source may yield more.
    `validators` is given only by a run that wants only what is new.
    """

    target: str
    max_posts: int
    cursor: str | None = None
    validators: Mapping[str, str] | None = None


class Source(ABC):
    """A platform that can be read.

    `credentials` maps the names of `info.settings` to their values; others are ignored.
    """

    info: ClassVar[SourceInfo]

    def __init__(self, credentials: Mapping[str, str] | None = None) -> None:
        given = credentials or {}
        self.credentials: Mapping[str, str] = {
            setting.name: given[setting.name]
            for setting in self.info.settings
            if given.get(setting.name)
        }

    @property
    def missing(self) -> Sequence[Setting]:
        """List the required settings that are not made."""
        return [
            setting
            for setting in self.info.settings
            if setting.required and setting.name not in self.credentials
        ]

    @property
    def _secrets(self) -> Mapping[str, str]:
        """Return the settings that say who asks, without mere choices and names."""
        return {
            setting.name: self.credentials[setting.name]
            for setting in self.info.settings
            if setting.secret and setting.name in self.credentials
        }

    @property
    def state(self) -> SourceState:
        """Say whether the source can be used here, without asking it."""
        if self.info.closure is not None:
            return SourceState.CLOSED
        return SourceState.NEEDS_KEY if self.missing else SourceState.OPEN

    @property
    def auth_mode(self) -> str:
        """Say for the receipt as whom the source is asked."""
        return "credential" if self._secrets else "anonymous"

    def auth_mode_of(self, target: str) -> str:
        """Say for the receipt as whom a normalised target is asked for."""
        del target
        return self.auth_mode

    def recognise(self, address: str) -> str | None:
        """Return the target that a pasted address means, or None if it is none of ours.

        Also sees forms such as `r/python`. Pure; the result is still to be normalised.
        """
        del address
        return None

    @abstractmethod
    def normalise(self, target: str) -> str:
        """Return the one way to write `target`, without asking the source.

        Raises:
            TargetInvalid: It cannot be a target; the message says what one looks like.
            SourceClosed: It could be, but the platform offers no API for it.
        """

    @abstractmethod
    def host(self, target: str) -> str | None:
        """Name the host that a normalised target's calls go to, the key of its budget.

        None if there are no calls.
        """

    def budget_key(self, target: str) -> str | None:
        """Name the budget that a normalised target's calls are counted in.

        A host counts by credential, so runs with different ones do not wait for each other.
        """
        host = self.host(target)
        if host is None or not self._secrets:
            return host
        joined = "\0".join(f"{name}={text}" for name, text in sorted(self._secrets.items()))
        return f"{host} {sha256(joined.encode()).hexdigest()[:12]}"

    def calls_a_page(self, target: str, *, first: int) -> int:
        """Return about how many calls a page of a normalised target takes, for a preview.

        `first` is how many the first page took, with what is looked up once.
        """
        del target
        return min(first, 1)

    @abstractmethod
    def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the target's pages, newest posts first, from `walk.cursor` on.

        An async generator. Given as `walk.cursor` any `next_cursor` that it ever yielded, it goes
        on with the page after it. It ends after a page whose `next_cursor` is None. How many
        pages are wanted is the caller's business, who may stop at any time.

        Raises:
            SourceError: The source could not be read.
        """
