"""Coming in: by password, by an account of one's own, by a link; and going out."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks import models
from tasks.accounts import AccountService
from tasks.database import Database
from tasks.sessions import SignInLinks
from tests.api.pages.conftest import PASSWORD, sign_in
from tests.browser import Browser

OpenBrowser = Callable[..., Browser]


@pytest.mark.usefixtures("ada")
async def test_who_must_sign_in_ends_where_they_wanted_to(browser: Browser) -> None:
    """The page that was asked for, with its query, is shown after the form."""
    await browser.open("/profile/sessions?page=1")
    asked = browser.path

    await browser.send("/sign-in", email="Ada@Example.org", password=PASSWORD)

    assert asked == "/sign-in?next=%2Fprofile%2Fsessions%3Fpage%3D1"
    assert browser.path == "/profile/sessions?page=1"
    assert "This browser" in browser.text


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_signing_in_leads_to_no_other_site(wanted: str, browser: Browser) -> None:
    """A link to us cannot be made into a link to somebody else."""
    await browser.open("/sign-in")

    await browser.send("/sign-in", email="ada@example.org", password=PASSWORD, next=wanted)

    assert browser.answer.url.host == "example.com"


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.org", "wrong wrong"), ("eve@example.org", PASSWORD)]
)
async def test_a_wrong_password_is_said_and_the_address_kept(
    email: str, password: str, browser: Browser
) -> None:
    """The answer does not tell whether the address is known."""
    await browser.open("/sign-in")

    answer = await browser.send("/sign-in", email=email, password=password)

    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in browser.text
    assert browser.one("#email").attributes["value"] == email
    assert not browser.one("#password").attributes["value"]


@pytest.mark.usefixtures("ada")
async def test_too_many_wrong_passwords_have_to_wait(browser: Browser) -> None:
    """Counted together with those at the API's door."""
    await browser.open("/sign-in")
    body = {"email": "ada@example.org", "password": "wrong wrong"}
    for _ in range(9):
        await browser.client.post("/session", json=body, headers={"origin": "http://example.com"})
    await browser.send("/sign-in", **body)

    answer = await browser.send("/sign-in", email="ada@example.org", password=PASSWORD)

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many tries" in browser.text


@pytest.mark.usefixtures("ada")
async def test_signing_out_ends_the_session_everywhere(browser: Browser) -> None:
    """A copy of the cookie opens nothing any more."""
    await sign_in(browser)
    cookie = browser.client.cookies["sluice_session"]

    await browser.send("/sign-out")
    said = browser.text
    browser.client.cookies.set("sluice_session", cookie)
    await browser.open("/profile")

    assert "You have signed out." in said
    assert browser.path.startswith("/sign-in")
    assert "Your session has ended." in browser.text


async def test_nobody_makes_an_account_unless_it_is_set(browser: Browser) -> None:
    """Without the setting there is no such page, and none that links to it."""
    await browser.open("/sign-in")
    linked = browser.page.css_first('a[href="/sign-up"]')

    answer = await browser.open("/sign-up")

    assert linked is None
    assert answer.status_code == 404


class TestSignUp:
    """Where anybody may make an account."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        """Allow it."""
        return {"sign_up": True}

    async def test_an_account_is_made_and_is_no_administrator(
        self, browser: Browser, accounts: AccountService
    ) -> None:
        """One is signed in with it at once."""
        await browser.open("/")
        await browser.open(browser.one('a[href="/sign-up"]').attributes["href"] or "")

        await browser.send("/sign-up", email="Grace@example.org", password=PASSWORD)
        await browser.open("/profile")

        user = await accounts.user("grace@example.org")
        assert not user.is_admin
        assert "grace@example.org" in browser.text
        assert browser.page.css_first('a[href="/operator"]') is None

    @pytest.mark.usefixtures("ada")
    @pytest.mark.parametrize(
        ("email", "password", "says"),
        [
            ("nobody", PASSWORD, "is no e-mail address"),
            ("new@example.org", "short", "8 to 1024 characters"),
            ("ada@example.org", PASSWORD, "There is an account with this address already"),
        ],
    )
    async def test_what_is_wrong_is_said_at_its_field(
        self, email: str, password: str, says: str, browser: Browser
    ) -> None:
        """The field is marked as invalid and described by the sentence."""
        await browser.open("/sign-up")

        answer = await browser.send("/sign-up", email=email, password=password)

        assert answer.status_code == 422
        wrong = browser.one("[aria-invalid=true]")
        described = (wrong.attributes["aria-describedby"] or "").split()
        sentences = " ".join(browser.one(f"#{name}").text() for name in described)
        assert says in sentences

    async def test_accounts_are_not_made_by_the_hundred(self, open_browser: OpenBrowser) -> None:
        """An address gets as many as it gets wrong passwords."""
        browser = open_browser()
        await browser.open("/sign-up")
        statuses = [
            (await browser.send("/sign-up", email=f"{n}@example.org", password="no")).status_code
            for n in range(51)
        ]

        assert statuses[:50] == [422] * 50
        assert statuses[50] == 429


async def test_a_link_signs_in_once(
    browser: Browser, open_browser: OpenBrowser, database: Database, user: models.User
) -> None:
    """Opening it does not use it up; who has no password is asked to choose one."""
    secret = await SignInLinks(database).create(user.id)
    await browser.open(f"/sign-in/link?token={secret}")
    await browser.open(f"/sign-in/link?token={secret}")

    await browser.send("/sign-in/link")
    second = await open_browser().open(f"/sign-in/link?token={secret}")

    assert browser.path == "/profile"
    assert "Choose a password" in browser.text
    assert second.status_code == 404
    assert "This link has ended" in second.text


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=%00", "?token=" + "x" * 5000])
async def test_what_is_no_link_says_so(query: str, browser: Browser) -> None:
    """Whatever it is."""
    answer = await browser.open(f"/sign-in/link{query}")

    assert answer.status_code == 404
    assert "This link has ended" in browser.text
