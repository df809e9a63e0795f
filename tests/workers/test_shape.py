from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import shape


class Thing(pydantic.BaseModel):
    """What a stranger sends."""

    id: shape.Identifier = "x"
    words: shape.Words = None
    count: shape.Count = None
    at: shape.Moment = None
    flag: shape.Flag = False
    inner: Annotated["Thing | None", shape.OPTIONAL] = None
    parts: Annotated[list["Thing"], shape.LISTED] = []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["words", "count", "at", "flag"], JSON)))
def test_what_is_optional_is_never_an_error(sent: dict[str, Any]) -> None:
    """Whatever its type: a post is not lost for a field that it can do without."""
    thing = Thing.model_validate(sent)

    assert thing.count is None or 0 <= thing.count < 2**31
    assert thing.at is None or thing.at.tzinfo is not None
    assert "\0" not in (thing.words or "")


@given(JSON)
def test_odd_parts_are_left_out(sent: Any) -> None:
    """What is no object or list of objects counts as absent."""
    thing = Thing.model_validate({"inner": sent, "parts": sent})

    assert isinstance(sent, dict) or thing.inner is None
    assert isinstance(sent, list) or thing.parts == []


@pytest.mark.parametrize("sent", [None, "", "a\nb", "\0", [], "x" * 1001, True, 1.5])
def test_an_id_is_required(sent: Any) -> None:
    """Without one a post cannot be told from others."""
    with pytest.raises(pydantic.ValidationError):
        Thing.model_validate({"id": sent})


def test_an_id_may_be_a_number() -> None:
    """Some platforms write 5, some "5"."""
    assert Thing.model_validate({"id": 5}).id == "5"


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-05-04T08:00:00Z", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T08:00:00.000+00:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T10:00:00+02:00", datetime(2026, 5, 4, 8, tzinfo=timezone(timedelta()))),
        ("2026-05-04T08:00:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("0000-00-00T00:00:00", None),
        ("yesterday", None),
        (1777881600, None),
    ],
)
def test_times_are_read_as_utc(written: Any, moment: datetime | None) -> None:
    """A time without a zone is UTC on every platform that leaves it out."""
    assert shape.moment(written) == moment


def test_texts_are_joined_without_the_blank_ones() -> None:
    """Titles and bodies may each be missing."""
    assert shape.paragraphs(["a", None, " ", "b"]) == "a\n\nb"
    assert shape.paragraphs([None, ""]) is None
    assert shape.first(None, " ", "x", "y") == "x"
