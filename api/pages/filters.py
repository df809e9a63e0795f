"""How templates write times, numbers and sizes."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_WEEKS: Final = 14 * _DAY
_KILO: Final = 1000


def moment(at: datetime | None, otherwise: str = "never") -> Markup | str:
    """Write a time as `<time>`: in UTC, which scripts turn into the reader's own zone."""
    if at is None:
        return otherwise
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"), f"{utc:%d %b %Y, %H:%M} UTC"
    )


def ago(at: datetime | None, otherwise: str = "never", *, now: datetime | None = None) -> Any:
    """Write how long ago a time was, or how far off it is; the time itself is its title."""
    if at is None:
        return otherwise
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}" data-relative>{}</time>').format(
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{utc:%d %b %Y, %H:%M:%S} UTC",
        distance((at - (now or datetime.now(UTC))).total_seconds(), utc),
    )


def distance(seconds: float, at: datetime) -> str:
    """Say how far a time is from now, in the largest unit that fits."""
    size = abs(seconds)
    if size < _MINUTE:
        return "just now" if seconds <= 0 else "in a moment"
    if size >= _WEEKS:
        return f"{at:%d %b %Y}"
    unit, length = next(
        (name, length) for name, length in _UNITS if size >= length or length == _MINUTE
    )
    count = int(size // length)
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def number(value: float) -> str:
    """Write a number with a thin space between thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(count: int) -> str:
    """Write a number of bytes."""
    if count < _KILO:
        return f"{count} B"
    shown = float(count)
    for unit in ("KB", "MB"):
        shown /= _KILO
        if shown < _KILO:
            return f"{shown:.1f} {unit}"
    return f"{shown / _KILO:.1f} GB"


_UNITS: Final = (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE))

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "moment": moment,
    "ago": ago,
    "number": number,
    "size": size,
}
