"""Pictures of every page, light and dark, on a phone and on a desk: `make screenshots`.

Starts the embedded product on an empty directory, signs in by its one-time link, and leaves
`<page>-<colours>-<size>.png` in the folder that is named.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

SIZES: Final = {"phone": (390, 844), "desktop": (1280, 800)}
COLOURS: Final = ("light", "dark")
_ADDRESS: Final = re.compile(r"http://[^\s]+")

Prepare = Callable[[Page], None]


def _new_token(page: Page) -> None:
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Generate the token").click()


def _wrong_password(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password", exact=True).fill("not the right one")
    page.get_by_role("button", name="Sign in").click()


def _collect(page: Page) -> None:
    page.get_by_label("What to read").fill("sandbox:instant")
    page.get_by_role("button", name="Collect").click()
    page.get_by_text("Completed", exact=True).wait_for()
    page.locator("[data-chart=authors] canvas").wait_for()


def _type(page: Page) -> None:
    page.get_by_label("What to read").fill("mastodon.social/@Mastodon")
    page.locator("[data-resolved] .badge").wait_for()


def _revoke(page: Page) -> None:
    page.get_by_role("button", name="Revoke", exact=True).first.click()


#: Name, path, and what to do there. First what people see who have not signed in.
OUTSIDE: Final[tuple[tuple[str, str, Prepare | None], ...]] = (
    ("home", "/", None),
    ("sign-in", "/sign-in", None),
    ("sign-in-wrong", "/sign-in", _wrong_password),
    ("sign-up", "/sign-up", None),
    ("link-ended", "/sign-in/link?token=x", None),
    ("not-found", "/nowhere", None),
)
INSIDE: Final[tuple[tuple[str, str, Prepare | None], ...]] = (
    ("profile", "/profile", None),
    ("tokens", "/profile/tokens", None),
    ("token-new", "/profile/tokens/new", None),
    ("token-shown", "/profile/tokens/new", _new_token),
    ("token-revoke", "/profile/tokens", _revoke),
    ("sessions", "/profile/sessions", None),
    ("docs", "/docs", None),
    ("task", "/tasks", _collect),
    ("tasks", "/tasks", _type),
    ("tasks-none", "/tasks?q=nothing", None),
    ("sources", "/sources", None),
    ("operator", "/operator", None),
)


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with _served() as (address, link), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        state = _signed_in(browser, link)
        for colours in COLOURS:
            for size in SIZES:
                _take(browser, folder, address, colours=colours, size=size, state=state)
        browser.close()


def _take(
    browser: Browser, folder: Path, address: str, *, colours: str, size: str, state: Path
) -> None:
    width, height = SIZES[size]
    for pages, storage in ((OUTSIDE, None), (INSIDE, state)):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if colours == "dark" else "light",
            reduced_motion="reduce",
            storage_state=storage,
        )
        page = context.new_page()
        for name, path, prepare in pages:
            page.goto(address + path)
            if prepare is not None:
                prepare(page)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"{name}-{colours}-{size}.png", full_page=name != "docs")
        context.close()


def _signed_in(browser: Browser, link: str) -> Path:
    """Sign in by the link, and return the file with the cookies."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/profile")
    state = Path(tempfile.mkdtemp()) / "state.json"
    context.storage_state(path=state)
    context.close()
    return state


@contextmanager
def _served() -> Generator[tuple[str, str]]:
    """Start the product; yield its address and the link that signs its first user in."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "SLUICE_DATA_DIR": folder,
            "SLUICE_SIGN_UP": "true",
            "SLUICE_LOG_LEVEL": "error",
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(
            (sys.executable, "-m", "sluice", "up", "--port", "0"),
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            found: list[str] = []
            assert process.stdout is not None
            for line in process.stdout:
                found += _ADDRESS.findall(line)
                if len(found) > 1:
                    break
            yield found[0], found[1]
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
