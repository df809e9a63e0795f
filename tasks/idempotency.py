"""A request that comes again with its key is answered as it was the first time."""

from collections.abc import Mapping
from typing import Any

from tasks.database import Steps
from tasks.errors import ValidationFailed
from tasks.store import idempotency as store
from tasks.validation import Idempotency


def answered(
    user_id: int, once: Idempotency | None, *, what: str
) -> Steps[Mapping[str, Any] | None]:
    """Return what the same request was answered before; None if it is new, or has no key.

    Raises:
        ValidationFailed: The key was used with another one; `what` says of which kind.
    """
    if once is None:
        return None
    kept = yield from store.find(user_id=user_id, door=once.door, key=once.key)
    if kept is None:
        return None
    digest, answer = kept
    if digest != once.body_digest:
        sentence = f"The idempotency key was used with another {what}."
        raise ValidationFailed({"idempotency_key": [sentence]})
    return answer


def remember(user_id: int, once: Idempotency | None, answer: Mapping[str, Any]) -> Steps[None]:
    """Remember the answer for a repeat, if the request has a key."""
    if once is not None:
        yield from store.remember(
            user_id=user_id,
            door=once.door,
            key=once.key,
            body_digest=once.body_digest,
            answer=answer,
        )
