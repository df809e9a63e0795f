"""Users, their passwords and their API tokens."""

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tasks import models
from tasks.coalescing import MOST, Coalesced
from tasks.database import Database, UniqueViolation
from tasks.errors import (
    AccountExists,
    AccountNotFound,
    StorageError,
    Unauthenticated,
    ValidationFailed,
)
from tasks.principal import ADMIN, SCOPES, Principal
from tasks.sessions import SessionService
from tasks.store import account, session

TOKEN_PREFIX: Final = "slc_"  # noqa: S105 - it tells tokens of ours from others, and is public
#: What a token may do unless it is asked for otherwise: everything but administration.
DEFAULT_SCOPES: Final = tuple(scope for scope in SCOPES if scope != ADMIN)
#: How long a token's look-up is believed: a revoke anywhere holds within this time.
CACHE_SECONDS: Final = 2.0
CACHE_SIZE: Final = 10_000
#: `last_used_at` is written at most this often.
USED_SECONDS: Final = 60.0
#: How long it is gathered who is to be written down together.
NOTE_SECONDS: Final = 0.1
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 1024  #: Hashing takes time with length; nobody types more.
MAX_NAME: Final = 255
MAX_EMAIL: Final = 254

_log = logging.getLogger(__name__)

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token: the text is known at this moment only."""

    token: str
    record: models.ApiToken


@dataclass(slots=True)
class _Known:
    """A look-up that is still believed."""

    principal: Principal
    expires_at: datetime | None
    looked_up: float
    used: float

    @property
    def is_expired(self) -> bool:
        """Say whether the token's time is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


class AccountService:
    """Users and tokens. Remembers token look-ups for 2 seconds; safe to call at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hasher = PasswordHasher()
        self._known: dict[str, _Known] = {}
        #: Of the same users: what ends a user's standing ends these too.
        self.sessions = SessionService(database)
        self._in_force = Coalesced[str, models.ApiToken](
            lambda digests: database.read(account.in_force, digests)
        )
        self._used: set[int] = set()  # tokens whose use is to be noted
        self._noting: asyncio.Task[None] | None = None

    async def create_user(
        self, email: str, *, password: str | None = None, is_admin: bool = False
    ) -> models.User:
        """Create a user; without a password they cannot sign in, only use tokens.

        Raises:
            ValidationFailed: The address or the password is none.
            AccountExists: The address is taken.
        """
        address = _address(email)
        hashed = None if password is None else await self._hash(password)
        try:
            return await self._database.write(
                account.insert_user, email=address, password_hash=hashed, is_admin=is_admin
            )
        except UniqueViolation:
            raise AccountExists(f"There is a user {address} already.") from None

    async def users(self) -> list[models.User]:
        """Return all users, oldest first."""
        return await self._database.read(account.users)

    async def user(self, email: str) -> models.User:
        """Return the user with this address.

        Raises:
            AccountNotFound: There is none.
        """
        found = await self._database.read(account.user_by_email, email.strip().lower())
        if found is None:
            raise AccountNotFound(f"There is no user {email}.")
        return found

    async def user_by_id(self, user_id: int) -> models.User:
        """Return the user with this id.

        Raises:
            AccountNotFound: There is none.
        """
        found = await self._database.read(account.user_by_id, user_id)
        if found is None:
            raise AccountNotFound(f"There is no user with the id {user_id}.")
        return found

    async def set_password(
        self, email: str, password: str, *, kept_session_id: int | None = None
    ) -> None:
        """Replace a user's password; their sessions end, but for the one that is to be kept.

        Raises:
            AccountNotFound, ValidationFailed: As they say.
        """
        user = await self.user(email)
        hashed = await self._hash(password)
        await self._database.write(
            session.replace_password, user.id, hashed, kept_id=kept_session_id
        )
        self.sessions.forget(user.id)

    async def verify_password(self, email: str, password: str) -> models.User:
        """Return the user whose password this is; takes as long for an unknown address.

        Raises:
            Unauthenticated: The address, the password or both are wrong, or the user is disabled.
        """
        found = await self._database.read(account.user_by_email, email.strip().lower())
        stored = found.password_hash if found is not None else None
        right = await asyncio.to_thread(self._verify, stored, password)
        if found is None or not right or found.disabled_at is not None:
            raise Unauthenticated("The e-mail address or the password is wrong.")
        return found

    async def disable_user(self, email: str) -> models.User:
        """Keep a user and their tokens out. Their tasks stay."""
        user = await self.user(email)
        disabled = await self._database.write(account.disable, user.id)
        self._known.clear()
        self.sessions.forget(user.id)
        return disabled

    async def create_token(
        self,
        user_id: int,
        name: str,
        *,
        scopes: Collection[str] = DEFAULT_SCOPES,
        expires_at: datetime | None = None,
    ) -> IssuedToken:
        """Create a token of 256 random bits. Only its digest is stored.

        Raises:
            ValidationFailed: The name, a scope or the expiry is none.
        """
        _check_token(name, scopes, expires_at)
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        record = await self._database.write(
            account.insert_token,
            user_id=user_id,
            name=name.strip(),
            prefix=token[: len(TOKEN_PREFIX) + 6],
            digest=_digest(token),
            scopes=" ".join(scope for scope in SCOPES if scope in scopes),
            expires_at=expires_at,
        )
        return IssuedToken(token, record)

    async def tokens(self, user_id: int) -> list[models.ApiToken]:
        """Return a user's tokens, oldest first, revoked ones included."""
        return await self._database.read(account.tokens, user_id)

    async def revoke_token(self, token_id: int) -> models.ApiToken:
        """Revoke a token: here at once, in other processes within 2 seconds.

        Raises:
            AccountNotFound: There is no such token.
        """
        revoked = await self._database.write(account.revoke, token_id)
        if revoked is None:
            raise AccountNotFound(f"There is no token {token_id}.")
        self._known.pop(revoked.digest, None)
        return revoked

    async def authenticate(self, token: str) -> Principal:
        """Return who a token stands for.

        Raises:
            Unauthenticated: It is unknown, revoked or expired, or its user is disabled.
        """
        known = self.recall(token)
        if known is not None:
            return known
        if not token.startswith(TOKEN_PREFIX):
            raise Unauthenticated("This is no token of ours.")
        found = await self._look_up(_digest(token), time.monotonic())
        if found.is_expired:
            raise Unauthenticated("This token has expired.")
        return found.principal

    def recall(self, token: str) -> Principal | None:
        """Return who a token stands for if that was looked up in the last 2 seconds.

        None says nothing about the token: `authenticate` does.
        """
        known = self._known.get(_digest(token))
        if known is None or time.monotonic() - known.looked_up >= CACHE_SECONDS or known.is_expired:
            return None
        return known.principal

    async def _look_up(self, digest: str, clock: float) -> _Known:
        record = await self._in_force.get(digest)
        before = self._known.pop(digest, None)
        if record is None:
            raise Unauthenticated("This token is unknown, revoked or expired.")
        used = before.used if before is not None else self._last_used(record, clock)
        if clock - used >= USED_SECONDS:
            used = clock
            self._note_used(record.id)
        principal = Principal(
            user_id=record.user_id, scopes=frozenset(record.scopes.split()), token_id=record.id
        )
        known = self._known[digest] = _Known(principal, record.expires_at, clock, used)
        if len(self._known) > CACHE_SIZE:
            self._known.pop(next(iter(self._known)))
        return known

    def _note_used(self, token_id: int) -> None:
        """Note soon that a token was used: nobody need wait for it, and many are one write."""
        self._used.add(token_id)
        if self._noting is None:
            self._noting = asyncio.create_task(self._note_all())

    async def _note_all(self) -> None:
        try:
            while self._used:
                await asyncio.sleep(NOTE_SECONDS)
                token_ids = [self._used.pop() for _ in range(min(MOST, len(self._used)))]
                await self._database.write(account.used, token_ids)
        except StorageError as error:
            _log.warning("the use of tokens cannot be noted: %s", error)
        finally:
            self._noting = None

    def _last_used(self, record: models.ApiToken, clock: float) -> float:
        """Say when a token was last noted as used, by this process's clock."""
        if record.last_used_at is None:
            return clock - USED_SECONDS
        return clock - (datetime.now(UTC) - record.last_used_at).total_seconds()

    async def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            sentence = f"The password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
            raise ValidationFailed({"password": [sentence]})
        return await asyncio.to_thread(self._hasher.hash, password)

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(stored or self._decoy(), password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def _decoy(self) -> str:
        """Return a hash that nothing matches, so that an unknown address takes as long."""
        return self._hasher.hash(secrets.token_hex(8))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _address(email: str) -> str:
    address = email.strip().lower()
    if not _EMAIL.fullmatch(address) or len(address) > MAX_EMAIL:
        sentence = f"{email!r} is no e-mail address; it looks like name@example.org."
        raise ValidationFailed({"email": [sentence]})
    return address


def _check_token(name: str, scopes: Collection[str], expires_at: datetime | None) -> None:
    errors: dict[str, list[str]] = {}
    if not name.strip() or len(name) > MAX_NAME or "\0" in name:
        errors["name"] = [f"A token's name has 1 to {MAX_NAME} characters."]
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        wrong = f"{', '.join(unknown)} is no scope" if unknown else "A token needs a scope"
        errors["scopes"] = [f"{wrong}; the scopes are {', '.join(SCOPES)}."]
    if expires_at is not None and expires_at <= datetime.now(UTC):
        errors["expires_at"] = ["A token's expiry must lie in the future."]
    if errors:
        raise ValidationFailed(errors)
