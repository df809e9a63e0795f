"""The live connections of this process: how many a credential has, and whether it still holds.

A request is checked once; a connection stays, so its credential is looked at again every two
seconds, in one query for many of a kind.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tasks.database import Database, Steps
from tasks.ending import end
from tasks.errors import StorageError, TooManyConnections
from tasks.principal import Principal
from tasks.store import account, session

#: Credentials that one query asks for.
CHUNK: Final = 500
#: How long a credential that was revoked elsewhere still holds here, at most.
CHECK_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Connection:
    principal: Principal
    on_revoked: Callable[[], None]


class LiveConnections:
    """Counts and checks connections that stay open. Belongs to one event loop."""

    def __init__(self, database: Database, *, most: int) -> None:
        """Allow each credential `most` connections in this process."""
        self._database = database
        self._most = most
        self._open: set[_Connection] = set()
        self._counts: Counter[str] = Counter()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, *, most: int) -> AsyncGenerator["LiveConnections"]:
        """Open the register, with the check that goes on in the background."""
        register = cls(database, most=most)
        checking = asyncio.create_task(register._check_for_ever())
        try:
            yield register
        finally:
            await end(checking)

    @property
    def count(self) -> int:
        """How many connections are open."""
        return self._counts.total()

    def enter(self, principal: Principal, on_revoked: Callable[[], None]) -> Callable[[], None]:
        """Register a connection; returns what ends it.

        `on_revoked` is called once if the credential is revoked or expires, or its user is
        disabled. It must return at once.

        Raises:
            TooManyConnections: The credential has as many as it may.
        """
        key = _key(principal)
        if self._counts[key] >= self._most:
            raise TooManyConnections(self._most)
        connection = _Connection(principal, on_revoked)
        self._open.add(connection)
        self._counts[key] += 1

        def leave() -> None:
            self._open.discard(connection)
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

        return leave

    async def check(self) -> None:
        """Look at all credentials, and tell the connections of those that hold no more."""
        connections = list(self._open)
        token_ids = {p.token_id for c in connections if (p := c.principal).token_id is not None}
        session_ids = {s for c in connections if (s := c.principal.session_id) is not None}
        user_ids = {c.principal.user_id for c in connections if _is_bare(c.principal)}
        tokens: set[int] = set()
        sessions: set[int] = set()
        users: set[int] = set()
        if token_ids:
            tokens = await self._read(account.tokens_in_force, token_ids)
        if session_ids:
            sessions = await self._read(session.sessions_in_force, session_ids)
        if user_ids:
            users = await self._read(account.users_in_force, user_ids)
        for number, connection in enumerate(connections):
            if number % CHUNK == CHUNK - 1:
                await asyncio.sleep(0)  # Let others have the loop.
            principal = connection.principal
            if principal.token_id is not None:
                holds = principal.token_id in tokens
            elif principal.session_id is not None:
                holds = principal.session_id in sessions
            else:
                holds = principal.user_id in users
            if not holds and connection in self._open:
                self._open.discard(connection)
                connection.on_revoked()

    async def _read(
        self, steps: Callable[[Sequence[int]], Steps[set[int]]], ids: Iterable[int]
    ) -> set[int]:
        """Ask for many ids, some at a time, so that no answer holds up the loop."""
        found: set[int] = set()
        left = iter(ids)
        while chunk := list(islice(left, CHUNK)):
            found |= await self._database.read(steps, chunk)
            await asyncio.sleep(0)  # SQLite answers without letting others have the loop.
        return found

    async def _check_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except StorageError as error:
                _log.warning("the credentials of live connections cannot be checked: %s", error)


def _is_bare(principal: Principal) -> bool:
    """Say whether nothing but the user stands behind a connection."""
    return principal.token_id is None and principal.session_id is None


def _key(principal: Principal) -> str:
    if principal.token_id is None:
        return f"user:{principal.user_id}"
    return f"token:{principal.token_id}"
