"""Who may do what: users, and what they show instead of a password."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import BigId, Boolean, Instant, Text
from tasks.models.record import NO_REUSE, Record


class User(Record, table=True):
    """A person, or a program's owner."""

    __tablename__ = "user_account"  # `user` is a reserved word in PostgreSQL
    __table_args__ = (NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    email: str = Field(sa_type=Text, unique=True)
    password_hash: str | None = Field(default=None, sa_type=Text)
    is_admin: bool = Field(default=False, sa_type=Boolean)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class ApiToken(Record, table=True):
    """A Bearer token. The token itself is shown once and stored as its SHA-256."""

    __tablename__ = "api_token"
    __table_args__ = (NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)  #: The first characters, to tell tokens apart in a list.
    digest: str = Field(sa_type=Text, unique=True)  #: SHA-256, hexadecimal.
    scopes: str = Field(sa_type=Text)  #: Separated by blanks.
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class WebSession(Record, table=True):
    """A person in a browser. The key in their cookie is stored as its SHA-256."""

    __tablename__ = "web_session"
    __table_args__ = (NO_REUSE,)

    id: int = Field(sa_type=BigId, primary_key=True)
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    digest: str = Field(sa_type=Text, unique=True)  #: SHA-256, hexadecimal.
    user_agent: str = Field(sa_type=Text)  #: As the browser named itself when it signed in.
    address: str = Field(sa_type=Text)  #: Where it was used from last.
    created_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)


class SignInLink(Record, table=True):
    """A link that signs its user in once. It is gone when it is used."""

    __tablename__ = "sign_in_link"

    digest: str = Field(sa_type=Text, primary_key=True)  #: SHA-256, hexadecimal.
    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", index=True
    )
    expires_at: datetime = Field(sa_type=Instant)
