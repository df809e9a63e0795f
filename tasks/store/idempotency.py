"""What a repeated create is answered."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps
from tasks.models import IdempotencyKey

KEY = IdempotencyKey.table().c
#: How long a key is remembered.
KEPT_SECONDS = 24 * 3600

_SAME = (
    KEY.user_id == sa.bindparam("user_id"),
    KEY.door == sa.bindparam("door"),
    KEY.key == sa.bindparam("key"),
)
FIND = Statement(
    sa.select(KEY.body_digest, KEY.answer).where(*_SAME, KEY.created_at > now(-KEPT_SECONDS))
)
EXPIRE = Statement(sa.delete(IdempotencyKey).where(*_SAME, KEY.created_at <= now(-KEPT_SECONDS)))
INSERT = Statement(
    sa.insert(IdempotencyKey).values(
        created_at=now(),
        **{
            name: sa.bindparam(name) for name in ("user_id", "door", "key", "body_digest", "answer")
        },
    )
)


def find(*, user_id: int, door: str, key: str) -> Steps[tuple[str, Mapping[str, Any]] | None]:
    """Return the digest and the answer that are remembered for a key, or None."""
    rows = yield FIND(user_id=user_id, door=door, key=key)
    return (rows[0][0], rows[0][1]) if rows else None


def remember(
    *, user_id: int, door: str, key: str, body_digest: str, answer: Mapping[str, Any]
) -> Steps[None]:
    """Remember an answer, in the transaction of what it tells of.

    Raises:
        UniqueViolation: Another request with this key was faster.
    """
    same = {"user_id": user_id, "door": door, "key": key}
    yield EXPIRE(**same)
    yield INSERT(**same, body_digest=body_digest, answer=answer)
