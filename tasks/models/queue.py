"""Whose turn it is."""

import sqlalchemy as sa
from sqlmodel import Field

from tasks.models.record import Record


class QueueOwner(Record, table=True):
    """An owner with at least one claimable task; the smallest `turn` is next."""

    __tablename__ = "queue_owner"
    __table_args__ = (sa.Index("ix_queue_owner_turn", "turn", "user_id"),)

    user_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="user_account.id", ondelete="CASCADE", primary_key=True
    )
    turn: int = Field(sa_type=sa.BigInteger)
