"""Killed anywhere, a run goes on where it stood: nothing lost, doubled or fetched again."""

import contextlib
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.acceptance.conftest import Served, Start

PAGES = 6
POSTS_A_PAGE = 4
SECONDS = 40.0


class PagedFeed:
    """An Atom feed of several pages (RFC 5005) on loopback, which counts what it served.

    `gate(n)` lets page n be answered; a page that is not let through yet is answered only when
    it is, so that a test can kill the reader exactly between two pages.
    """

    def __init__(self) -> None:
        self.served: Counter[int] = Counter()
        self.readers = 0  #: Counts the readers that were killed.
        self.asked = [threading.Event() for _ in range(PAGES)]
        self.open = [threading.Event() for _ in range(PAGES)]
        feed = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number = int(parse_qs(urlsplit(self.path).query).get("page", ["0"])[0])
                reader = feed.readers
                feed.asked[number].set()
                if not feed.open[number].wait(timeout=SECONDS) or reader != feed.readers:
                    return  # The test is over, or who asked was killed meanwhile.
                body = feed.page(number).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/atom+xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                feed.served[number] += 1

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, number: int) -> str:
        """Write one page, newest first."""
        following = (
            f'<link rel="next" href="http://{self.host}/?page={number + 1}"/>'
            if number + 1 < PAGES
            else ""
        )
        entries = "".join(
            f"<entry><id>urn:post:{index}</id><title>Post {index}</title>"
            f"<updated>2026-01-01T00:{59 - index:02}:00Z</updated></entry>"
            for index in range(number * POSTS_A_PAGE, (number + 1) * POSTS_A_PAGE)
        )
        head = "<title>Paged</title><id>urn:feed</id><updated>2026-01-01T01:00:00Z</updated>"
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{following}{entries}</feed>'

    def close(self) -> None:
        """Stop serving."""
        for gate in self.open:
            gate.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def feed() -> Iterator[PagedFeed]:
    """Serve a paged feed."""
    served = PagedFeed()
    yield served
    served.close()


def ended(client: httpx2.Client, task_id: int) -> dict[str, object]:
    """Wait until a task has ended and return it."""
    deadline = time.monotonic() + SECONDS
    while True:
        task = client.get(f"/api/tasks/{task_id}").json()["data"]
        if task["status"] in ("completed", "failed"):
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.05)


def create(client: httpx2.Client, group_id: str, *, max_posts: int) -> int:
    """Create a task."""
    answer = client.post("/api/tasks", json={"group_id": group_id, "max_posts": max_posts})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


def pages_stored(data_dir: Path, task_id: int) -> int:
    """Count the pages that the event log tells of so far."""
    with contextlib.closing(sqlite3.connect(data_dir / "sluice.db")) as connection:
        query = "SELECT count(*) FROM task_event WHERE task_id = ? AND type = 'progress'"
        return connection.execute(query, (task_id,)).fetchone()[0]


@pytest.mark.enable_socket
def test_a_kill_after_each_page_loses_doubles_and_refetches_nothing(
    start: Start, feed: PagedFeed
) -> None:
    """`kill -9` after each page of a paged feed; every page is served to a reader once."""
    settings = {
        "SLUICE_ALLOW_HOSTS": feed.host,
        # A page that was stored forgives the failure before it.
        "SLUICE_MAX_FAILURES": "2",
        "SLUICE_PORT": "0",
    }
    served = Served(start("up", **settings))
    token = served.token()
    task_id = 0
    for number in range(PAGES - 1):
        with served.client(token) as client:
            task_id = task_id or create(client, f"feed:http://{feed.host}/", max_posts=500)
            feed.open[number].set()
            # The next page is asked for once this one is stored.
            assert feed.asked[number + 1].wait(timeout=SECONDS)
        served.process.signal(signal.SIGKILL)
        feed.readers += 1
        feed.asked[number + 1].clear()
        served = Served(start("up", **settings))
    feed.open[PAGES - 1].set()

    with served.client(token) as client:
        task = ended(client, task_id)
        posts = client.get(f"/api/tasks/{task_id}/result").json()["posts"]

    assert task["status"] == "completed"
    ids = [post["id"] for post in posts]
    assert ids == [f"urn:post:{index}" for index in range(PAGES * POSTS_A_PAGE)]
    assert feed.served == dict.fromkeys(range(PAGES), 1)


@pytest.mark.enable_socket
def test_a_kill_after_each_page_of_the_sandbox_changes_nothing(
    start: Start, data_dir: Path
) -> None:
    """`sandbox:slow`, killed again and again, ends as a run that nobody disturbed."""
    settings = {"SLUICE_PORT": "0"}
    served = Served(start("up", **settings))
    token = served.token()
    with served.client(token) as client:
        task_id = create(client, "sandbox:slow", max_posts=60)
        undisturbed = create(client, "sandbox:slow", max_posts=60)
    for page in (1, 2, 3):
        deadline = time.monotonic() + SECONDS
        while pages_stored(data_dir, task_id) < page:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        served.process.signal(signal.SIGKILL)
        served = Served(start("up", **settings))

    with served.client(token) as client:
        results: list[list[dict[str, object]]] = []
        for each in (task_id, undisturbed):
            assert ended(client, each)["status"] == "completed"
            results.append(client.get(f"/api/tasks/{each}/result").json()["posts"])
    assert results[0] == results[1]
    assert len({post["id"] for post in results[0]}) == 60
