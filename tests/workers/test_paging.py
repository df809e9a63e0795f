from datetime import UTC, datetime

from workers.paging import Seen, newest_first
from workers.source import SourcePost


def test_a_post_met_before_is_dropped_and_counted() -> None:
    """Within a page and from one page to the next."""
    seen = Seen()
    one, two, three = (SourcePost(id=number) for number in "123")

    first = seen.page([one, two, one], next_cursor="2", skipped={"repost": 4})
    second = seen.page([two, three], next_cursor=None)

    assert (first.posts, first.skipped) == ([one, two], {"repost": 4, "repeated": 1})
    assert (second.posts, second.skipped) == ([three], {"repeated": 1})


def test_posts_without_a_time_come_last() -> None:
    """And keep their order."""
    old = SourcePost(id="old", created_time=datetime(2026, 1, 1, tzinfo=UTC))
    new = SourcePost(id="new", created_time=datetime(2026, 2, 1, tzinfo=UTC))
    a, b = SourcePost(id="a"), SourcePost(id="b")

    assert newest_first([a, old, b, new]) == [new, old, a, b]
