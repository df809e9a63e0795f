import asyncio

import pytest

from workers.session import Session, Sessions


class Platform:
    """Counts logins, and can refuse them."""

    def __init__(self) -> None:
        self.logins: list[Session | None] = []
        self.refuses = False

    async def log_in(self, refused: Session | None) -> Session:
        """Log in, after giving others their turn."""
        self.logins.append(refused)
        await asyncio.sleep(0)
        if self.refuses:
            raise ConnectionError
        return Session(access=f"session {len(self.logins)}")


async def test_runs_that_ask_at_once_share_one_login() -> None:
    """Logins are few, so the others wait for the first."""
    sessions, platform = Sessions(), Platform()

    got = await asyncio.gather(*(sessions.get("ana", platform.log_in) for _ in range(5)))

    assert set(got) == {Session(access="session 1")}
    assert platform.logins == [None]


async def test_accounts_have_sessions_of_their_own() -> None:
    """One account's session never serves another."""
    sessions, platform = Sessions(), Platform()

    assert await sessions.get("ana", platform.log_in) != await sessions.get("bo", platform.log_in)


async def test_a_refused_session_is_replaced_once() -> None:
    """All runs learn at once that it is over, and one of them renews it for all."""
    sessions, platform = Sessions(), Platform()
    old = await sessions.get("ana", platform.log_in)

    got = await asyncio.gather(
        *(sessions.get("ana", platform.log_in, refused=old) for _ in range(5))
    )

    assert set(got) == {Session(access="session 2")}
    assert platform.logins == [None, old]


async def test_a_failed_login_leaves_nothing_behind() -> None:
    """The next run begins from nothing, and is not kept waiting."""
    sessions, platform = Sessions(), Platform()
    old = await sessions.get("ana", platform.log_in)
    platform.refuses = True
    with pytest.raises(ConnectionError):
        await sessions.get("ana", platform.log_in, refused=old)
    platform.refuses = False

    assert await sessions.get("ana", platform.log_in) == Session(access="session 3")


def test_a_session_is_not_shown() -> None:
    """Logs and tracebacks hold no token."""
    assert "secret" not in repr(Session(access="secret", refresh="secret"))
