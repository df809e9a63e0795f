"""Tasks and posts found by a text, in whatever case, on both databases."""

import pytest

from tasks.cursor import Window
from tasks.errors import ValidationFailed
from tasks.filter import TaskFilter
from tasks.principal import Principal
from tasks.query import QueryService
from tasks.service import TaskService
from tasks.work import WorkService
from tests.tasks.test_query import end, make, query, walk
from tests.tasks.test_service import Sample

__all__ = ["query"]


@pytest.mark.parametrize("search", ["PYTHON", "ünï", "50%_x", "mastodon.social/#"])
async def test_tasks_are_searched_in_any_case(
    query: QueryService, service: TaskService, principal: Principal, search: str
) -> None:
    """In the group as written and its name; the signs of SQL's patterns mean themselves."""
    wanted = await make(service, principal, 1, group_id="a:mastodon.social/#python")
    wanted += await make(
        service, principal, 1, group_name="ÜNÏCODE, PYTHON, 50%_x, mastodon.social/#"
    )
    await make(service, principal, 2, group_name="other 500x")
    where = TaskFilter(search=search)

    found = await walk(query, principal, size=1, where=where)

    assert found == [task.id for task in reversed(wanted) if where.matches(task)]
    assert wanted[1].id in found
    assert await query.count(principal, where) == len(found)


async def test_posts_are_searched_by_text_and_author(
    query: QueryService, service: TaskService, work: WorkService, principal: Principal
) -> None:
    """In any order, and page by page."""
    (task,) = await make(service, principal, 1)
    texts = ["Über uns", "nothing", "ÜBER", None]
    posts = [Sample(id=str(i), message=text, author=None) for i, text in enumerate(texts)]
    await end(work, [*posts, Sample(id="by", message=None, author="Hüber")])

    async def found(search: str, after: str | None = None) -> list[str]:
        window = Window(size=10, after=after)
        pages = await query.posts(principal, [task.id], window, search=search)
        return [post.post_id for post in pages[task.id].rows]

    assert await found("hÜBER") == ["by"]
    first = await query.posts(principal, [task.id], Window(size=1), search="üb")
    rest = await found("üb", after=first[task.id].cursors[0])
    assert [first[task.id].rows[0].post_id, *rest] == ["0", "2", "by"]


async def test_a_search_is_bounded(query: QueryService, principal: Principal) -> None:
    """What is too long, or no database can hold, is refused before the database."""
    with pytest.raises(ValidationFailed) as many:
        await query.tasks(principal, Window(size=1), where=TaskFilter(search="x" * 201))
    with pytest.raises(ValidationFailed):
        await query.posts(principal, [1], Window(size=1), search="\0")

    assert list(many.value.errors) == ["search"]
