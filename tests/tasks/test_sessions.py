"""Sessions of people and one-time links, on both databases."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tasks import models
from tasks.accounts import AccountService
from tasks.column import now
from tasks.connections import LiveConnections
from tasks.database import Database, Statement, Steps
from tasks.errors import AccountNotFound, Unauthenticated
from tasks.models import WebSession
from tasks.principal import Principal
from tasks.sessions import MAX_USER_AGENT, Begun, SessionService, SignInLinks

COUNT = Statement(sa.select(sa.func.count()).select_from(WebSession.table()))
RUN_OUT = Statement(sa.update(WebSession).values(expires_at=now(-1.0)))


@pytest.fixture
def sessions(accounts: AccountService) -> SessionService:
    """Return the sessions that the accounts know of."""
    return accounts.sessions


@pytest.fixture
def elsewhere(database: Database) -> SessionService:
    """Return the sessions as another process sees them."""
    return SessionService(database)


@pytest.fixture
def links(database: Database) -> SignInLinks:
    """Return the links."""
    return SignInLinks(database)


async def begin(sessions: SessionService, user: models.User, agent: str = "Firefox") -> Begun:
    """Begin a session."""
    return await sessions.begin(user, user_agent=agent, address="192.0.2.1")


def count() -> Steps[int]:
    """Count the sessions in the table, ended ones included."""
    rows = yield COUNT()
    return rows[0][0]


async def test_a_session_is_found_by_its_key_alone(
    sessions: SessionService, user: models.User
) -> None:
    """Neither its id nor what the table holds opens it."""
    begun = await begin(sessions, user)

    found = await sessions.resolve(begun.key, address="192.0.2.9")

    assert (found.user.id, found.session.id) == (user.id, begun.record.id)
    assert begun.key not in begun.record.model_dump_json()
    for wrong in ("", "x", str(begun.record.id), begun.record.digest):
        with pytest.raises(Unauthenticated):
            await sessions.resolve(wrong, address="")


async def test_it_can_be_seen_what_a_session_is_used_for(
    sessions: SessionService, user: models.User
) -> None:
    """The browser as it named itself, and where it was last used, and no control characters."""
    begun = await begin(sessions, user, "Fire\x00fox\u202e" + "x" * 1000)
    await sessions.resolve(begun.key, address="192.0.2.9")

    (seen,) = await sessions.sessions(user.id)

    assert seen.user_agent == ("Firefox" + "x" * 1000)[:MAX_USER_AGENT]
    assert seen.address == "192.0.2.9"
    assert seen.last_used_at >= seen.created_at
    assert seen.expires_at - seen.created_at == timedelta(days=14)


async def test_an_ended_session_opens_nothing(
    sessions: SessionService, elsewhere: SessionService, user: models.User
) -> None:
    """At once where it was ended; elsewhere a fresh look does not find it."""
    first, second = await begin(sessions, user), await begin(sessions, user)
    await sessions.resolve(first.key, address="")

    await sessions.end(user.id, first.record.id)

    for service in (sessions, elsewhere):
        with pytest.raises(Unauthenticated):
            await service.resolve(first.key, address="")
    assert (await elsewhere.resolve(second.key, address="")).session.id == second.record.id
    assert [each.id for each in await sessions.sessions(user.id)] == [second.record.id]


async def test_nobody_ends_somebody_elses_session(
    sessions: SessionService, accounts: AccountService, user: models.User
) -> None:
    """It looks as if there were none."""
    eve = await accounts.create_user("eve@example.org")
    begun = await begin(sessions, user)

    with pytest.raises(AccountNotFound, match="no session"):
        await sessions.end(eve.id, begun.record.id)

    assert (await sessions.resolve(begun.key, address="")).user.id == user.id


async def test_all_others_end(
    sessions: SessionService, accounts: AccountService, user: models.User
) -> None:
    """But for the one from which it was asked, and other people's."""
    eve = await accounts.create_user("eve@example.org")
    kept, gone, hers = [await begin(sessions, who) for who in (user, user, eve)]

    assert await sessions.end_others(user.id, kept_id=kept.record.id) == 1

    assert (await sessions.resolve(kept.key, address="")).user.id == user.id
    assert (await sessions.resolve(hers.key, address="")).user.id == eve.id
    with pytest.raises(Unauthenticated):
        await sessions.resolve(gone.key, address="")


async def test_a_new_password_ends_the_other_sessions_and_the_links(
    sessions: SessionService, links: SignInLinks, accounts: AccountService, user: models.User
) -> None:
    """Whoever came in by the old one is out; who changed it stays."""
    kept, gone = await begin(sessions, user), await begin(sessions, user)
    secret = await links.create(user.id)

    await accounts.set_password(user.email, "another long password", kept_session_id=kept.record.id)

    assert (await sessions.resolve(kept.key, address="")).user.id == user.id
    with pytest.raises(Unauthenticated):
        await sessions.resolve(gone.key, address="")
    assert await links.owner(secret) is None


async def test_a_disabled_user_has_no_session(
    sessions: SessionService, elsewhere: SessionService, accounts: AccountService, user: models.User
) -> None:
    """Nor does a link let them in."""
    begun = await begin(sessions, user)
    await sessions.resolve(begun.key, address="")

    await accounts.disable_user(user.email)

    for service in (sessions, elsewhere):
        with pytest.raises(Unauthenticated):
            await service.resolve(begun.key, address="")


async def test_sessions_that_have_run_out_are_gone_with_the_next(
    sessions: SessionService, elsewhere: SessionService, database: Database, user: models.User
) -> None:
    """They open nothing, are not shown, and do not fill the table."""
    old = await begin(sessions, user)
    await database.write(_run_out)

    with pytest.raises(Unauthenticated):
        await elsewhere.resolve(old.key, address="")
    assert await sessions.sessions(user.id) == []
    await begin(sessions, user)
    assert await database.read(count) == 1


async def test_an_ended_session_ends_its_connections(
    sessions: SessionService, database: Database, user: models.User
) -> None:
    """The next look tells those of that session, and not those of another one."""
    register = LiveConnections(database, most=9)
    told: list[str] = []
    gone, kept = await begin(sessions, user), await begin(sessions, user)
    for name, begun in (("gone", gone), ("kept", kept)):
        principal = Principal(
            user_id=user.id, scopes=frozenset(), via_session=True, session_id=begun.record.id
        )
        register.enter(principal, lambda name=name: told.append(name))
    await register.check()
    assert told == []

    await sessions.end(user.id, gone.record.id)
    await register.check()
    await register.check()

    assert told == ["gone"]


async def test_a_link_signs_in_once(links: SignInLinks, user: models.User) -> None:
    """Looking at it does not use it up; of many who use it at once, one gets in."""
    secret = await links.create(user.id)
    owner = await links.owner(secret)

    used = await asyncio.gather(*(links.use(secret) for _ in range(8)), return_exceptions=True)

    assert owner is not None
    assert owner.id == user.id
    assert [each.id for each in used if isinstance(each, models.User)] == [user.id]
    assert sum(isinstance(each, Unauthenticated) for each in used) == 7
    assert await links.owner(secret) is None


async def test_a_link_ends(links: SignInLinks, accounts: AccountService, user: models.User) -> None:
    """With its time, and with its user."""
    late = await links.create(user.id, life=timedelta(seconds=-1))
    kept = await links.create(user.id)
    await accounts.disable_user(user.email)

    for secret in (late, kept, "", "x"):
        assert await links.owner(secret) is None
        with pytest.raises(Unauthenticated, match="used, or is too old"):
            await links.use(secret)


def _run_out() -> Steps[None]:
    yield RUN_OUT()
