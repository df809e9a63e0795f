"""How often a schedule runs, and when it runs next: arithmetic alone, without clock or database."""

import re
from datetime import datetime, timedelta
from typing import Final

LEAST_SECONDS: Final = 60
MOST_SECONDS: Final = 366 * 86_400

#: ISO 8601 durations of a fixed length, in whole numbers. Months and years have none.
_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d{1,5})W|(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII | re.IGNORECASE,
)
_UNITS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse_duration(text: str) -> int | None:
    """Return the seconds of an ISO 8601 duration such as `PT15M`, `P1D` or `P2W`; None if none.

    Months, years and fractions are not read: how long they are depends.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groupdict().values()):
        return None
    return sum(int(number) * _UNITS[unit] for unit, number in found.groupdict("0").items())


def format_duration(seconds: int) -> str:
    """Return the ISO 8601 duration; whole days as days, the rest in hours, minutes, seconds."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [
        f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number
    ]
    date = f"{days}D" if days else ""
    return f"P{date}T{''.join(parts)}" if parts else f"P{date or 'T0S'}"


def next_run(due: datetime, *, every: timedelta, now: datetime) -> datetime:
    """Return when a schedule that was due at `due` runs after the run, or the look, at `now`.

    Runs stay on the grid that the first one began: always `due` and a whole number of `every`,
    the first after `now`, so that however many were missed, only one is made up. But a time
    further ahead than one `every` can only come from a clock that was set back since; then the
    grid begins anew.
    """
    if due > now:
        return due if due - now <= every else now + every
    return due + ((now - due) // every + 1) * every
