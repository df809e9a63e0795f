"""Somebody with several pages open, what pages do there that they should not, and a feed."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request

#: Written into the console for whatever a policy has refused, also in frames and workers.
_REPORT_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
#: The rules of WCAG 2.2 A and AA, and what axe calls good practice.
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Tabs:
    """Somebody's pages, in a browser of their own, in which everything suspicious is noted."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=address, **options)
        self.context.add_init_script(_REPORT_VIOLATIONS)
        self.context.on("request", self._asked)
        self.context.on("weberror", lambda each: self.complaints.append(f"script: {each.error}"))
        self.context.on("console", lambda said: self._said(said.text))

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as a person does."""
        page = self.context.new_page()
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.close()

    def open(self, path: str) -> Page:
        """Open a page."""
        page = self.context.new_page()
        # A socket is no request to Playwright.
        page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))
        page.goto(path)
        return page

    def assert_clean(self) -> None:
        """Check that no other host was asked, no policy was broken, and no script failed."""
        assert self.hosts == {urlsplit(self.address).netloc}
        assert self.complaints == []

    def close(self) -> None:
        """Close all pages."""
        self.context.close()

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.netloc)

    def _said(self, text: str) -> None:
        if text.startswith("policy: ") or "Content Security Policy" in text:
            self.complaints.append(text)


def violations(page: Page, axe: Path) -> list[str]:
    """Return what axe-core finds wrong with a page."""
    # Through the debugger, which the page's policy does not bind.
    page.evaluate(axe.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", _RULES
    )
    return [
        f"{each['id']}: {each['help']} {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@contextmanager
def atom_feed() -> Generator[str]:
    """Serve a feed of 12 entries on loopback, and yield its address."""
    entries = "".join(
        f"<entry><id>urn:post:{index}</id><title>Entry {index}</title>"
        f'<link href="https://example.org/{index}"/><author><name>Grace</name></author>'
        f"<updated>2026-01-01T00:{59 - index:02}:00Z</updated></entry>"
        for index in range(12)
    )
    body = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>A feed</title><id>urn:feed</id>'
        f"<updated>2026-01-01T01:00:00Z</updated>{entries}</feed>"
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/atom+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/feed.xml"
    server.shutdown()
    server.server_close()
    thread.join()
