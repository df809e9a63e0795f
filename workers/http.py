"""The one way out to platforms: a client a process, a facade a run.

`HttpClient` is opened once per event loop and shared; `HttpClient.run()` gives a run its `Http`,
which counts calls and waits for the receipt. Sources see only `Http` and `Reply`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `calls` in any `seconds`, evenly spread beyond the first few."""

    calls: int
    seconds: float


class Budget(Protocol):
    """The calls that a host grants, shared by whoever calls it."""

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> float:
        """Take one call and return the seconds to wait before making it.

        If that were more than `max_wait_seconds`, nothing is taken and the wait is returned.
        """
        ...

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`: the host said so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A host's answer, read to its end and decompressed."""

    url: str  #: After redirects.
    status: int
    headers: Mapping[str, str]  #: Names in lower case.
    content: bytes

    async def parse(self, model: type[T]) -> T:
        """Read the content as JSON of the given shape (anything pydantic can validate).

        Raises:
            SourceBadReply: It is not.
        """
        raise NotImplementedError


class HttpClient:
    """A process's connections, behind the network guard."""

    def run(self, *, budget_key: str | None = None, rate: Rate | None = None) -> "Http":
        """Return a run's facade. `budget_key` is the source's host and credential."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError


class Http:
    """A run's way to its source. Counts `calls` made and `waited_seconds`."""

    calls: int
    waited_seconds: float

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Reply:
        """Ask for `url`. Answers outside 2xx are raised, but for those in `statuses`.

        Raises:
            SourceError: The narrowest that fits.
        """
        raise NotImplementedError

    async def pause(self, seconds: float) -> None:
        """Wait on purpose."""
        raise NotImplementedError

    def now(self) -> datetime:
        """Tell the time, aware, UTC."""
        raise NotImplementedError
