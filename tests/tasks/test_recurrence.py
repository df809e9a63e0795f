"""The arithmetic of schedules, without clock or database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ValidationFailed
from tasks.recurrence import (
    LEAST_SECONDS,
    MOST_SECONDS,
    format_duration,
    next_run,
    parse_duration,
)
from tasks.validation import NewSchedule

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy makes them aware
spans = st.integers(LEAST_SECONDS, MOST_SECONDS).map(lambda seconds: timedelta(seconds=seconds))


@given(due=moments, every=spans, late=st.timedeltas(timedelta(), timedelta(days=4000)))
def test_missed_runs_are_made_up_once_and_the_grid_stays(
    due: datetime, every: timedelta, late: timedelta
) -> None:
    """After the one run comes the first time of the grid that lies ahead."""
    now = due + late

    found = next_run(due, every=every, now=now)

    assert now < found <= now + every
    assert (found - due) % every == timedelta()


@given(due=moments, now=moments, every=spans)
def test_the_next_run_is_never_further_than_once(
    due: datetime, now: datetime, every: timedelta
) -> None:
    """However the clock jumped, forwards or back, a schedule runs again within its time."""
    assert now < next_run(due, every=every, now=now) <= now + every


@given(due=moments, every=spans, jumps=st.lists(st.timedeltas(-timedelta(10), timedelta(10))))
def test_a_clock_that_jumps_makes_no_burst(
    due: datetime, every: timedelta, jumps: list[timedelta]
) -> None:
    """At each look there is at most one run, and after it none is due at the same time."""
    now = due
    for jump in jumps:
        now += jump
        if due <= now:
            due = next_run(due, every=every, now=now)
        assert due > now


@given(seconds=st.integers(0, MOST_SECONDS))
def test_a_duration_reads_as_it_was_written(seconds: int) -> None:
    """Every number of seconds has one text, which means it again; 0 is no duration to ask for."""
    text = format_duration(seconds)

    assert parse_duration(text) == seconds
    assert parse_duration(text.lower()) == seconds


@given(text=st.text(max_size=20) | st.from_regex(r"P[0-9WDTHMS]{0,12}", fullmatch=True))
def test_a_duration_is_read_or_refused_and_never_fails(text: str) -> None:
    """What is read is written in another way at most."""
    seconds = parse_duration(text)

    assert seconds is None or parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("PT15M", 900),
        ("P1D", 86_400),
        ("P2W", 1_209_600),
        ("P1DT12H", 129_600),
        ("pt90s", 90),
        (3600, 3600),
        ("3600", 3600),
        (60.0, 60),
    ],
)
def test_every_is_a_duration_or_seconds(written: object, seconds: int) -> None:
    """Both ways of writing it mean seconds."""
    parsed = NewSchedule.parse({"group_id": "x:y", "max_posts": 5, "every": written})

    assert (parsed.every, parsed.only_new) == (seconds, False)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("P1M", "must be a duration such as PT15M"),
        ("P1Y", "must be a duration"),
        ("PT", "must be a duration"),
        ("P", "must be a duration"),
        ("PT1.5H", "must be a duration"),
        ("hourly", "must be a duration"),
        (True, "must be a duration"),
        (90.5, "must be a duration"),
        (59, "at least one minute"),
        ("PT59S", "at least one minute"),
        (-60, "at least one minute"),
        ("P367D", "not be longer than 366 days"),
        (None, "is required"),
    ],
)
def test_what_is_no_every_is_a_sentence(written: object, sentence: str) -> None:
    """Months and years have no length; less than a minute is a burden on the platform."""
    with pytest.raises(ValidationFailed, match=sentence) as caught:
        NewSchedule.parse({"group_id": "x:y", "max_posts": 5, "every": written})

    assert list(caught.value.errors) == ["every"]
