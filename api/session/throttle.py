"""How often a password may be tried."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

WINDOW_SECONDS: Final = 900.0
#: Wrong passwords in a window, from one address for one account.
_PAIR: Final = 10
#: From one address for all accounts: people behind one address share it.
_ADDRESS: Final = 50
#: For one account from anywhere: above what its owner mistypes, so that it is hard to lock out.
_ACCOUNT: Final = 100
_KEPT: Final = 10_000


@dataclass(slots=True)
class _Window:
    ends: float
    count: int = 0


class Attempts(Protocol):
    """Counts tries of passwords."""

    async def begin(self, email: str, address: str) -> float:
        """Count a try as wrong, unless it has to wait; return the seconds. Never fails.

        Counted before it is known to be wrong: tries that run at once must count as well.
        """
        ...

    async def succeeded(self, email: str, address: str) -> None:
        """Forget what somebody mistyped before they got it right. Never fails."""
        ...


class ProcessAttempts:
    """Counts in this process alone. For one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}

    async def begin(self, email: str, address: str) -> float:
        """Count a try as wrong, unless it has to wait; return the seconds."""
        now, kept = self._clock(), self._windows
        waits = [
            window.ends - now
            for key, most in counted(email, address)
            if (window := kept.get(key)) is not None and window.count >= most and window.ends > now
        ]
        if waits:
            return max(waits)
        for key, _ in counted(email, address):
            window = kept.get(key)
            if window is None or window.ends <= now:
                kept.pop(key, None)
                window = kept[key] = _Window(now + WINDOW_SECONDS)
            window.count += 1
        while len(kept) > _KEPT:
            del kept[next(iter(kept))]
        return 0.0

    async def succeeded(self, email: str, address: str) -> None:
        """Forget what somebody mistyped before they got it right."""
        self._windows.pop((email, address), None)


def counted(email: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    """Return what a try counts for, each with how many it may be: the pair first."""
    return (((email, address), _PAIR), (("", address), _ADDRESS), ((email, ""), _ACCOUNT))
