"""Which media type a client prefers, by its `Accept` header (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from typing import Final

GRAPHQL: Final = "application/graphql-response+json"
JSON: Final = "application/json"
HTML: Final = "text/html"

#: Longer headers are no client's; the rest is not looked at.
_MAX_RANGES: Final = 50


def preferred(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the offered type that a client likes best, None if it likes none.

    Of equal ones the one that the client lists first wins, and of those that a wildcard covers
    the one that is offered first. No header means anything.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [_range(text) for text in accept.split(",")[:_MAX_RANGES]]
    best: tuple[float, int, int] | None = None
    chosen: str | None = None
    for place, kind in enumerate(offered):
        found = _quality(kind, ranges)
        if found is None:
            continue
        quality, rank = found
        standing = (quality, -rank, -place)
        if quality > 0 and (best is None or standing > best):
            best, chosen = standing, kind
    return chosen


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                quality = 0.0
    return kind, quality


def _quality(kind: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int] | None:
    """Return the quality of a type and its place in the header, by the most specific range."""
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        for rank, (name, quality) in enumerate(ranges):
            if name == pattern:
                return quality, rank
    return None
