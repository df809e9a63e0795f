"""One task's page without scripts, the sources, the operator's page, and what all of them weigh."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import pytest

from tasks import models
from tasks.accounts import AccountService
from tasks.batch import Batch
from tasks.database import Database
from tasks.ingest import IngestService
from tasks.principal import Principal
from tasks.service import TaskService
from tests.api.pages.conftest import PASSWORD
from tests.api.pages.test_tasks import (
    OpenBrowser,
    backend,
    complete,
    make,
    owner,
    reader,
    service,
    sign_in,
)
from tests.browser import Browser

__all__ = ["backend", "owner", "reader", "service"]

#: What a page may weigh with all its files.
MOST = 100_000
HOSTILE = (
    '<script>window.ran = 1</script><img src=x onerror="window.ran=1">',
    "\u202egnirts desrever\u202c \u2066isolated\u2069",
    "x" * 65_000,
    "\u200b\u200d\ufeff",
    '=HYPERLINK("http://evil.example")',
    "Z" + "\u0310\u0325\u0332" * 300,
)


@pytest.fixture
def push(service: TaskService, owner: Principal, database: Database) -> Callable[..., Any]:
    """Return what makes a task of posts; each is given by its fields."""

    async def pushed(*posts: dict[str, Any], finish: bool = True) -> models.Task:
        task = await make(service, owner, group_id="push:mine", max_posts=500)
        values = {"posts": [{"id": f"p{i}", **post} for i, post in enumerate(posts)]}
        batch = Batch.parse({**values, "finish": finish})
        return (await IngestService(database).add(owner, task.id, batch)).task

    return pushed


def shown(browser: Browser) -> list[str]:
    """Name the posts on the page by their texts."""
    return [post.text() for post in browser.page.css('.posts [data-field="text"]')]


async def test_a_task_that_has_ended_says_how_in_words(
    reader: Browser, push: Callable[..., Any]
) -> None:
    """The receipt, an export that is complete, and what can be done next."""
    task = await push({"message": "Hello"})

    await reader.open(f"/tasks/{task.id}")

    assert "The program that sends the posts said that these are all: 1 post." in reader.text
    assert "Nothing that was asked for is missing." in reader.text
    assert "Export, complete:" in reader.text
    assert reader.one(f'a[href="/api/tasks/{task.id}/export?format=csv"]')
    assert reader.has_form(f"/tasks/{task.id}/reset")
    assert not reader.has_form(f"/tasks/{task.id}/cancel")


async def test_an_unfinished_task_says_that_its_export_is_partial(
    reader: Browser, push: Callable[..., Any]
) -> None:
    """Whoever takes it out now knows."""
    task = await push({"message": "Hello"}, finish=False)

    await reader.open(f"/tasks/{task.id}")

    assert "Export, partial so far:" in reader.text
    assert reader.has_form(f"/tasks/{task.id}/cancel")
    assert not reader.has_form(f"/tasks/{task.id}/reset")


async def test_posts_are_sorted_and_searched_by_the_address(
    reader: Browser, push: Callable[..., Any]
) -> None:
    """With their source's link, which tells the source nothing."""
    task = await push(
        {"message": "Peas", "likes": 1, "url": "https://example.org/peas"},
        {"message": "Beans", "likes": 9},
        {"message": "Green peas", "likes": 5},
    )

    await reader.open(f"/tasks/{task.id}?sort=likes")
    assert shown(reader) == ["Beans", "Green peas", "Peas"]
    await reader.open(f"/tasks/{task.id}?q=PEAS")
    assert shown(reader) == ["Peas", "Green peas"]
    link = reader.one('.posts a[data-field="url"]').attributes
    assert (link["href"], link["rel"]) == (
        "https://example.org/peas",
        "noopener noreferrer nofollow ugc",
    )
    await reader.open(f"/tasks/{task.id}?q=cars")
    assert "No post matches" in reader.text


async def test_posts_have_pages(reader: Browser, push: Callable[..., Any]) -> None:
    """Forth and back, in the same order."""
    task = await push(*({"message": f"Post {number}"} for number in range(25)))

    await reader.open(f"/tasks/{task.id}?q=post")
    first = shown(reader)
    await reader.open(reader.one('a[rel="next"]').attributes["href"] or "")

    assert first + shown(reader) == [f"Post {number}" for number in range(25)]
    assert reader.one('a[rel="prev"]')
    assert (await reader.open(f"/tasks/{task.id}?after=nonsense")).status_code == 400


async def test_charts_are_tables_first(reader: Browser, push: Callable[..., Any]) -> None:
    """What a chart shows can be read, and read aloud, without seeing it."""
    at = datetime(2026, 1, 31, 9, tzinfo=UTC).isoformat()
    task = await push(
        {"author": "Ada", "likes": 7, "created_time": at},
        {"author": "Ada", "likes": 0, "created_time": at},
        {},
    )

    await reader.open(f"/tasks/{task.id}")

    def table(name: str) -> list[list[str]]:
        rows = reader.page.css(f'[data-chart="{name}"] tbody tr')
        return [[cell.text().strip() for cell in row.css("th, td")] for row in rows]

    assert table("timeline") == [["31 Jan 2026, 09:00 UTC", "2"]]
    assert table("likes")[0] == ["0", "1"]
    assert table("likes")[-1] == ["5 to 9", "1"]
    assert table("authors") == [["Ada", "2", "7"]]


async def test_the_timeline_tells_what_happened(
    reader: Browser, service: TaskService, owner: Principal, database: Database
) -> None:
    """The latest first."""
    task = await make(service, owner)
    await complete(database)

    await reader.open(f"/tasks/{task.id}")

    kinds = [entry.attributes["data-kind"] for entry in reader.page.css(".events li")]
    assert kinds == ["completed", "started", "assigned", "created"]


async def test_a_task_is_cancelled_reset_resumed_and_deleted(
    reader: Browser, service: TaskService, owner: Principal
) -> None:
    """By forms alone; what its status no longer allows is said, and changes nothing."""
    task = await make(service, owner)
    path = f"/tasks/{task.id}"

    await reader.open(path)
    await reader.send(f"{path}/cancel")
    assert "The task is cancelled; its posts stay." in reader.text
    assert "It was cancelled." in reader.text
    await service.reset(owner, task.id)
    await reader.send(f"{path}/reset", how="resume")
    assert "must be completed or failed" in reader.text
    await service.cancel(owner, task.id)
    await reader.open(path)
    await reader.send(f"{path}/reset", how="resume")
    assert "The task goes on." in reader.text
    await reader.send(f"{path}/delete")

    assert reader.path == "/tasks"
    assert f"Task {task.id} is deleted." in reader.text
    assert (await reader.open(path)).status_code == 404


@pytest.mark.parametrize("task_id", ["0", "9" * 19, "9" * 400, "abc", "-1"])
async def test_a_task_that_cannot_be_is_not_found(reader: Browser, task_id: str) -> None:
    """Whatever stands in the address."""
    assert (await reader.open(f"/tasks/{task_id}")).status_code == 404


async def test_hostile_posts_stay_text(reader: Browser, push: Callable[..., Any]) -> None:
    """No element, link or attribute comes from a post, and none makes the page long."""
    task = await push(
        *({"message": text, "author": text[:250] or None} for text in HOSTILE),
        {"message": "link", "url": "http://example.org/\"onclick='x"},
    )

    await reader.open(f"/tasks/{task.id}")

    assert reader.page.css(".posts script, .posts img, .posts [onclick], .posts [onerror]") == []
    assert reader.page.css("script:not([src]), style, [style]") == []
    assert shown(reader)[0] == HOSTILE[0]
    assert len(shown(reader)[2]) == 600
    assert "64 400 more characters" in reader.text
    authors = [each.text() for each in reader.page.css('.posts [data-field="author"]')]
    assert authors[3] == "No name"
    assert all(each.tag == "bdi" for each in reader.page.css('.posts [data-field="author"]'))
    assert all(
        each.attributes["dir"] == "auto" for each in reader.page.css('.posts [data-field="text"]')
    )


async def test_sources_say_what_they_need(reader: Browser) -> None:
    """Which can be used, which setting another lacks, and how to try one."""
    await reader.open("/sources")

    feed = reader.one("#feed")
    assert "Ready" in feed.text()
    assert feed.css_first('a[href="/tasks?new=feed%3Ahttps%3A%2F%2Fexample.org%2Ffeed.xml"]')
    youtube = reader.one("#youtube").text()
    assert "Needs a setting" in youtube
    assert "SLUICE_YOUTUBE_API_KEY" in youtube


async def test_the_operators_page_is_for_administrators(
    open_browser: OpenBrowser,
    accounts: AccountService,
    reader: Browser,
    service: TaskService,
    owner: Principal,
) -> None:
    """Others neither see it nor find it among the pages."""
    await make(service, owner)
    admin = await accounts.create_user("root@example.org", password=PASSWORD, is_admin=True)
    browser = open_browser()
    await sign_in(browser, admin.email)

    assert (await reader.open("/operator")).status_code == 403
    assert reader.page.css_first('a[href="/operator"]') is None
    assert (await browser.open("/operator")).status_code == 200
    assert browser.one('[data-figure="ready"]').text() == "1"
    assert "No worker holds a task" in browser.text


@pytest.mark.parametrize("path", ["/tasks", "/tasks/1", "/sources", "/operator"])
async def test_each_page_weighs_less_than_100_kb_with_all_its_files(
    *,
    browser: Browser,
    accounts: AccountService,
    service: TaskService,
    push: Callable[..., Any],
    owner: Principal,
    path: str,
) -> None:
    """Packed, with the modules that its scripts import, also those that come later."""
    await push(*({"message": f"{number} " * 200, "author": "Ada"} for number in range(100)))
    for _ in range(25):
        await make(service, owner)
    email = "ada@example.org"
    if path == "/operator":
        email = "root@example.org"
        await accounts.create_user(email, password=PASSWORD, is_admin=True)
    await sign_in(browser, email)
    page = await browser.open(path)

    loaded: dict[str, int] = {path: await weight(browser, path)}
    wanted = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    while wanted:
        address = wanted.pop()
        if address in loaded:
            continue
        loaded[address] = await weight(browser, address)
        if address.endswith(".js") and "/vendor/" not in address:
            script = (await browser.client.get(address)).text
            imported = re.findall(r'(?:from|import) ?\(?"(\.[^"]+\.js)"', script)
            wanted += [urljoin(address, each) for each in imported]

    assert any("graphql-ws" in address for address in loaded)
    assert sum(loaded.values()) < MOST, loaded


async def weight(browser: Browser, address: str) -> int:
    """Return how many bytes an answer's body has on its way."""
    async with browser.client.stream("GET", address) as answer:
        assert answer.status_code == 200, address
        return len(b"".join([chunk async for chunk in answer.aiter_raw()]))
