"""What tasks collect."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import Instant, Text
from tasks.models.record import Record


class Post(Record, table=True):
    """One public post that a task collected; `position` counts from 0 in the order stored."""

    __tablename__ = "post"
    __table_args__ = (sa.UniqueConstraint("task_id", "post_id", name="uq_post_task_id_post_id"),)

    task_id: int = Field(
        sa_type=sa.BigInteger, foreign_key="task.id", ondelete="CASCADE", primary_key=True
    )
    position: int = Field(primary_key=True)
    post_id: str = Field(sa_type=Text)
    message: str | None = Field(default=None, sa_type=Text)
    author: str | None = Field(default=None, sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    created_time: datetime | None = Field(default=None, sa_type=Instant)
    likes: int | None = Field(default=None, sa_type=sa.BigInteger)
    comments: int | None = Field(default=None, sa_type=sa.BigInteger)
    shares: int | None = Field(default=None, sa_type=sa.BigInteger)
