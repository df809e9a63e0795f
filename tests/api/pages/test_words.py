"""What codes are called for people."""

import pytest

from api.pages import words
from tasks.models import EventType, StopReason, TaskStatus
from tasks.query import LINE_COUNTED, Wait, WaitReason
from tasks.statistics import Band


def test_every_code_has_words() -> None:
    """A new status, event, reason to stop or to wait cannot be forgotten."""
    assert set(words.WORDS["status"]) == {*TaskStatus, "cancelled", "partial"}
    assert set(words.WORDS["event"]) == set(EventType)
    assert set(words.WORDS["receipt"]) == set(StopReason)
    assert set(words.WORDS["waiting"]) == set(WaitReason)


@pytest.mark.parametrize("reason", list(StopReason))
def test_each_receipt_can_be_filled_in(reason: StopReason) -> None:
    """Its sentence asks for nothing that there is not."""
    sentence = words.WORDS["receipt"][reason]

    assert "{" not in sentence.format(requested=2, posts="1 post", pages="1 page")


def test_a_place_in_line_is_told() -> None:
    """Also where counting stopped."""
    assert words.waiting(Wait(WaitReason.QUEUED)) == "In line"
    assert words.waiting(Wait(WaitReason.QUEUED, ahead=3)) == "In line, 3 of yours before it"
    assert "1000+ of yours" in words.waiting(Wait(WaitReason.QUEUED, ahead=LINE_COUNTED))


def test_names_that_cannot_be_seen_are_none() -> None:
    """Whatever they are made of."""
    for unseen in (None, "", "\u200b\u200d", " \u3000\t", "\u202e", "\u0301"):
        assert words.visible(unseen, "No name") == "No name"
    assert words.visible("\u200bAda", "No name") == "\u200bAda"
    assert words.plain("\u202eevil\u0007 name") == "evil name"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.org/", True),
        ("HTTP://example.org/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        (None, False),
    ],
)
def test_only_the_webs_addresses_become_links(url: str | None, *, found: bool) -> None:
    """A link must not run anything."""
    assert words.web_address(url) == (url if found else None)


def test_bands_and_spans_are_named() -> None:
    """As people say them."""
    bands = [Band(None, -1, 1), Band(0, 0, 1), Band(5, 9, 1), Band(100, None, 1)]

    assert [words.band(each) for each in bands] == ["below 0", "0", "5 to 9", "100 or more"]
    assert [words.span(each) for each in (60, 300, 3_600, 172_800, 90)] == [
        "minute",
        "5 minutes",
        "hour",
        "2 days",
        "90 seconds",
    ]
