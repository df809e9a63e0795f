"""Sessions of people in browsers, and links that begin one without a password."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tasks import models
from tasks.database import Database
from tasks.errors import AccountNotFound, Unauthenticated
from tasks.store import session

#: Two weeks. Signing in again starts anew.
SESSION_SECONDS: Final = 14 * 24 * 3600
#: How long a look-up is believed: an end anywhere holds within this time.
CACHE_SECONDS: Final = 2.0
CACHE_SIZE: Final = 10_000
#: `last_used_at` is written at most this often.
USED_SECONDS: Final = 60.0
MAX_USER_AGENT: Final = 300
MAX_ADDRESS: Final = 64
#: How long a link may lie around.
LINK_LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: its key is known to the browser alone."""

    key: str
    record: models.WebSession


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is there, and by which session."""

    user: models.User
    session: models.WebSession


@dataclass(slots=True)
class _Known:
    """A look-up that is still believed."""

    found: SignedIn
    looked_up: float
    used: float


class SessionService:
    """Sessions by their keys. Remembers look-ups for 2 seconds; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, _Known] = {}

    async def begin(self, user: models.User, *, user_agent: str, address: str) -> Begun:
        """Begin a session of a user who has shown who they are. Only its digest is stored."""
        key = secrets.token_urlsafe(24)
        record = await self._database.write(
            session.insert,
            user_id=user.id,
            digest=_digest(key),
            user_agent=_plain(user_agent, MAX_USER_AGENT),
            address=_plain(address, MAX_ADDRESS),
            seconds=float(SESSION_SECONDS),
        )
        return Begun(key, record)

    async def resolve(self, key: str, *, address: str) -> SignedIn:
        """Return whose session this is.

        Raises:
            Unauthenticated: It is unknown or has ended, or its user is disabled.
        """
        digest, clock = _digest(key), time.monotonic()
        known = self._known.get(digest)
        if known is None or clock - known.looked_up >= CACHE_SECONDS:
            known = await self._look_up(digest, clock, address)
        return known.found

    async def sessions(self, user_id: int) -> list[models.WebSession]:
        """Return a user's sessions that have not ended, the one that was used last first."""
        return await self._database.read(session.sessions, user_id)

    async def end(self, user_id: int, session_id: int) -> None:
        """End one of a user's sessions: here at once, in other processes within 2 seconds.

        Raises:
            AccountNotFound: They have no such session.
        """
        had = await self._database.write(session.end, user_id, session_id)
        self.forget(user_id)
        if not had:
            raise AccountNotFound(f"There is no session {session_id}.")

    async def end_others(self, user_id: int, *, kept_id: int | None) -> int:
        """End a user's sessions but for one; return how many there were."""
        ended = await self._database.write(session.end_others, user_id, kept_id=kept_id)
        self.forget(user_id)
        return ended

    def forget(self, user_id: int) -> None:
        """Believe nothing any more of what was looked up about a user."""
        gone = [key for key, known in self._known.items() if known.found.user.id == user_id]
        for digest in gone:
            del self._known[digest]

    async def _look_up(self, digest: str, clock: float, address: str) -> _Known:
        found = await self._database.read(session.in_force, digest)
        before = self._known.pop(digest, None)
        if found is None:
            raise Unauthenticated("This session has ended.")
        record, user = found
        used = before.used if before is not None else clock - USED_SECONDS
        if clock - used >= USED_SECONDS:
            used = clock
            await self._database.write(session.used, record.id, _plain(address, MAX_ADDRESS))
        known = self._known[digest] = _Known(SignedIn(user, record), clock, used)
        if len(self._known) > CACHE_SIZE:
            self._known.pop(next(iter(self._known)))
        return known


class SignInLinks:
    """Links that sign a user in once, without a password."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user_id: int, *, life: timedelta = LINK_LIFE) -> str:
        """Make a link's secret. Only its digest is stored, so nothing can show it again."""
        secret = secrets.token_urlsafe(24)
        await self._database.write(
            session.insert_link,
            user_id=user_id,
            digest=_digest(secret),
            seconds=life.total_seconds(),
        )
        return secret

    async def owner(self, secret: str) -> models.User | None:
        """Return whom a link would sign in; None if it was used or has ended."""
        return await self._database.read(session.linked_user, _digest(secret))

    async def use(self, secret: str) -> models.User:
        """Use a link up, and return whom it signs in. Of two at once, one gets in.

        Raises:
            Unauthenticated: It was used or has ended, or its user is disabled.
        """
        user = await self._database.write(session.use_link, _digest(secret))
        if user is None:
            raise Unauthenticated("This link has been used, or is too old.")
        return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _plain(text: str, most: int) -> str:
    """Return what a browser says of itself without what could not be stored or shown."""
    return "".join(character for character in text if character.isprintable())[:most]
