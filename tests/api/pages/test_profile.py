"""The account's own pages: the password, the sessions, and the tokens."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from api.pages.profile import browser_name
from tasks import models
from tasks.accounts import AccountService
from tests.api.pages.conftest import PASSWORD, sign_in
from tests.browser import Browser

OpenBrowser = Callable[..., Browser]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SECRET = re.compile(r"slc_[\w-]{43}")


@pytest.fixture
async def signed_in(browser: Browser, ada: models.User) -> Browser:
    """Return a browser in which Ada has signed in."""
    assert ada.email == "ada@example.org"
    await sign_in(browser)
    return browser


@pytest.mark.parametrize(
    "path",
    [
        "/profile",
        "/profile/tokens",
        "/profile/tokens/new",
        "/profile/sessions",
        "/profile/password",
    ],
)
async def test_a_page_of_ones_own_asks_to_sign_in(path: str, browser: Browser) -> None:
    """Nothing of it is shown before, and it is not kept by anything in between."""
    answer = await browser.client.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/profile/password", "/profile/tokens/1/revoke", "/profile/sessions/1/end"]
)
async def test_a_form_without_a_session_changes_nothing(path: str, browser: Browser) -> None:
    """It leads to the page for signing in."""
    answer = await browser.client.post(path, data={})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"


async def test_the_password_is_changed_and_other_sessions_end(
    signed_in: Browser, open_browser: OpenBrowser
) -> None:
    """Here one stays; elsewhere one is out, and the old password opens nothing."""
    other = open_browser()
    await sign_in(other)
    await signed_in.open("/profile")

    await signed_in.send("/profile/password", current=PASSWORD, new="another long password")
    said = signed_in.text
    await other.open("/profile")
    await other.send("/sign-in", email="ada@example.org", password=PASSWORD)

    assert "Your password is changed." in said
    assert other.answer.status_code == 401
    assert (await signed_in.open("/profile")).status_code == 200
    assert signed_in.path == "/profile"
    assert "Your password is changed." not in signed_in.text


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong wrong", "another long password", "current"), (PASSWORD, "short", "new")],
)
async def test_a_password_is_not_changed_by_mistake(
    current: str, new: str, field: str, signed_in: Browser
) -> None:
    """Not without the old one, and not to one that is too short; the field says so."""
    await signed_in.open("/profile")

    await signed_in.send("/profile/password", current=current, new=new)

    assert signed_in.answer.status_code in (401, 422)
    assert signed_in.one("[aria-invalid=true]").attributes["id"] == field
    assert signed_in.page.css_first(f"#{field}-error") is not None


async def test_sessions_can_be_seen_and_ended(
    signed_in: Browser, open_browser: OpenBrowser
) -> None:
    """Each with its browser; the one that is ended has to sign in again."""
    other = open_browser(**{"user-agent": FIREFOX})
    await sign_in(other)
    await signed_in.open("/profile/sessions")
    seen = signed_in.text
    actions = [form.attributes["action"] or "" for form in signed_in.page.css("td form")]
    own = signed_in.one(".badge").parent
    assert own is not None

    await signed_in.send(actions[0])
    await other.open("/profile")

    assert "Firefox on Linux" in seen
    assert len(actions) == 2
    assert "The session has ended." in signed_in.text
    assert other.path.startswith("/sign-in")


async def test_all_other_sessions_can_be_ended(
    signed_in: Browser, open_browser: OpenBrowser
) -> None:
    """But for this one."""
    others = [open_browser() for _ in range(2)]
    for other in others:
        await sign_in(other)
    await signed_in.open("/profile/sessions")

    await signed_in.send("/profile/sessions/end")

    assert "2 other sessions have ended." in signed_in.text
    assert not signed_in.has_form("/profile/sessions/end")
    for other in others:
        assert (await other.client.get("/profile")).status_code == 303


async def test_ending_ones_own_session_is_signing_out(signed_in: Browser) -> None:
    """The cookie goes with it."""
    await signed_in.open("/profile/sessions")
    action = signed_in.one("td form").attributes["action"] or ""

    await signed_in.send(action)

    assert "You have signed out." in signed_in.text
    assert "sluice_session" not in signed_in.client.cookies


async def test_somebody_elses_session_and_token_are_not_there(
    signed_in: Browser, accounts: AccountService, ada: models.User
) -> None:
    """They look as if there were none, and stay."""
    eve = await accounts.create_user("eve@example.org")
    token = await accounts.create_token(eve.id, "hers")
    session = await accounts.sessions.begin(eve, user_agent="", address="")
    await signed_in.open("/profile")
    field = signed_in.one("form[action='/profile/password'] [name=form_token]")

    answers = [
        await signed_in.client.post(path, data={"form_token": field.attributes["value"]})
        for path in (
            f"/profile/tokens/{token.record.id}/revoke",
            f"/profile/sessions/{session.record.id}/end",
        )
    ]

    assert ada.id != eve.id
    assert [answer.status_code for answer in answers] == [404, 404]
    assert (await accounts.authenticate(token.token)).user_id == eve.id
    assert len(await accounts.sessions.sessions(eve.id)) == 1


async def test_a_token_is_generated_used_and_revoked(signed_in: Browser) -> None:
    """Profile → API Tokens → Generate New Token, as the API's document says."""
    await signed_in.open("/profile")
    await signed_in.open(_link(signed_in, "API Tokens"))
    await signed_in.open(_link(signed_in, "Generate New Token"))
    await signed_in.send("/profile/tokens/new", name="laptop <b>", life="7")
    token = SECRET.findall(signed_in.text)[0]
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}

    before = await signed_in.client.get("/api/tasks", headers=headers)
    await signed_in.open("/profile/tokens")
    listed, shown = signed_in.text, signed_in.answer.text
    await signed_in.send(signed_in.one("td form").attributes["action"] or "")
    after = await signed_in.client.get("/api/tasks", headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert token[:10] in listed
    assert token not in shown
    assert "laptop <b>" in listed
    assert "<b>" not in shown.replace("&lt;b&gt;", "")
    assert "in 6 days" in listed
    assert "The token laptop <b> is revoked." in signed_in.text
    assert "1 no longer valid" in signed_in.text


async def test_the_examples_can_be_pasted(signed_in: Browser) -> None:
    """Each command of the page asks this server, with the token, and is answered."""
    await signed_in.open("/profile/tokens/new")
    await signed_in.send("/profile/tokens/new", name="laptop")
    commands = [pre.text() for pre in signed_in.page.css("pre") if pre.text().startswith("curl ")]

    answers = [await _curl(signed_in.client, command) for command in commands]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert answers[2].json()["data"]["tasks"]["nodes"][0]["status"] == "PENDING"


@pytest.mark.parametrize("scope", ["tasks:read", "tasks:write", "results:read"])
async def test_no_example_asks_for_more_than_the_token_may(scope: str, signed_in: Browser) -> None:
    """A token with one scope gets examples that work with it."""
    await signed_in.open("/profile/tokens/new")
    await signed_in.send("/profile/tokens/new", name="laptop", scopes=[scope])

    for pre in signed_in.page.css("pre"):
        if pre.text().startswith("curl "):
            answer = await _curl(signed_in.client, pre.text())
            assert answer.status_code in (200, 201)
            assert "errors" not in answer.json()


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"name": "  "}, "name"), ({"name": "x", "scopes": []}, "scopes")],
)
async def test_what_is_wrong_with_a_token_is_said_at_its_field(
    fields: dict[str, object], field: str, signed_in: Browser
) -> None:
    """And what was filled in stays."""
    await signed_in.open("/profile/tokens/new")

    answer = await signed_in.send("/profile/tokens/new", life="7", **fields)

    assert answer.status_code == 422
    assert signed_in.page.css_first(f"#{field}-error") is not None
    assert signed_in.one("option[selected]").attributes["value"] == "7"


async def test_only_administrators_grant_administration(
    signed_in: Browser, open_browser: OpenBrowser, accounts: AccountService
) -> None:
    """Others are not offered it, and do not get it either."""
    await signed_in.open("/profile/tokens/new")
    offered = {box.attributes["value"] for box in signed_in.page.css("[name=scopes]")}
    refused = await signed_in.send("/profile/tokens/new", name="x", scopes=["admin"])
    await accounts.create_user("root@example.org", password=PASSWORD, is_admin=True)
    root = open_browser()
    await sign_in(root, "root@example.org")
    await root.open("/profile/tokens/new")
    granted = await root.send("/profile/tokens/new", name="x", scopes=["admin"])

    assert offered == {"tasks:read", "tasks:write", "results:read"}
    assert refused.status_code == 422
    assert granted.status_code == 201


async def test_a_token_that_has_expired_is_listed_as_such(
    signed_in: Browser, accounts: AccountService, ada: models.User
) -> None:
    """It stands among those that are no longer valid."""
    soon = datetime.now(UTC) + timedelta(milliseconds=20)
    await accounts.create_token(ada.id, "short", expires_at=soon)
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while "Expired" not in signed_in.text and datetime.now(UTC) < deadline:
        await signed_in.open("/profile/tokens")

    assert "Expired just now" in signed_in.text
    assert signed_in.page.css_first("td form") is None


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
                "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/126.0.0.0 Mobile Safari/537.36"
            ),
            "Chrome on Android",
        ),
        ("python-httpx2/2.16", "python-httpx2"),
        ("", "Unknown browser"),
        ("<script>", "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_two_words(agent: str, name: str) -> None:
    """As people call it, not as it calls itself."""
    assert browser_name(agent) == name


def _link(browser: Browser, label: str) -> str:
    for anchor in browser.page.css("main a"):
        if anchor.text().strip() == label:
            return anchor.attributes["href"] or ""
    raise AssertionError(f"no link {label!r}: {browser.text}")


async def _curl(client: httpx2.AsyncClient, command: str) -> httpx2.Response:
    """Do what a shell and curl would."""
    words = shlex.split(command.replace("\\\n", ""))
    given = dict(zip(words[2::2], words[3::2], strict=True))
    headers = {"accept": "*/*"}
    for flag, value in zip(words[2::2], words[3::2], strict=True):
        if flag == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
    method = "POST" if "-d" in given else "GET"
    return await client.request(method, words[1], headers=headers, content=given.get("-d"))
