"""How often hosts may be called."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from tasks.column import Instant, Text
from tasks.models.record import Record


class SourceBudget(Record, table=True):
    """The calls that a host grants to a credential, or to a visitor: `tasks/budget.py`."""

    __tablename__ = "source_budget"

    key: str = Field(sa_type=Text, primary_key=True)  #: The host, and what stands for a credential.
    host: str = Field(sa_type=Text)
    #: The rate that the last call kept to.
    calls: int
    milliseconds: int = Field(sa_type=sa.BigInteger)
    burst: int
    taken: int = Field(default=0, sa_type=sa.BigInteger)  #: How many calls there were.
    #: When they would all be due if they were evenly spread.
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    held_until: datetime | None = Field(default=None, sa_type=Instant)  #: The host said so.
    granted: int = 0  #: Calls that the host still grants before `granted_until`.
    granted_until: datetime | None = Field(default=None, sa_type=Instant)
    #: When the last of those who were sent away is to come back.
    line_until: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime = Field(sa_type=Instant)
