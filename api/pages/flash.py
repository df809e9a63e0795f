"""A sentence that the next page shows once: what became of a form."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from api.session import SessionKeys

NAME: Final = "sluice_said"
SECONDS: Final = 120
#: Of a cookie that browsers keep for sure.
_MOST: Final = 2_000


class Kind(StrEnum):
    """How a sentence is meant."""

    GOOD = "good"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the reader."""

    text: str
    kind: Kind = Kind.GOOD


def written(keys: SessionKeys, notice: Notice) -> str:
    """Return the cookie that carries a notice: signed, for others could put words into it."""
    return keys.seal(orjson.dumps([notice.kind, notice.text[:_MOST]]).decode())


def read(keys: SessionKeys, cookie: str) -> Notice | None:
    """Return what a cookie of ours carries."""
    text = keys.unseal(cookie, max_age_seconds=SECONDS)
    if text is None:
        return None
    found: Any = orjson.loads(text)
    kind, sentence = found
    return Notice(sentence, Kind(kind))
