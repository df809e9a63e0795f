"""Shorter answers for browsers that can unpack them."""

import gzip
from typing import Final

from starlette.datastructures import Headers

#: Below it, the frame of a packed answer weighs as much as what it saves.
_SMALLEST: Final = 860
#: A page of 40 KB takes 0.6 ms at this level; the next ones take twice as long for 1 % less.
_LEVEL: Final = 5
_BEST: Final = 9


def accepts_gzip(headers: Headers) -> bool:
    """Say whether the client unpacks gzip."""
    for offered in headers.get("accept-encoding", "").split(","):
        name, _, parameter = offered.strip().lower().partition(";")
        if name.strip() == "gzip":
            return parameter.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def packed(content: bytes, *, once: bool = False) -> bytes | None:
    """Return the content packed, or None if that is no gain; `once` takes its time."""
    if len(content) < _SMALLEST:
        return None
    shorter = gzip.compress(content, _BEST if once else _LEVEL, mtime=0)
    return shorter if len(shorter) < len(content) else None
