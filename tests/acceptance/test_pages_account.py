"""The account's pages as a person meets them: a real browser, a real process, real curl."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.browser import Reader, chromium
from tests.acceptance.conftest import Served, Start
from tests.conftest import missing

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PASSWORD = "correct horse battery"
LINK = re.compile(r"http://\S+/sign-in/link\?token=\S+")
SECRET = re.compile(r"slc_[\w-]{43}")
PAGES = {
    "outside": ["/", "/sign-in", "/sign-up", "/sign-in/link?token=x", "/docs", "/nowhere"],
    "inside": ["/profile", "/profile/tokens", "/profile/tokens/new", "/profile/sessions", "/docs"],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the browser."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def served(start: Start) -> Served:
    """Return a server on which anybody may make an account."""
    return Served(start("up", "--port", "0", SLUICE_SIGN_UP="true"))


def link_of(served: Served) -> str:
    """Return the link that the first start prints."""
    found = LINK.search(served.process.line_with("/sign-in/link"))
    assert found is not None
    return found[0]


def curl(*arguments: str) -> str:
    """Call curl, and return the status."""
    program = shutil.which("curl")
    if program is None:
        missing("curl")
    ended = subprocess.run(  # noqa: S603 - our own words
        (program, "-s", "-o", "/dev/null", "-w", "%{http_code}", *arguments),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return ended.stdout


def test_from_an_account_to_a_revoked_token(browser: Browser, served: Served) -> None:
    """Sign up, generate a token, use it with curl, revoke it, and see the API refuse it."""
    reader = Reader(browser, served.address)
    page = reader.page
    page.goto("/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("link", name="API Tokens").click()
    page.get_by_role("link", name="Generate New Token").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Generate the token").click()
    token = SECRET.search(page.get_by_label("Your token").inner_text())
    assert token is not None
    call = (f"{served.address}/api/tasks", "-H", f"Authorization: Bearer {token[0]}")
    before = curl(*call)

    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("The token laptop is revoked.")).to_be_visible()

    assert (before, curl(*call)) == ("200", "401")
    assert reader.complaints == []


def test_the_printed_link_signs_in_once(browser: Browser, served: Served, run: Run) -> None:
    """A second browser is too late, also after a restart; another link can be made."""
    link = link_of(served)
    reader, late = Reader(browser, served.address), Reader(browser, served.address)
    reader.sign_in(link)

    late.page.goto(link)
    expect(late.page.get_by_role("heading", name="This link has ended")).to_be_visible()
    another = run("user", "link", "admin@localhost", "--address", served.address)
    late.sign_in(another.stdout.split()[0])

    expect(late.page.get_by_text("Choose a password", exact=True)).to_be_visible()
    assert reader.complaints == late.complaints == []


def test_a_new_password_and_an_ended_session_shut_out(browser: Browser, served: Served) -> None:
    """The other browser is out within seconds, and the new password lets it in again."""
    first, second = Reader(browser, served.address), Reader(browser, served.address)
    first.sign_in(link_of(served))
    first.page.get_by_label("New password").fill(PASSWORD)
    first.page.get_by_role("button", name="Set the password").click()
    expect(first.page.get_by_text("Your password is changed.")).to_be_visible()
    _sign_in(second)

    first.page.get_by_role("link", name="Sessions").click()
    expect(first.page.get_by_role("row")).to_have_count(3)
    first.page.get_by_role("button", name="End", exact=False).last.click()
    expect(first.page.get_by_text("The session has ended.")).to_be_visible()
    second.page.goto("/profile")

    expect(second.page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
    assert first.complaints == second.complaints == []


def test_an_ended_session_closes_its_socket(browser: Browser, served: Served, run: Run) -> None:
    """Within five seconds, with 4403, although it was another process that ended it."""
    reader = Reader(browser, served.address)
    reader.sign_in(link_of(served))
    cookies = {cookie["name"]: cookie["value"] for cookie in reader.context.cookies()}  # pyright: ignore[reportTypedDictNotRequiredAccess] - a browser's cookie has both

    with connect(
        served.address.replace("http", "ws") + "/graphql",
        subprotocols=["graphql-transport-ws"],  # pyright: ignore[reportArgumentType] - a name of a protocol
        origin=served.address,  # pyright: ignore[reportArgumentType] - likewise
        additional_headers={"Cookie": f"sluice_session={cookies['sluice_session']}"},
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=10))["type"] == "connection_ack"
        ended = run("user", "password", "admin@localhost", "--password", PASSWORD)
        began = time.monotonic()
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=10)
        seconds = time.monotonic() - began

    assert ended.returncode == 0
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4403
    assert seconds < 5


def test_every_page_is_accessible_in_both_themes(
    browser: Browser, served: Served, axe: Path
) -> None:
    """Axe finds nothing, on a phone and on a desk; and no page complains or asks elsewhere."""
    link = link_of(served)
    found: dict[str, list[str]] = {}
    state = None
    for scheme, width in (("light", 390), ("dark", 1280)):
        for side, paths in PAGES.items():
            reader = Reader(
                browser,
                served.address,
                color_scheme=scheme,
                viewport={"width": width, "height": 844},
                storage_state=state if side == "inside" else None,
            )
            if side == "inside" and state is None:
                reader.sign_in(link)
                state = reader.context.storage_state()
            for path in paths:
                reader.page.goto(path)
                found[f"{path} {scheme}"] = reader.accessibility(axe)
                width_shown: int = reader.page.evaluate("document.documentElement.scrollWidth")
                assert width_shown <= width, f"{path} is wider than {width} pixels"
            assert reader.complaints == []

    assert {page: wrong for page, wrong in found.items() if wrong} == {}


def test_the_token_page_and_the_dialogue_are_accessible(
    browser: Browser, served: Served, axe: Path
) -> None:
    """What stands behind a form counts, too; and the token reaches the documentation's examples."""
    reader = Reader(browser, served.address, color_scheme="dark")
    page = reader.page
    reader.sign_in(link_of(served))
    page.goto("/profile/tokens/new")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Generate the token").click()
    token = page.get_by_label("Your token").inner_text()
    shown = reader.accessibility(axe)
    page.get_by_role("button", name="Put it into the API documentation").click()
    examples = page.locator("pre", has_text=token)
    expect(examples.first).to_be_visible()
    count = examples.count()
    page.goto("/profile/tokens")
    page.get_by_role("button", name="Revoke", exact=True).first.click()
    dialogue = reader.accessibility(axe)
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Revoke the token").first).to_be_hidden()
    assert shown == dialogue == []
    assert count > 9
    assert reader.complaints == []


def test_the_keyboard_reaches_everything_and_colours_stay(browser: Browser, served: Served) -> None:
    """The first stop skips the navigation; the switch works without a new page, and is kept."""
    reader = Reader(browser, served.address, color_scheme="light")
    page = reader.page
    page.goto("/sign-in")
    page.locator("body").press("Tab")
    page.goto("/")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    where = page.evaluate("document.activeElement.id")
    page.get_by_role("button", name="Dark").press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/docs")

    assert focused == "Skip to the content"
    assert where == "content"
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert reader.complaints == []


def _sign_in(reader: Reader) -> None:
    page = reader.page
    page.goto("/sign-in?next=/profile")
    page.get_by_label("E-mail address").fill("admin@localhost")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/profile")
