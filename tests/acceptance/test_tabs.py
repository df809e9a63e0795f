"""Two tabs of a real Chromium, one of which sleeps while the server is killed and comes back.

Each watches a task over the browser's own EventSource (with the session's cookie) and over
graphql-ws as it comes, and notes what it is told.
"""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.acceptance.conftest import Served, Start
from tests.acceptance.test_clients import CLIENTS
from tests.conftest import missing

pytestmark = pytest.mark.enable_socket

#: How long a tab may take to be told, in milliseconds.
PATIENCE_MS = 30_000
ARGUMENTS = [
    "--no-sandbox",
    # The page is the test's, so it has no address, and would be taken for one of the internet's.
    "--disable-features=LocalNetworkAccessChecks",
]
PAGE = """<!doctype html>
<title>Watching</title>
<script type="module">
  import { createClient } from "/tabs/client.js";

  const WATCH = `subscription($id: ID!, $since: BigInt) {
    taskUpdated(id: $id, since: $since) { seq type }
  }`;

  // EventSource reconnects by itself, with the id of the event that it has seen last.
  function watchEvents(number, told) {
    const events = new EventSource(`/api/tasks/${number}/events`);
    events.onmessage = ({ data }) => told.push(JSON.parse(data).seq);
  }

  // graphql-ws reconnects, too; an application says since when it wants to be told.
  async function watchSocket(id, token, told) {
    const url = location.origin.replace("http", "ws") + "/graphql";
    const connectionParams = { Authorization: `Bearer ${token}` };
    for (;;) {
      const client = createClient({ url, connectionParams, retryAttempts: 0 });
      const variables = { id, since: told.at(-1) };
      try {
        for await (const { data } of client.iterate({ query: WATCH, variables })) {
          told.push(data.taskUpdated.seq);
          if (data.taskUpdated.type === "COMPLETED") return;
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  window.told = { events: [], socket: [] };
  window.watch = (id, number, token) => {
    watchEvents(number, told.events);
    watchSocket(id, token, told.socket);
  };
</script>
"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Open the installed browser."""
    program = shutil.which("chromium")
    if program is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()


class Product:
    """The product, which can be killed and comes back at the same address."""

    def __init__(self, start: Start, run: Callable[..., Any]) -> None:
        self._start = start
        self._served = Served(start("up", "--port", "0"))
        self.address = self._served.address
        run("user", "create", "ada@example.org", "--password", "correct horse battery")
        made = run("token", "create", "--user", "ada@example.org", "--name", "tabs", "--quiet")
        self.token: str = made.stdout.strip()

    def restart(self) -> None:
        """Die, and serve again."""
        self._served.process.signal(signal.SIGKILL)
        port = str(urlsplit(self.address).port)
        self._served = Served(self._start("up", "--port", port))

    def create(self) -> tuple[str, int]:
        """Create a task that its client feeds; return its global id and its number."""
        query = """mutation($input: CreateTaskInput!) {
            createTask(input: $input) { task { id databaseId } } }"""
        task = self._ask(query, input={"groupId": "push:tabs", "maxPosts": 100})["createTask"]
        return task["task"]["id"], task["task"]["databaseId"]

    def feed(self, task: tuple[str, int], first: int, *, last: bool = False) -> int:
        """Send three batches of a post each, and perhaps the end; return the last event's `seq`."""
        number = task[1]
        with self._served.client(self.token) as client:
            for at in range(first, first + 3):
                body: dict[str, Any] = {"posts": [{"id": f"p{at}", "message": "text"}]}
                if last and at == first + 2:
                    body["finish"] = True
                answer = client.post(f"/api/tasks/{number}/posts", json=body)
                assert answer.is_success, answer.text
        query = "query($id: ID!) { task(id: $id) { events(last: 1) { nodes { seq } } } }"
        seq: int = self._ask(query, id=task[0])["task"]["events"]["nodes"][0]["seq"]
        return seq

    def _ask(self, query: str, **variables: Any) -> Any:
        with self._served.client(self.token) as client:
            answer = client.post("/graphql", json={"query": query, "variables": variables})
        return answer.json()["data"]


@pytest.fixture
def product(start: Start, run: Callable[..., Any]) -> Product:
    """Return the product."""
    return Product(start, run)


@pytest.fixture
def graphql_ws(node: str) -> Path:
    """Return graphql-ws as browsers load it."""
    del node  # Its packages are what is wanted.
    package = CLIENTS / "node_modules" / "graphql-ws" / "dist"
    if not (package / "client.js").exists():
        missing("graphql-ws")
    return package


@pytest.fixture
def context(browser: Browser, product: Product, graphql_ws: Path) -> BrowserContext:
    """Return a browser that is signed in, and finds a page of ours beside the product's."""
    context = browser.new_context(base_url=product.address)

    def answer(route: Any) -> None:
        url: str = route.request.url
        name = url.rpartition("/")[2]
        if name == "page":
            route.fulfill(content_type="text/html", body=PAGE)
        else:
            route.fulfill(content_type="text/javascript", body=(graphql_ws / name).read_text())

    context.route("**/tabs/*", answer)
    return context


def watching(context: BrowserContext, product: Product, task: tuple[str, int]) -> Page:
    """Return a tab that watches a task."""
    page = context.new_page()
    page.goto("/tabs/page")
    page.evaluate(
        """async (given) => {
            const body = JSON.stringify(given);
            const headers = { "content-type": "application/json" };
            const answer = await fetch("/session", { method: "POST", headers, body });
            if (!answer.ok) throw new Error(await answer.text());
        }""",
        {"email": "ada@example.org", "password": "correct horse battery"},
    )
    page.wait_for_function("() => window.watch !== undefined")
    page.evaluate("(given) => watch(...given)", [*task, product.token])
    return page


def told(page: Page, seq: int) -> None:
    """Wait until a tab was told, over both, of everything up to `seq`."""
    page.wait_for_function(
        "(seq) => told.events.at(-1) >= seq && told.socket.at(-1) >= seq",
        arg=seq,
        timeout=PATIENCE_MS,
    )


def test_a_tab_that_sleeps_misses_nothing(context: BrowserContext, product: Product) -> None:
    """Every event once and in order, through a server that dies while the tab is suspended."""
    task = product.create()
    awake, asleep = watching(context, product, task), watching(context, product, task)
    seq = product.feed(task, 1)
    told(awake, seq)
    told(asleep, seq)
    lifecycle: Any = context.new_cdp_session(asleep)  # whose messages are of any shape
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})

    product.feed(task, 4)
    product.restart()
    told(awake, product.feed(task, 7))
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})
    last = product.feed(task, 10, last=True)

    for tab in (awake, asleep):
        told(tab, last)
        every = list(range(1, last + 1))
        assert tab.evaluate("told") == {"events": every, "socket": every}
