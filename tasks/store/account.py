"""Users and their tokens."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from tasks.column import among, now
from tasks.database import Statement, Steps
from tasks.models import ApiToken, User

USER = User.table().c
TOKEN = ApiToken.table().c

INSERT_USER = Statement(
    sa.insert(User)
    .values(
        created_at=now(),
        **{name: sa.bindparam(name) for name in ("email", "password_hash", "is_admin")},
    )
    .returning(*USER)
)
USERS = Statement(sa.select(*USER).order_by(USER.id))
USER_BY_EMAIL = Statement(sa.select(*USER).where(USER.email == sa.bindparam("email")))
USER_BY_ID = Statement(sa.select(*USER).where(USER.id == sa.bindparam("user_id")))
SET_PASSWORD = Statement(
    sa.update(User)
    .where(USER.id == sa.bindparam("user_id"))
    .values(password_hash=sa.bindparam("password_hash"))
    .returning(*USER)
)
DISABLE = Statement(
    sa.update(User)
    .where(USER.id == sa.bindparam("user_id"))
    .values(disabled_at=sa.func.coalesce(USER.disabled_at, now()))
    .returning(*USER)
)
INSERT_TOKEN = Statement(
    sa.insert(ApiToken)
    .values(
        created_at=now(),
        **{
            name: sa.bindparam(name)
            for name in ("user_id", "name", "prefix", "digest", "scopes", "expires_at")
        },
    )
    .returning(*TOKEN)
)
TOKENS = Statement(
    sa.select(*TOKEN).where(TOKEN.user_id == sa.bindparam("user_id")).order_by(TOKEN.id)
)
REVOKE = Statement(
    sa.update(ApiToken)
    .where(TOKEN.id == sa.bindparam("token_id"))
    .values(revoked_at=sa.func.coalesce(TOKEN.revoked_at, now()))
    .returning(*TOKEN)
)
#: The token by its digest, if it and its user are in force.
IN_FORCE = Statement(
    sa.select(*TOKEN)
    .join(User, TOKEN.user_id == USER.id)
    .where(
        among(TOKEN.digest, "digests"),
        TOKEN.revoked_at.is_(None),
        sa.or_(TOKEN.expires_at.is_(None), TOKEN.expires_at > now()),
        USER.disabled_at.is_(None),
    )
)
#: Those of some tokens that are in force, and those of some users.
TOKENS_IN_FORCE = Statement(
    sa.select(TOKEN.id)
    .join(User, TOKEN.user_id == USER.id)
    .where(
        among(TOKEN.id, "token_ids"),
        TOKEN.revoked_at.is_(None),
        sa.or_(TOKEN.expires_at.is_(None), TOKEN.expires_at > now()),
        USER.disabled_at.is_(None),
    )
)
USERS_IN_FORCE = Statement(
    sa.select(USER.id).where(among(USER.id, "user_ids"), USER.disabled_at.is_(None))
)
USED = Statement(sa.update(ApiToken).where(among(TOKEN.id, "token_ids")).values(last_used_at=now()))


def insert_user(*, email: str, password_hash: str | None, is_admin: bool) -> Steps[User]:
    """Insert a user.

    Raises:
        UniqueViolation: The e-mail address is taken.
    """
    rows = yield INSERT_USER(email=email, password_hash=password_hash, is_admin=is_admin)
    return User.of(rows[0])


def users() -> Steps[list[User]]:
    """Return all users, oldest first."""
    rows = yield USERS()
    return [User.of(row) for row in rows]


def user_by_email(email: str) -> Steps[User | None]:
    """Return the user with this address, as it is stored, or None."""
    rows = yield USER_BY_EMAIL(email=email)
    return User.of(rows[0]) if rows else None


def user_by_id(user_id: int) -> Steps[User | None]:
    """Return the user, or None."""
    rows = yield USER_BY_ID(user_id=user_id)
    return User.of(rows[0]) if rows else None


def disable(user_id: int) -> Steps[User]:
    """Keep a user out; the first time counts."""
    rows = yield DISABLE(user_id=user_id)
    return User.of(rows[0])


def insert_token(
    *,
    user_id: int,
    name: str,
    prefix: str,
    digest: str,
    scopes: str,
    expires_at: datetime | None,
) -> Steps[ApiToken]:
    """Insert a token."""
    rows = yield INSERT_TOKEN(
        user_id=user_id,
        name=name,
        prefix=prefix,
        digest=digest,
        scopes=scopes,
        expires_at=expires_at,
    )
    return ApiToken.of(rows[0])


def tokens(user_id: int) -> Steps[list[ApiToken]]:
    """Return a user's tokens, oldest first, revoked ones included."""
    rows = yield TOKENS(user_id=user_id)
    return [ApiToken.of(row) for row in rows]


def revoke(token_id: int) -> Steps[ApiToken | None]:
    """Revoke a token; the first time counts. None if there is no such token."""
    rows = yield REVOKE(token_id=token_id)
    return ApiToken.of(rows[0]) if rows else None


def in_force(digests: Sequence[str]) -> Steps[dict[str, ApiToken]]:
    """Return by their digests those of the tokens that may be used now."""
    rows = yield IN_FORCE(digests=digests)
    return {token.digest: token for token in map(ApiToken.of, rows)}


def used(token_ids: Sequence[int]) -> Steps[None]:
    """Note that tokens were used now."""
    yield USED(token_ids=sorted(token_ids))


def tokens_in_force(token_ids: Sequence[int]) -> Steps[set[int]]:
    """Return those of the tokens that may be used now."""
    rows = yield TOKENS_IN_FORCE(token_ids=token_ids)
    return {row[0] for row in rows}


def users_in_force(user_ids: Sequence[int]) -> Steps[set[int]]:
    """Return those of the users who are not disabled."""
    rows = yield USERS_IN_FORCE(user_ids=user_ids)
    return {row[0] for row in rows}
