from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ValidationFailed
from tasks.validation import Idempotency, Input, Listing, NewTask, SortBy, TaskChanges

VALID: dict[str, Any] = {"group_id": "sandbox:happy", "max_posts": 100}

#: Everything that a JSON document or a form can hold, and the halves of pairs GraphQL lets through.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("aé🐘9+-.\0\ud800 \t")
    | st.sampled_from(["", " ", "\0", "100", "-1", "+5", "1.5", "1e3", "\ud800", "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=5,
)


def errors_of(model: type[Input], values: dict[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with `values`."""
    with pytest.raises(ValidationFailed) as caught:
        model.parse(values)
    return caught.value.errors


def refusals_of(model: type[Input], values: dict[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with `values`, or nothing."""
    try:
        model.parse(values)
    except ValidationFailed as error:
        return error.errors
    return {}


def test_all_failing_fields_are_named_at_once() -> None:
    """One answer says everything that is wrong."""
    errors = errors_of(NewTask, {"group_name": 5, "max_posts": 0, "priority": "high"})

    assert errors == {
        "group_id": ["The group id field is required."],
        "group_name": ["The group name field must be a string."],
        "max_posts": ["The max posts field must be at least 1."],
        "priority": ["The priority field must be an integer."],
    }


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("group_id", None, "The group id field is required."),
        ("group_id", "", "The group id field is required."),
        ("group_id", " \t ", "The group id field is required."),
        ("group_id", True, "The group id field must be a string."),
        ("group_id", ["a"], "The group id field must be a string."),
        ("group_id", {"a": 1}, "The group id field must be a string."),
        ("group_id", 1e22, "The group id field must be a string."),
        ("group_id", "a\0b", "The group id field must not contain NUL characters."),
        ("group_id", "a\ud800", "The group id field must be valid Unicode text."),
        ("group_id", "x" * 2049, "The group id field must not be greater than 2048 characters."),
        ("group_name", 7, "The group name field must be a string."),
        ("group_name", "a\0b", "The group name field must not contain NUL characters."),
        ("group_name", "x" * 256, "The group name field must not be greater than 255 characters."),
        ("max_posts", None, "The max posts field is required."),
        ("max_posts", "", "The max posts field is required."),
        ("max_posts", 0, "The max posts field must be at least 1."),
        ("max_posts", "-3", "The max posts field must be at least 1."),
        ("max_posts", 501, "The max posts field must not be greater than 500."),
        ("max_posts", 1.5, "The max posts field must be an integer."),
        ("max_posts", "1.5", "The max posts field must be an integer."),
        ("max_posts", "1e2", "The max posts field must be an integer."),
        ("max_posts", "0x10", "The max posts field must be an integer."),
        ("max_posts", "\u0661", "The max posts field must be an integer."),
        ("max_posts", True, "The max posts field must be an integer."),
        ("max_posts", [100], "The max posts field must be an integer."),
        ("max_posts", {"n": 100}, "The max posts field must be an integer."),
        ("max_posts", "9" * 5000, "The max posts field must be an integer."),
        ("priority", 1.5, "The priority field must be an integer."),
        ("priority", False, "The priority field must be an integer."),
        ("priority", 2**31, "The priority field must not be greater than 2147483647."),
        ("priority", -(2**31) - 1, "The priority field must be at least -2147483648."),
        ("priority", float("nan"), "The priority field must be an integer."),
        ("priority", float("inf"), "The priority field must be an integer."),
    ],
)
def test_a_new_task_names_what_is_wrong(field: str, value: object, sentence: str) -> None:
    """Each rule has the original framework's sentence, and only the failing field is named."""
    errors = errors_of(NewTask, {**VALID, field: value})

    assert errors == {field: [sentence]}


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("group_id", 123456789, "123456789"),
        ("group_id", 2**64, "18446744073709551616"),
        ("group_id", 1.5, "1.5"),
        ("group_id", "  sandbox:happy ", "sandbox:happy"),
        ("group_id", "x" * 2048, "x" * 2048),
        ("group_name", None, None),
        ("group_name", "", None),
        ("group_name", "  Lập trình viên 🐘 ", "Lập trình viên 🐘"),
        ("max_posts", "100", 100),
        ("max_posts", " +100 ", 100),
        ("max_posts", 100.0, 100),
        ("max_posts", 1, 1),
        ("max_posts", 500, 500),
        ("priority", None, 0),
        ("priority", "", 0),
        ("priority", "-5", -5),
        ("priority", -(2**31), -(2**31)),
        ("priority", 2**31 - 1, 2**31 - 1),
    ],
)
def test_a_new_task_keeps_what_was_meant(field: str, value: object, kept: object) -> None:
    """Whole numbers may be text, identifiers may be numbers, blanks around a text do not count."""
    new = NewTask.parse({**VALID, field: value})

    assert getattr(new, field) == kept


def test_absent_fields_take_the_documented_defaults() -> None:
    """No name, and priority 0."""
    new = NewTask.parse(VALID)

    assert (new.group_name, new.priority) == (None, 0)


def test_unknown_and_server_owned_fields_are_ignored() -> None:
    """A client cannot set an id or a status, and is not refused for trying."""
    new = NewTask.parse({**VALID, "id": 7, "status": "completed", "user_id": 2, "colour": "red"})

    assert new == NewTask.parse(VALID)


def test_changes_hold_the_given_fields_alone() -> None:
    """What was not given is not changed."""
    assert TaskChanges.parse({"max_posts": "150", "group_id": "other"}).given() == {
        "max_posts": 150
    }
    assert TaskChanges.parse({}).given() == {}


def test_null_changes_clear_the_name_and_reset_the_priority() -> None:
    """Null is a value here, unlike in a new task."""
    changes = TaskChanges.parse({"group_name": None, "priority": None})

    assert changes.given() == {"group_name": None, "priority": 0}


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_null_max_posts_is_refused(nothing: object) -> None:
    """There is no task without a maximum."""
    errors = errors_of(TaskChanges, {"max_posts": nothing})

    assert errors == {"max_posts": ["The max posts field must be an integer."]}


def test_a_listing_has_the_documented_defaults() -> None:
    """All tasks, newest first, fifteen to a page."""
    listing = Listing.parse({})

    assert (listing.status, listing.sort_by, listing.descending) == (None, SortBy.CREATED_AT, True)
    assert (listing.per_page, listing.page, listing.offset) == (15, 1, 0)


def test_all_statuses_and_empty_parameters_mean_the_defaults() -> None:
    """`status=all` is documented; `page=` is what an empty form field sends."""
    listing = Listing.parse({"status": "all", "sort_by": "", "per_page": "", "page": ""})

    assert listing == Listing.parse({})


def test_a_listing_names_every_bad_parameter() -> None:
    """Bad parameters are refused, not silently replaced."""
    errors = errors_of(
        Listing,
        {"status": "done", "sort_by": "id", "sort_order": "up", "per_page": "101", "page": "0"},
    )

    assert errors == {
        "status": ["The selected status is invalid."],
        "sort_by": ["The selected sort by is invalid."],
        "sort_order": ["The selected sort order is invalid."],
        "per_page": ["The per page field must not be greater than 100."],
        "page": ["The page field must be at least 1."],
    }


def test_the_last_possible_page_is_a_64_bit_offset() -> None:
    """A page past the end is an empty list, not an overflow in the database."""
    assert Listing.parse({"page": str(2**53), "per_page": "100"}).offset < 2**63
    assert "page" in errors_of(Listing, {"page": str(2**53 + 1)})


@given(st.dictionaries(st.sampled_from(sorted(NewTask.model_fields)), VALUES))
def test_any_input_is_taken_or_refused_with_sentences(values: dict[str, Any]) -> None:
    """Nothing that JSON, a form or GraphQL can carry raises anything else."""
    for model in (NewTask, TaskChanges):
        refusals = refusals_of(model, values)

        assert set(refusals) <= set(model.model_fields)
        assert all(s.endswith(".") for sentences in refusals.values() for s in sentences)


def test_one_request_has_one_digest_whatever_its_key_order() -> None:
    """A client that serialises again does not become another request."""
    first = Idempotency.of("k", door="rest", body={"a": 1, "b": 2})
    again = Idempotency.of("k", door="rest", body={"b": 2, "a": 1})
    other = Idempotency.of("k", door="rest", body={"a": 1, "b": 3})

    assert first == again
    assert first != other


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schlüssel"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    """The key is stored, so it has a length and an alphabet."""
    with pytest.raises(ValidationFailed) as caught:
        Idempotency.of(key, door="rest", body={})

    assert list(caught.value.errors) == ["idempotency_key"]
