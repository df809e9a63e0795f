"""Live connections: their number, and what becomes of them with their credentials."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tasks import models
from tasks.accounts import AccountService
from tasks.connections import CHECK_SECONDS, LiveConnections
from tasks.database import Database
from tasks.errors import TooManyConnections
from tasks.principal import Principal


@pytest.fixture
def register(database: Database) -> LiveConnections:
    """Return a register that looks when it is told to."""
    return LiveConnections(database, most=2)


async def holder(accounts: AccountService, user: models.User) -> Principal:
    """Return who holds a new token of the user."""
    return await accounts.authenticate((await accounts.create_token(user.id, "client")).token)


async def test_a_credential_has_so_many_connections(
    register: LiveConnections, accounts: AccountService, user: models.User
) -> None:
    """Each of a user's tokens counts for itself, and what is left makes room."""
    first, second = await holder(accounts, user), await holder(accounts, user)
    leave = register.enter(first, lambda: None)
    register.enter(first, lambda: None)
    register.enter(second, lambda: None)

    with pytest.raises(TooManyConnections, match="has 2 live connections"):
        register.enter(first, lambda: None)
    leave()
    register.enter(first, lambda: None)

    assert register.count == 3


async def test_a_credential_that_ends_is_told_once(
    register: LiveConnections, accounts: AccountService, user: models.User
) -> None:
    """Revoked, expired or of a disabled user; the others stay."""
    other = await accounts.create_user("eve@example.org")
    told: list[str] = []
    revoked, kept = await holder(accounts, user), await holder(accounts, user)
    register.enter(revoked, lambda: told.append("revoked"))
    register.enter(kept, lambda: told.append("kept"))
    register.enter(await holder(accounts, other), lambda: told.append("disabled"))
    session = Principal(user_id=other.id, scopes=frozenset(), via_session=True)
    register.enter(session, lambda: told.append("session"))
    soon = datetime.now(UTC) + timedelta(seconds=0.2)
    issued = await accounts.create_token(user.id, "short", expires_at=soon)
    register.enter(await accounts.authenticate(issued.token), lambda: told.append("expired"))
    await register.check()
    assert told == []

    await accounts.revoke_token(revoked.token_id or 0)
    await accounts.disable_user("eve@example.org")
    async with asyncio.timeout(10):
        while len(told) < 4:
            await register.check()
    await register.check()

    assert sorted(told) == ["disabled", "expired", "revoked", "session"]


async def test_the_check_goes_on_in_the_background(
    database: Database, accounts: AccountService, user: models.User
) -> None:
    """A credential that was revoked anywhere ends within seconds."""
    async with LiveConnections.open(database, most=2) as register:
        revoked = asyncio.Event()
        principal = await holder(accounts, user)
        register.enter(principal, revoked.set)
        await accounts.revoke_token(principal.token_id or 0)

        async with asyncio.timeout(2 * CHECK_SECONDS):
            await revoked.wait()
