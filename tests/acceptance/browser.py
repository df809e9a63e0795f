"""A real Chromium in front of a real process."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import missing

#: How long a page may take to show something, in milliseconds.
PATIENCE_MS = 15_000
#: The rules of WCAG 2.2 A and AA, and what axe calls good practice.
_AXE = """
async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map((node) => node.html + " " + node.failureSummary).join("; ")}`);
}
"""


@contextmanager
def chromium() -> Generator[Browser]:
    """Open the installed browser."""
    program = shutil.which("chromium")
    if program is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Reader:
    """A person at a page. Notes what the page should not have done."""

    def __init__(self, browser: Browser, address: str, **context: Any) -> None:
        self.address = address
        self.context = browser.new_context(base_url=address, **context)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._see(request.url))

    def sign_in(self, link: str) -> None:
        """Sign in by a one-time link."""
        self.page.goto(link)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/profile")

    def accessibility(self, axe: Path) -> list[str]:
        """Return what axe finds wrong with the page as it stands."""
        # Through the debugger, which the page's policy does not bind.
        self.page.evaluate(axe.read_text())
        found: list[str] = self.page.evaluate(_AXE)
        return found

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "the server responded with a status of 4" not in text:
            self.complaints.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.complaints.append(f"asked another host: {url}")
