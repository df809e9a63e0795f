"""Logins that are kept, so that not every run logs in anew.

Platforms grant few logins (Bluesky 30 in five minutes and 300 a day for an account), and far
more calls with the session that a login gives.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a login gives: what proves it, and what renews it."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)


LogIn: TypeAlias = Callable[[Session | None], Awaitable[Session]]


class Sessions:
    """The sessions of a process. Belongs to one event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, Session] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, key: str, log_in: LogIn, *, refused: Session | None = None) -> Session:
        """Return the session kept under `key`, or log in and keep what that gives.

        `refused` is a session that the platform no longer takes: `log_in` is given it to renew,
        unless another run replaced it meanwhile. Of runs that ask at once one logs in and the
        others wait. `key` must tell accounts apart and hold no secret.
        """
        async with self._turns[key]:
            kept = self._kept.get(key)
            if kept is None or kept == refused:
                # Forgotten first: if logging in fails, the next run begins from nothing.
                self._kept.pop(key, None)
                kept = self._kept[key] = await log_in(refused)
            return kept
