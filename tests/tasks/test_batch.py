"""What a batch of posts may hold, and what is said of one that does not."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.batch import MAX_BATCH, MAX_MESSAGE, Batch
from tasks.errors import ValidationFailed


def errors(sent: Any) -> dict[str, list[str]]:
    """Return what is wrong with a batch."""
    with pytest.raises(ValidationFailed) as caught:
        Batch.parse(sent)
    return {name: list(sentences) for name, sentences in caught.value.errors.items()}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "The posts field is required."),
        ({"posts": None, "finish": False}, "The posts field is required."),
        ({"posts": []}, "The posts field must have at least 1 item."),
        ({"posts": "a"}, "The posts field must be an array."),
        ({"posts": {"id": "a"}}, "The posts field must be an array."),
        (
            {"posts": [{"id": "a"}] * (MAX_BATCH + 1)},
            "The posts field must not have more than 500 items.",
        ),
    ],
)
def test_a_batch_holds_from_1_to_500_posts(sent: Any, sentence: str) -> None:
    """What is none says what one is."""
    assert errors(sent) == {"posts": [sentence]}


def test_a_batch_that_finishes_may_be_empty() -> None:
    """Whoever has sent everything already has only that to say."""
    nothings: list[dict[str, Any]] = [{}, {"posts": None}, {"posts": []}]
    for nothing in nothings:
        batch = Batch.parse({"finish": True, **nothing})

        assert (list(batch.posts), batch.finish) == ([], True)


def test_every_failing_field_of_every_post_is_named() -> None:
    """One answer is enough to put all of it right."""
    sent = {
        "finish": "yes",
        "posts": [
            {"id": "a"},
            {"message": "no id"},
            "text",
            {"id": "b\n", "created_time": "2024-01-01T09:00:00", "likes": -1},
            {"id": "c", "url": "javascript:alert(1)", "shares": "many", "message": "\0"},
            {"id": "d", "created_time": "yesterday", "comments": 1.5, "author": ["x"]},
            {"id": "e", "created_time": "0001-01-01T00:00:00+14:00", "message": "\ud800"},
        ],
    }

    zone = "The created time field must be a time with its zone, such as 2024-01-01T09:00:00Z."
    assert errors(sent) == {
        "finish": ["The finish field must be true or false."],
        "posts.1.id": ["The id field is required."],
        "posts.2": ["A post must be an object."],
        "posts.3.created_time": [zone],
        "posts.3.likes": ["The likes field must be at least 0."],
        "posts.4.url": ["The url field must be an address that begins with http:// or https://."],
        "posts.4.shares": ["The shares field must be an integer."],
        "posts.4.message": ["The message field must not contain NUL characters."],
        "posts.5.created_time": [zone],
        "posts.5.comments": ["The comments field must be an integer."],
        "posts.5.author": ["The author field must be a string."],
        "posts.6.created_time": [zone],
        "posts.6.message": ["The message field must be valid Unicode text."],
    }


def test_what_is_absent_null_or_empty_is_unknown() -> None:
    """Unknown is never 0, and an id may come as a number."""
    sent = [{"id": 7, "likes": None, "message": " ", "author": ""}, {"id": "8", "likes": 0}]
    first, second = Batch.parse({"posts": sent}).posts

    assert first.model_dump() == {
        "id": "7",
        **dict.fromkeys(
            ("message", "author", "url", "created_time", "likes", "comments", "shares")
        ),
    }
    assert second.likes == 0


def test_times_are_kept_in_utc() -> None:
    """Whatever zone they were written in; GraphQL gives times, not texts."""
    moment = datetime(2024, 1, 1, 9, tzinfo=UTC)
    sent = [{"id": "a", "created_time": "2024-01-01T10:00:00+01:00"}]
    given_time = [{"id": "a", "created_time": moment}]

    assert Batch.parse({"posts": sent}).posts[0].created_time == moment
    assert (
        Batch.parse({"posts": sent}).canonical() == Batch.parse({"posts": given_time}).canonical()
    )


def test_the_longest_post_fits_into_a_request() -> None:
    """A body has at most 1 MiB, also where every character of the post is written escaped."""
    message = "\U0001f600" * MAX_MESSAGE
    escaped = message.encode("utf-16-be").hex(" ", 2)

    assert len(Batch.parse({"posts": [{"id": "a", "message": message}]}).posts) == 1
    assert len(escaped.split(" ")) * len(r"\ud83d") < 1024 * 1024


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
)
FIELDS = ("id", "message", "author", "url", "created_time", "likes", "comments", "shares")
POSTS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | VALUES, max_size=3)


@given(posts=POSTS | VALUES, finish=VALUES)
def test_anything_is_either_a_batch_or_refused(posts: Any, finish: Any) -> None:
    """Nothing that JSON can say breaks the reader, and what is read can be stored."""
    said: list[str] = []
    try:
        orjson.dumps(Batch.parse({"posts": posts, "finish": finish}).canonical())
    except ValidationFailed as error:
        said = [sentence for sentences in error.errors.values() for sentence in sentences]

    assert all(sentence.endswith(".") for sentence in said)
