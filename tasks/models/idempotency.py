"""What makes a repeated request harmless."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import Instant, Json, Text
from tasks.models.record import Record


class IdempotencyKey(Record, table=True):
    """The answer that a client's create was given, for a repeat of it within 24 hours."""

    __tablename__ = "idempotency_key"
    __table_args__ = (sa.Index("ix_idempotency_key_created_at", "created_at"),)

    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", primary_key=True
    )
    door: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    body_digest: str = Field(sa_type=Text)
    answer: dict[str, Any] = Field(sa_type=Json)  #: The public columns of what was created.
    created_at: datetime = Field(sa_type=Instant)
