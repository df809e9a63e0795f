"""The pages of tasks in a real browser: live, over lost connections, and before hostile posts."""

import csv
import io
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.browser import chromium
from tests.acceptance.conftest import Served, Start
from tests.acceptance.tabs import Tabs, atom_feed, violations

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

EMAIL: Final = "ada@example.org"
PASSWORD: Final = "correct horse battery"
MILLISECONDS: Final = 20_000
PHONE: Final[Any] = {"width": 390, "height": 844}
DESK: Final[Any] = {"width": 1280, "height": 800}

HOSTILE: Final = [
    {"message": "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"},
    {"message": "\u202e desrever \u2066 \u2067 never closed", "author": "\u202eadA"},
    {"message": "W" * 65_000, "author": "A" * 255},
    {"message": "\u200b\u200d\ufeff", "author": "\u200b"},
    {"message": '=HYPERLINK("http://evil.example","win")', "author": "@SUM(1)"},
    {"message": "Z" + "\u0310\u0325" * 2_000, "url": "http://example.org/'\"><b>"},
    {"message": "{{ 7 * 7 }} ${7*7} </bdi></li></ol></main>"},
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the browser."""
    with chromium() as running:
        yield running


@pytest.fixture
def run_served(start: Start, run: Callable[..., Any]) -> Callable[[], Served]:
    """Return what starts the product, the same again after its end."""
    port = "0"

    def begin() -> Served:
        nonlocal port
        served = Served(start("up", "--port", port, SLUICE_ALLOW_HOSTS="127.0.0.1"))
        if port == "0":
            made = run("user", "create", EMAIL, "--password", PASSWORD, "--admin")
            assert made.returncode == 0, made.stderr
        port = str(urlsplit(served.address).port)
        return served

    return begin


@pytest.fixture
def served(run_served: Callable[[], Served]) -> Served:
    """Return the running product."""
    return run_served()


@pytest.fixture
def open_reader(browser: Browser, served: Served) -> Iterator[Callable[..., Tabs]]:
    """Return what makes somebody who has signed in; all of them must have a clean record."""
    opened: list[Tabs] = []

    def make(**options: Any) -> Tabs:
        reader = Tabs(browser, served.address, **{"viewport": DESK, **options})
        opened.append(reader)
        reader.sign_in(EMAIL, PASSWORD)
        return reader

    yield make
    for reader in opened:
        reader.assert_clean()
        reader.close()


@pytest.fixture
def reader(open_reader: Callable[..., Tabs]) -> Tabs:
    """Return somebody at a desk."""
    return open_reader()


@pytest.fixture
def feed() -> Iterator[str]:
    """Serve a feed on loopback, and return its address."""
    with atom_feed() as address:
        yield address


def client_of(reader: Tabs) -> httpx2.Client:
    """Return a client with the reader's session."""
    cookies = {each.get("name", ""): each.get("value", "") for each in reader.context.cookies()}
    headers = {
        "Origin": reader.address,
        "Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items()),
    }
    return httpx2.Client(base_url=reader.address, headers=headers, trust_env=False, timeout=30)


def mutate(reader: Tabs, name: str, kind: str, **values: Any) -> dict[str, Any]:
    """Run a mutation with the reader's session, as another of their tabs would."""
    document = (
        f"mutation($input: {kind}!) {{ {name}(input: $input) "
        "{ task { id databaseId } userErrors { message } } }"
    )
    with client_of(reader) as client:
        answer = client.post(
            "/graphql", json={"query": document, "variables": {"input": values}}
        ).json()
    assert answer["data"][name]["userErrors"] == [], answer
    return answer["data"][name]["task"]


def create(reader: Tabs, group_id: str, **values: Any) -> dict[str, Any]:
    """Create a task elsewhere."""
    return mutate(
        reader, "createTask", "CreateTaskInput", groupId=group_id, **{"maxPosts": 100, **values}
    )


def stay(page: Page) -> Callable[[], None]:
    """Mark a page; returns what checks that it was not loaded anew."""
    page.evaluate("window.stayed = true")

    def check() -> None:
        assert page.evaluate("window.stayed") is True

    return check


def state(page: Page) -> Locator:
    """Return what says how the connection stands."""
    return page.locator("[data-live]")


def test_a_task_is_watched_over_a_restart_to_its_export(
    served: Served, run_served: Callable[[], Served], reader: Tabs
) -> None:
    """From the wish to the files, without a reload: the page outlasts the gateway."""
    page = reader.open("/tasks")
    page.get_by_label("What to read").fill("sandbox:slow")
    expect(page.locator("[data-resolved] .badge")).to_have_text("sandbox")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-preview]")).to_contain_text("sandbox · slow")
    page.get_by_role("button", name="Collect").click()
    page.wait_for_url(re.compile(r"/tasks/\d+$"))
    expect(state(page)).to_have_attribute("data-live", "live")
    check = stay(page)
    expect(page.locator(".events li[data-kind=progress]").first).to_be_visible(timeout=MILLISECONDS)

    served.process.signal(signal.SIGKILL)
    expect(state(page)).to_have_text("Connection lost. Reconnecting")
    run_served()
    expect(state(page)).to_have_text("Live", timeout=MILLISECONDS)
    # The killed worker's lease has to end first.
    expect(page.locator(".standing .badge").first).to_have_text("Completed", timeout=90_000)

    expect(state(page)).to_have_text("Up to date")
    expect(page.locator("[data-part=receipt]")).to_contain_text("Nothing that was asked for is")
    expect(page.locator("[data-field=count]").first).to_have_text("100")
    expect(page.locator(".posts > li")).to_have_count(20)
    told = page.locator(".events li").evaluate_all("all => all.map((li) => li.innerText)")
    assert len([each for each in told if each.startswith("Completed")]) == 1
    progress = [re.findall(r"\d+ of 100", each) for each in told if "Stored posts" in each]
    # The tenth page comes with the end.
    assert [each[0] for each in progress] == [f"{10 * n} of 100" for n in range(9, 0, -1)]
    assert_charts(page)
    check()
    assert_exports(page)


def assert_charts(page: Page) -> None:
    """Check that each chart is drawn, and says the same in its table."""
    for name, posts in (("timeline", 100), ("likes", 100), ("authors", 100)):
        figure = page.locator(f"[data-chart={name}]")
        expect(figure.locator("canvas")).to_be_visible()
        drawn = figure.locator("canvas").evaluate(
            "canvas => new Uint32Array(canvas.getContext('2d')"
            ".getImageData(0, 0, canvas.width, canvas.height).data.buffer).some(Boolean)"
        )
        assert drawn
        figure.locator("summary").click()
        # Charts are drawn anew at most every 1.5 seconds.
        page.wait_for_function(
            "([name, posts]) => [...document.querySelectorAll("
            "`[data-chart=${name}] tbody td:nth-child(2)`)]"
            ".reduce((sum, cell) => sum + Number(cell.textContent), 0) === posts",
            arg=[name, posts],
            timeout=MILLISECONDS,
        )


def assert_exports(page: Page) -> None:
    """Download both files by their links, and read them back."""
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"sluice-task-\d+\.csv", download.value.suggested_filename)
    text = download.value.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 100
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    *posts, last = map(orjson.loads, download.value.path().read_bytes().splitlines())
    assert [post["id"] for post in posts] == [row["id"] for row in rows]
    assert last["export"]["complete"] is True


def test_the_list_follows_a_feed_and_other_tabs(reader: Tabs, feed: str) -> None:
    """A task that another tab makes appears, completes and goes again, without a reload."""
    page = reader.open("/tasks")
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    expect(state(page)).to_have_text("Live")
    check = stay(page)

    task = create(reader, f"feed:{feed}", groupName="A real feed")
    row = page.locator(f'tr[data-task="{task["databaseId"]}"]')
    expect(row.locator(".badge")).to_have_text("Completed", timeout=MILLISECONDS)
    expect(row).to_contain_text("12 of 100 posts")
    expect(row.get_by_role("link")).to_have_text("A real feed")
    expect(page.locator("[data-total]")).to_have_text("1")
    waiting = create(reader, "push:mine")
    expect(page.locator("tbody tr").first).to_contain_text("Waits for you to send its posts")
    mutate(reader, "cancelTask", "CancelTaskInput", id=waiting["id"])
    expect(page.locator("tbody tr").first.locator(".badge")).to_have_text("Cancelled")
    with client_of(reader) as client:
        document = (
            "mutation($input: DeleteTaskInput!) { deleteTask(input: $input) { deletedTaskId } }"
        )
        client.post(
            "/graphql", json={"query": document, "variables": {"input": {"id": waiting["id"]}}}
        )
    expect(page.locator("tbody tr")).to_have_count(1)
    check()

    row.get_by_role("link").click()
    expect(page.locator(".posts > li").first).to_contain_text("Entry 0")
    link = page.locator(".posts a").first
    assert link.get_attribute("href") == "https://example.org/0"
    page.get_by_placeholder("Search texts and authors").fill("entry 11")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".posts > li")).to_have_count(1)
    assert "q=entry+11" in page.url


def test_a_filtered_list_takes_in_what_matches_alone(reader: Tabs) -> None:
    """The filter in the address holds for what comes later, too."""
    page = reader.open("/tasks?q=peas")
    expect(state(page)).to_have_text("Live")

    create(reader, "push:beans")
    create(reader, "push:green-PEAS")

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("green-PEAS")


def test_what_was_missed_without_a_network_is_caught_up(reader: Tabs) -> None:
    """Going offline is seen at once; back again, the list is as if nothing had been."""
    page = reader.open("/tasks")
    expect(state(page)).to_have_text("Live")

    reader.context.set_offline(True)
    expect(state(page)).to_have_text("Connection lost. Reconnecting")
    create(reader, "push:meanwhile")
    expect(page.locator("tbody tr")).to_have_count(0)
    reader.context.set_offline(False)

    expect(state(page)).to_have_text("Live", timeout=MILLISECONDS)
    expect(page.locator("tbody tr")).to_have_count(1)


def test_several_tasks_are_changed_by_keyboard(reader: Tabs) -> None:
    """Tick, tab, press; deleting asks first."""
    for _ in range(3):
        create(reader, "push:mine")
    page = reader.open("/tasks")
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()

    page.locator("#all").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-picked]")).to_have_text("3 ticked")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled 3 tasks.")).to_be_visible()
    page.locator('tbody input[type="checkbox"]').first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Delete", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Delete them")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Deleted 1 task.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_hostile_posts_run_nothing_and_stay_in_their_place(
    open_reader: Callable[..., Tabs],
) -> None:
    """On a phone, with and without a live change; the texts are what was sent."""
    reader = open_reader(viewport=PHONE)
    task = create(reader, "push:hostile", groupName="\u202e<b>evil</b>" + "N" * 200)
    page = reader.open(f"/tasks/{task['databaseId']}")
    expect(state(page)).to_have_text("Live")
    posts = [{"id": f"p{index}", **post} for index, post in enumerate(HOSTILE)]
    with client_of(reader) as client:
        document = "mutation($input: AddPostsInput!) { addPosts(input: $input) { added } }"
        values = {"id": task["id"], "posts": posts}
        sent = client.post("/graphql", json={"query": document, "variables": {"input": values}})
    assert sent.json()["data"]["addPosts"]["added"] == len(HOSTILE)

    expect(page.locator(".posts > li")).to_have_count(len(HOSTILE), timeout=MILLISECONDS)
    assert_tame(page)
    live = texts(page)
    page.reload()
    assert_tame(page)
    assert texts(page) == live
    assert live[0].startswith("<script>window.ran")
    listing = reader.open("/tasks")
    assert_tame(listing)


def texts(page: Page) -> list[str]:
    """Return the posts' texts as they are in the page."""
    return page.locator('.posts [data-field="text"]').evaluate_all(
        "all => all.map(e => e.textContent)"
    )


def assert_tame(page: Page) -> None:
    """Check that nothing ran, nothing is wider than the page, and nothing leaves its post."""
    assert page.evaluate("window.ran") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator(".posts :is(script, img, b, style)").count() == 0
    heights = page.locator(".posts > li").evaluate_all("all => all.map((e) => e.offsetHeight)")
    assert all(height < 500 for height in heights)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_reader: Callable[..., Tabs], axe: Path, scheme: str) -> None:
    """On every page, empty and full, and on a phone."""
    reader = open_reader(color_scheme=scheme, reduced_motion="reduce")
    empty = reader.open("/tasks")
    assert violations(empty, axe) == []
    done = create(reader, "sandbox:instant")["databaseId"]
    create(reader, "sandbox:not-found")
    create(reader, "push:mine")
    page = reader.open(f"/tasks/{done}")
    expect(page.locator(".standing .badge").first).to_have_text("Completed", timeout=MILLISECONDS)
    expect(page.locator("[data-chart=authors] canvas")).to_be_visible()

    for size in (DESK, PHONE):
        for path in ("/tasks", "/tasks?q=nothing", f"/tasks/{done}", "/sources", "/operator"):
            page.set_viewport_size(size)
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert violations(page, axe) == [], path


def test_the_operators_page_shows_what_goes_on(reader: Tabs) -> None:
    """Workers, queue and failures, as they change."""
    page = reader.open("/operator")
    expect(state(page)).to_have_text("Live")
    check = stay(page)

    create(reader, "sandbox:slow")
    create(reader, "sandbox:not-found")

    expect(page.locator("[data-workers] tbody tr")).to_have_count(1, timeout=MILLISECONDS)
    expect(page.locator("[data-failures]")).to_contain_text("SOURCE_NOT_FOUND")
    expect(page.locator('[data-figure="running"]')).to_have_text("1")
    expect(page.locator("[data-chart=throughput] canvas")).to_be_visible()
    check()
