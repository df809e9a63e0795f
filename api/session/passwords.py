"""Passwords at the door: counted, and hashed a few at a time."""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import Request

from api.session.entry import address_of
from api.session.form import Refused
from api.session.throttle import Attempts
from tasks import models
from tasks.accounts import AccountService
from tasks.errors import Unauthenticated

#: Passwords hashed at a time: each takes 64 MB and a core for a moment.
_HASHES: Final = 2


class Passwords:
    """Checks passwords for every page and endpoint of a process. For one event loop."""

    def __init__(self, accounts: AccountService, attempts: Attempts) -> None:
        self._accounts = accounts
        self._attempts = attempts
        self._hashing = asyncio.Semaphore(_HASHES)

    async def verified(self, request: Request, email: str, password: str) -> models.User:
        """Return the user whose password this is.

        Raises:
            Refused: It is not (401), or too many were tried (429).
        """
        email = email.strip().lower()
        await self.count(request, email)
        try:
            async with self.hashing():
                user = await self._accounts.verify_password(email, password)
        except Unauthenticated as error:
            raise Refused(str(error), 401) from None
        await self._attempts.succeeded(email, address_of(request.scope))
        return user

    async def count(self, request: Request, email: str) -> None:
        """Count a try.

        Raises:
            Refused: There were too many; the answer says how long to wait.
        """
        wait = await self._attempts.begin(email, address_of(request.scope))
        if wait > 0:
            minutes = math.ceil(wait / 60)
            raise Refused(
                f"Too many tries; try again in {minutes} minutes.",
                429,
                {"Retry-After": str(math.ceil(wait))},
            )

    @contextlib.asynccontextmanager
    async def hashing(self) -> AsyncGenerator[None]:
        """Wait for a turn to hash."""
        async with self._hashing:
            yield
