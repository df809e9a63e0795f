from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.pause import LONGEST, granted, moment, retry_at

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "90"},
        {"retry-after": " 90.0 "},
        {"retry-after": format_datetime(LATER, usegmt=True)},
        {"ratelimit-reset": "90"},
        {"x-ratelimit-reset": str(int(LATER.timestamp()))},
        {"x-ratelimit-reset": LATER.isoformat()},
        {"x-ratelimit-reset": "2026-06-01T12:01:30.000Z"},
        {"x-rate-limit-reset": "90"},
        {"retry-after": "soon", "x-ratelimit-reset": "90"},
    ],
)
def test_every_known_form_is_read(headers: dict[str, str]) -> None:
    """Seconds, an HTTP date, seconds since 1970, and ISO 8601."""
    assert retry_at(headers, NOW) == LATER


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e400", "12:00"])
def test_nonsense_says_nothing(text: str) -> None:
    """A header that cannot be read is as good as none."""
    assert retry_at({"retry-after": text}, NOW) is None


@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_a_pause_is_never_past_and_never_endless(text: str) -> None:
    """Whatever a host writes, the next call is between now and two days from now."""
    at = moment(text, NOW)

    assert at is None or NOW <= at <= NOW + LONGEST


def test_the_calls_left_are_read() -> None:
    """The next worker waits until the host's window ends, without being refused first."""
    few = {"x-ratelimit-remaining": "2.0", "x-ratelimit-reset": "90"}

    assert granted(few, NOW) == (2, LATER)
    assert granted({"ratelimit-remaining": "0", "ratelimit-reset": "90"}, NOW) == (0, LATER)
    assert granted({"x-ratelimit-remaining": "2"}, NOW) is None
    assert granted({**few, "x-ratelimit-remaining": "many"}, NOW) is None
