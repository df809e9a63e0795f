"""How often a password may be tried."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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


class Attempts:
    """Counts wrong passwords in this process. For one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}

    def seconds_to_wait(self, email: str, address: str) -> float:
        """Return how long the next try has to wait; 0 if it need not."""
        now = self._clock()
        waits = [
            window.ends - now
            for key, most in self._keys(email, address)
            if (window := self._windows.get(key)) is not None
            and window.count >= most
            and window.ends > now
        ]
        return max(waits, default=0.0)

    def failed(self, email: str, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        for key, _ in self._keys(email, address):
            window = self._windows.get(key)
            if window is None or window.ends <= now:
                self._windows.pop(key, None)
                window = self._windows[key] = _Window(now + WINDOW_SECONDS)
            window.count += 1
        while len(self._windows) > _KEPT:
            del self._windows[next(iter(self._windows))]

    def succeeded(self, email: str, address: str) -> None:
        """Forget what somebody mistyped before they got it right."""
        self._windows.pop((email, address), None)

    @staticmethod
    def _keys(email: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (((email, address), _PAIR), (("", address), _ADDRESS), ((email, ""), _ACCOUNT))
