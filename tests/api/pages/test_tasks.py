"""The list of tasks without scripts: filters, pages, new tasks, and several at once."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tasks import models
from tasks.claim import Checkpoint, Limits
from tasks.database import Database
from tasks.models import CursorState, StopReason
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.validation import NewTask
from tasks.work import WorkService
from tests.api.pages.conftest import PASSWORD
from tests.browser import Browser
from tests.conftest import AnyTarget, principal_of

OpenBrowser = Callable[..., Browser]


@pytest.fixture
def backend() -> str:
    """Stay on SQLite: the services are tested on both."""
    return "sqlite"


@pytest.fixture
def service(database: Database) -> TaskService:
    """Return the service, beside the application's own."""
    return TaskService(database, catalogue=AnyTarget(), waker=Sleeper())


@pytest.fixture
def owner(ada: models.User) -> Principal:
    """Return the user who signs in."""
    return principal_of(ada)


@pytest.fixture
async def reader(browser: Browser, ada: models.User) -> Browser:
    """Return a browser in which the user has signed in."""
    await sign_in(browser, ada.email)
    return browser


async def sign_in(browser: Browser, email: str) -> None:
    """Sign in as a program does."""
    answer = await browser.client.post(
        "/session",
        json={"email": email, "password": PASSWORD},
        headers={"origin": str(browser.client.base_url).rstrip("/")},
    )
    assert answer.status_code == 200, answer.text


async def make(service: TaskService, owner: Principal, **values: Any) -> models.Task:
    """Create a task."""
    wish = {"group_id": "sandbox:happy", "max_posts": 10, **values}
    return await service.create(owner, NewTask.parse(wish))


async def complete(database: Database) -> None:
    """Complete the next task, without posts."""
    work = WorkService(database, waker=Sleeper(), limits=Limits())
    claim = await work.claim("w")
    assert claim is not None
    await work.start(claim)
    receipt = Receipt(requested=10).ended(StopReason.END_OF_SOURCE)
    checkpoint = Checkpoint(
        cursor_state=CursorState.EXHAUSTED, cursor=None, posts_count=0, receipt=receipt
    )
    await work.complete(claim, checkpoint, [], StopReason.END_OF_SOURCE)


def listed(browser: Browser) -> list[str]:
    """Name the tasks on the page."""
    return [row.text() for row in browser.page.css('tbody tr[data-task] [data-field="name"]')]


async def test_who_has_not_signed_in_is_sent_to_do_so(browser: Browser) -> None:
    """And comes back to the page that they wanted."""
    answer = await browser.client.get("/tasks?status=failed")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Ftasks%3Fstatus%3Dfailed"


async def test_without_tasks_the_page_says_how_to_begin(reader: Browser) -> None:
    """An empty table would say nothing."""
    await reader.open("/tasks")

    assert "No tasks yet" in reader.text
    assert reader.one('a[href="/tasks?new=sandbox%3Aslow"]')
    await reader.open("/tasks?new=sandbox%3Aslow")
    assert reader.one("#group_id").attributes["value"] == "sandbox:slow"


async def test_the_list_says_where_each_task_stands(
    reader: Browser, service: TaskService, owner: Principal, database: Database
) -> None:
    """Newest first: its name, its status in words, why it waits, and how far it has got."""
    await make(service, owner, group_name="First", max_posts=40)
    await complete(database)
    await make(service, owner, group_id="push:mine")

    await reader.open("/tasks")

    assert listed(reader) == ["mine", "First"]
    assert "Waits for you to send its posts" in reader.text
    assert "Completed" in reader.text
    assert [bar.attributes["value"] for bar in reader.page.css("tr[data-task] progress")] == [
        "0",
        "100",
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Gamma", "Beta", "Alpha"]),
        ("order=oldest", ["Alpha", "Beta", "Gamma"]),
        ("order=priority", ["Beta", "Gamma", "Alpha"]),
        ("q=ALPH", ["Alpha"]),
        ("status=completed", ["Alpha"]),
        ("status=open", ["Gamma", "Beta"]),
        ("platform=push", ["Gamma"]),
        ("q=%00&status=nonsense&order=nonsense&platform=", ["Gamma", "Beta", "Alpha"]),
        ("q=nothing", []),
    ],
)
async def test_the_address_says_what_is_listed(
    *,
    reader: Browser,
    service: TaskService,
    owner: Principal,
    database: Database,
    query: str,
    expected: list[str],
) -> None:
    """Filters, search and order can be kept as a bookmark, and what is no filter is none."""
    await make(service, owner, group_name="Alpha")
    await complete(database)
    await make(service, owner, group_name="Beta", priority=5)
    await make(service, owner, group_name="Gamma", group_id="push:mine")

    await reader.open(f"/tasks?{query}")

    assert listed(reader) == expected
    if not expected:
        assert "No task matches" in reader.text


async def test_pages_follow_one_another(
    reader: Browser, service: TaskService, owner: Principal
) -> None:
    """Forth and back, with the same filter."""
    for number in range(30):
        await make(service, owner, group_name=f"Task {number}")
    await make(service, owner, group_name="Other")

    await reader.open("/tasks?q=task")
    first = listed(reader)
    await reader.open(reader.one('a[rel="next"]').attributes["href"] or "")
    second = listed(reader)
    assert reader.page.css_first('a[rel="next"]') is None
    await reader.open(reader.one('a[rel="prev"]').attributes["href"] or "")

    assert first + second == [f"Task {number}" for number in reversed(range(30))]
    assert listed(reader) == first
    assert (await reader.open("/tasks?after=nonsense")).status_code == 400


async def test_a_task_is_created_and_shown(reader: Browser, service: TaskService) -> None:
    """The form leads to the task's own page."""
    await reader.open("/tasks")
    await reader.send(
        "/tasks", group_id="sandbox:happy", max_posts="25", group_name="Mine", step="create"
    )

    assert reader.path == "/tasks/1"
    assert "The task is in line." in reader.text
    assert "0 of 25 posts" in reader.text
    del service


async def test_the_same_form_twice_makes_one_task(reader: Browser) -> None:
    """As when somebody goes back, or the answer got lost."""
    await reader.open("/tasks")
    form = reader.form("/tasks")
    values: Mapping[str, str] = {
        field.attributes["name"] or "": field.attributes.get("value") or ""
        for field in form.css("input[name]")
    }
    sent = {**values, "group_id": "sandbox:happy", "step": "create"}
    origin = {"origin": "http://example.com"}

    answers = [
        (await reader.client.post("/tasks", data=sent, headers=origin)).headers["location"]
        for _ in range(2)
    ]

    assert answers == ["/tasks/1", "/tasks/1"]


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({"group_id": "mastodn:x"}, "group_id", "did you mean mastodon"),
        ({"group_id": "https://nowhere.example/x y"}, "group_id", ""),
        ({"group_id": "sandbox:happy", "max_posts": "501"}, "max_posts", "500"),
        ({"group_id": "sandbox:happy", "priority": "high"}, "priority", ""),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    reader: Browser, fields: dict[str, str], name: str, said: str
) -> None:
    """And what was written is still there."""
    await reader.open("/tasks")
    answer = await reader.send("/tasks", **fields, step="create")

    assert answer.status_code == 422
    field = reader.one(f"#{name}")
    assert field.attributes["aria-invalid"] == "true"
    assert f"{name}-error" in (field.attributes["aria-describedby"] or "")
    assert said in reader.one(f"#{name}-error").text()
    assert reader.one("#group_id").attributes["value"] == fields["group_id"]


async def test_a_task_is_previewed_before_it_is_created(
    reader: Browser, service: TaskService, owner: Principal
) -> None:
    """The preview creates nothing, and the form can then be sent as it is."""
    await reader.open("/tasks")
    await reader.send("/tasks", group_id="sandbox:happy", step="preview")

    assert "sandbox · happy" in reader.text
    assert "No tasks yet" in reader.text
    await reader.send("/tasks", step="create")
    assert (await service.get(owner, 1)).target == "happy"


async def test_several_tasks_are_changed_at_once(
    reader: Browser, service: TaskService, owner: Principal, database: Database
) -> None:
    """Those whose status does not allow it are left out, which is said."""
    await make(service, owner)
    await complete(database)
    await make(service, owner)
    await make(service, owner)

    await reader.open("/tasks?status=")
    await reader.send("/tasks/selected", task=["1", "2", "3"], do="cancel")
    assert "Cancelled 2 tasks. Left out 1 task whose status does not allow it." in reader.text
    await reader.send("/tasks/selected", task=["1"], do="reset")
    assert (await service.get(owner, 1)).status == "pending"
    await reader.send("/tasks/selected", task=["1", "2"], do="delete")

    assert "Deleted 2 tasks." in reader.text
    assert len(listed(reader)) == 1


async def test_the_list_comes_back_as_it_was(
    reader: Browser, service: TaskService, owner: Principal
) -> None:
    """After a change of several, the filter is still there."""
    await make(service, owner)

    await reader.open("/tasks?q=happy&order=oldest")
    await reader.send("/tasks/selected", task=["1"], do="cancel")

    assert reader.path == "/tasks?q=happy&order=oldest"


async def test_nothing_ticked_changes_nothing(
    reader: Browser, service: TaskService, owner: Principal
) -> None:
    """Which is said, too."""
    await make(service, owner)

    await reader.open("/tasks")
    await reader.send("/tasks/selected", task=[], do="delete")

    assert "Tick tasks first." in reader.text
    assert len(listed(reader)) == 1


async def test_nobody_changes_other_peoples_tasks(
    open_browser: OpenBrowser, accounts: Any, service: TaskService, owner: Principal
) -> None:
    """Neither sees them, nor by naming them in the form."""
    await make(service, owner)
    eve = await accounts.create_user("eve@example.org", password=PASSWORD)
    await make(service, principal_of(eve))
    browser = open_browser()
    await sign_in(browser, eve.email)

    await browser.open("/tasks")
    assert len(listed(browser)) == 1
    answer = await browser.send("/tasks/selected", task=["1"], do="delete")
    shown = await browser.open("/tasks/1")

    assert (answer.status_code, shown.status_code) == (403, 403)
    assert (await service.get(owner, 1)).status == "pending"
