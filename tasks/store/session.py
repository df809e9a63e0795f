"""Web sessions, and the links that begin one without a password."""

from collections.abc import Sequence

import sqlalchemy as sa

from tasks.column import among, now
from tasks.database import Statement, Steps
from tasks.models import SignInLink, User, WebSession
from tasks.store.account import SET_PASSWORD

USER = User.table().c
SESSION = WebSession.table().c
LINK = SignInLink.table().c

_SECONDS = sa.bindparam("seconds", type_=sa.Float)
#: What no session has, since ids begin at 1.
NONE = 0

INSERT = Statement(
    sa.insert(WebSession)
    .values(
        created_at=now(),
        last_used_at=now(),
        expires_at=now(_SECONDS),
        **{name: sa.bindparam(name) for name in ("user_id", "digest", "user_agent", "address")},
    )
    .returning(*SESSION)
)
DELETE_EXPIRED = Statement(sa.delete(WebSession).where(SESSION.expires_at <= now()))
_IN_FORCE = (SESSION.expires_at > now(), USER.disabled_at.is_(None))
IN_FORCE = Statement(
    sa.select(*SESSION, *USER)
    .join(User, SESSION.user_id == USER.id)
    .where(SESSION.digest == sa.bindparam("digest"), *_IN_FORCE)
)
SESSIONS_IN_FORCE = Statement(
    sa.select(SESSION.id)
    .join(User, SESSION.user_id == USER.id)
    .where(among(SESSION.id, "session_ids"), *_IN_FORCE)
)
SESSIONS = Statement(
    sa.select(*SESSION)
    .where(SESSION.user_id == sa.bindparam("user_id"), SESSION.expires_at > now())
    .order_by(SESSION.last_used_at.desc(), SESSION.id.desc())
)
USED = Statement(
    sa.update(WebSession)
    .where(SESSION.id == sa.bindparam("session_id"))
    .values(last_used_at=now(), address=sa.bindparam("address"))
)
END = Statement(
    sa.delete(WebSession)
    .where(SESSION.id == sa.bindparam("session_id"), SESSION.user_id == sa.bindparam("user_id"))
    .returning(SESSION.id)
)
END_OTHERS = Statement(
    sa.delete(WebSession)
    .where(SESSION.user_id == sa.bindparam("user_id"), SESSION.id != sa.bindparam("kept_id"))
    .returning(SESSION.id)
)
INSERT_LINK = Statement(
    sa.insert(SignInLink).values(
        expires_at=now(_SECONDS), digest=sa.bindparam("digest"), user_id=sa.bindparam("user_id")
    )
)
DELETE_EXPIRED_LINKS = Statement(sa.delete(SignInLink).where(LINK.expires_at <= now()))
DELETE_LINKS = Statement(sa.delete(SignInLink).where(LINK.user_id == sa.bindparam("user_id")))
LINKED_USER = Statement(
    sa.select(*USER)
    .join(SignInLink, LINK.user_id == USER.id)
    .where(
        LINK.digest == sa.bindparam("digest"), LINK.expires_at > now(), USER.disabled_at.is_(None)
    )
)
USE_LINK = Statement(
    sa.delete(SignInLink)
    .where(LINK.digest == sa.bindparam("digest"), LINK.expires_at > now())
    .returning(LINK.user_id)
)
ENABLED_USER = Statement(
    sa.select(*USER).where(USER.id == sa.bindparam("user_id"), USER.disabled_at.is_(None))
)


def insert(
    *, user_id: int, digest: str, user_agent: str, address: str, seconds: float
) -> Steps[WebSession]:
    """Begin a session that ends after `seconds`; those that have ended go."""
    yield DELETE_EXPIRED()
    rows = yield INSERT(
        user_id=user_id, digest=digest, user_agent=user_agent, address=address, seconds=seconds
    )
    return WebSession.of(rows[0])


def in_force(digest: str) -> Steps[tuple[WebSession, User] | None]:
    """Return the session with this digest and its user, if both are in force."""
    rows = yield IN_FORCE(digest=digest)
    if not rows:
        return None
    width = len(WebSession.columns())
    return WebSession.of(rows[0][:width]), User.of(rows[0][width:])


def sessions_in_force(session_ids: Sequence[int]) -> Steps[set[int]]:
    """Return those of the sessions that have not ended."""
    rows = yield SESSIONS_IN_FORCE(session_ids=session_ids)
    return {row[0] for row in rows}


def sessions(user_id: int) -> Steps[list[WebSession]]:
    """Return a user's sessions, the one that was used last first."""
    rows = yield SESSIONS(user_id=user_id)
    return [WebSession.of(row) for row in rows]


def used(session_id: int, address: str) -> Steps[None]:
    """Note that a session was used now, and from where."""
    yield USED(session_id=session_id, address=address)


def end(user_id: int, session_id: int) -> Steps[bool]:
    """End one of a user's sessions; say whether they had it."""
    rows = yield END(user_id=user_id, session_id=session_id)
    return bool(rows)


def end_others(user_id: int, *, kept_id: int | None) -> Steps[int]:
    """End a user's sessions but for one, and return how many there were."""
    rows = yield END_OTHERS(user_id=user_id, kept_id=NONE if kept_id is None else kept_id)
    return len(rows)


def replace_password(user_id: int, password_hash: str, *, kept_id: int | None) -> Steps[None]:
    """Replace a password, and end what may have begun with the one before."""
    yield SET_PASSWORD(user_id=user_id, password_hash=password_hash)
    yield DELETE_LINKS(user_id=user_id)
    yield from end_others(user_id, kept_id=kept_id)


def insert_link(*, user_id: int, digest: str, seconds: float) -> Steps[None]:
    """Make a link that ends after `seconds`; those that have ended go."""
    yield DELETE_EXPIRED_LINKS()
    yield INSERT_LINK(user_id=user_id, digest=digest, seconds=seconds)


def linked_user(digest: str) -> Steps[User | None]:
    """Return the user whom a link would sign in."""
    rows = yield LINKED_USER(digest=digest)
    return User.of(rows[0]) if rows else None


def use_link(digest: str) -> Steps[User | None]:
    """Use a link up, and return its user; None if it was used, has ended, or they may not enter."""
    rows = yield USE_LINK(digest=digest)
    if not rows:
        return None
    rows = yield ENABLED_USER(user_id=rows[0][0])
    return User.of(rows[0]) if rows else None
