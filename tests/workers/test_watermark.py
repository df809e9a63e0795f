"""Where a run that wants only what is new stops, in the face of pinned and deleted posts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.store.schedule import Former
from workers.source import SourcePost
from workers.watermark import KNOWN_IN_A_ROW, Watermark

START = datetime(2026, 1, 1, tzinfo=UTC)


def posts(*numbers: int) -> list[SourcePost]:
    """Return posts; a greater number is a younger post."""
    return [
        SourcePost(id=str(number), created_time=START + timedelta(minutes=number))
        for number in numbers
    ]


def mark(*known: int) -> Watermark:
    """Return the watermark of a run before which these were brought."""
    return Watermark(Former(frozenset(str(number) for number in known), None))


def ids(found: object) -> list[int]:
    """Return the numbers of posts."""
    assert isinstance(found, list)
    return [int(post.id) for post in found]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType] - posts


def test_without_former_runs_everything_is_wanted() -> None:
    """The first run of a schedule, and a run of none, read the whole."""
    for watermark in (Watermark(None), mark()):
        assert watermark.above(posts(3, 2, 1)) == (posts(3, 2, 1), 0)
        assert not watermark.met


def test_it_stops_behind_known_posts_in_a_row() -> None:
    """Older posts, which no run has wanted, are not collected now."""
    watermark = mark(*range(10, 20))

    fresh, known = watermark.above(posts(21, 20, *range(19, 9, -1), 9, 8))

    assert (ids(fresh), known) == ([21, 20], KNOWN_IN_A_ROW)
    assert watermark.met


def test_a_row_goes_on_over_pages() -> None:
    """Small pages make no difference."""
    watermark = mark(*range(10, 20))

    pages = [watermark.above(posts(*numbers)) for numbers in ((20, 19, 18), (17, 16), (15, 14))]

    assert [ids(fresh) for fresh, _ in pages] == [[20], [], []]
    assert watermark.met


def test_pinned_posts_on_top_do_not_stop_it() -> None:
    """They are known and old, and what is new stands below them."""
    watermark = mark(1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14)

    fresh, known = watermark.above(posts(1, 2, 3, 4, 5, 6, 7, 16, 15, 14, 13))

    assert (ids(fresh), known) == ([16, 15], 9)
    assert not watermark.met


def test_few_known_posts_are_enough_when_there_were_few() -> None:
    """A run that brought two posts is met at both."""
    watermark = mark(5, 6)

    fresh, _ = watermark.above(posts(7, 6, 5, 4, 3))

    assert ids(fresh) == [7]
    assert watermark.met


def test_posts_without_times_count_in_their_order() -> None:
    """A platform that tells no times is believed to yield the newest first."""
    watermark = Watermark(Former(frozenset({"a", "b"}), None))

    fresh, known = watermark.above([SourcePost(id=each) for each in ("n", "a", "b", "old")])

    assert ([post.id for post in fresh], known) == (["n"], 2)


@given(
    known=st.sets(st.integers(0, 60), min_size=1),
    new=st.lists(st.integers(100, 160), unique=True),
    pinned=st.lists(st.integers(0, 60), unique=True, max_size=4),
    size=st.integers(1, 7),
)
def test_no_new_post_is_ever_missed(
    known: set[int], new: list[int], pinned: list[int], size: int
) -> None:
    """Whatever is pinned or deleted, on the first page: all that is younger is brought."""
    top = [number for number in pinned if number in known]
    rest = [number for number in sorted(known, reverse=True) if number not in top]
    line = posts(*top, *sorted(new, reverse=True), *rest)
    first = len(top) + 1  # the pinned ones and one below them
    pages = [line[:first], *(line[i : i + size] for i in range(first, len(line), size))]
    watermark = mark(*known)

    found = [number for page in pages for number in ids(watermark.above(page)[0])]

    assert found == sorted(new, reverse=True)
