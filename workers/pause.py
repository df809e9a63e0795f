"""When a host wants to be asked again, as its reply's headers say.

Known forms: `Retry-After` in seconds or as an HTTP date (RFC 9110), and the families
`RateLimit-Reset` and `X-RateLimit-Reset` with seconds left (the IETF draft, Lemmy), the seconds
since 1970 (Bluesky, GitHub) or an ISO 8601 time (Mastodon).
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

#: Longer pauses are taken for a mistake or malice and cut.
LONGEST: Final = timedelta(days=2)
#: Numbers from here on are seconds since 1970 (September 2001), below it seconds left.
EPOCH_FROM: Final = 1_000_000_000
#: Larger numbers of calls left limit nobody.
MOST_GRANTED: Final = 1_000_000

PREFIXES: Final = ("ratelimit", "x-ratelimit", "x-rate-limit")


def retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when to ask again after a refusal, never in the past; None if nothing says."""
    for name in ("retry-after", *(f"{prefix}-reset" for prefix in PREFIXES)):
        if (at := moment(headers.get(name, ""), now)) is not None:
            return at
    return None


def granted(headers: Mapping[str, str], now: datetime) -> tuple[int, datetime] | None:
    """Return how many calls a host still grants, and until when; None if it does not say."""
    for prefix in PREFIXES:
        remaining = _number(headers.get(f"{prefix}-remaining", ""))
        until = moment(headers.get(f"{prefix}-reset", ""), now)
        if remaining is not None and until is not None:
            return int(min(remaining, MOST_GRANTED)), until
    return None


def moment(text: str, now: datetime) -> datetime | None:
    """Read a point in time in any of the known forms, at most two days away."""
    at = _moment(text.strip(), now)
    return None if at is None else min(max(at, now), now + LONGEST)


def _moment(text: str, now: datetime) -> datetime | None:
    number = _number(text)
    if number is not None:
        if number >= EPOCH_FROM:
            number -= now.timestamp()
        return now + timedelta(seconds=min(number, LONGEST.total_seconds()))
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = parse(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        # Neither form may leave the zone out, but some do and mean UTC.
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
