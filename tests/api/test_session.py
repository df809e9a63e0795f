"""Sessions for people, and what a session's cookie opens."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from api import session
from api.limit import ProcessCounter
from api.middleware import protected
from api.session import ProcessAttempts, SessionAuthentication, SessionKeys
from api.session.throttle import WINDOW_SECONDS
from graph.application import GraphQLSettings, routes
from tasks import models
from tasks.accounts import AccountService
from tasks.database import Database
from tasks.service import TaskService
from tests.graph.conftest import services_on

ORIGIN = "http://example.com"
PASSWORD = "correct horse battery"
KEYS = SessionKeys("a secret of the test")


@pytest.fixture
async def ada(accounts: AccountService) -> models.User:
    """Return a user with a password."""
    return await accounts.create_user("ada@example.org", password=PASSWORD)


@pytest.fixture
def app(database: Database, service: TaskService, accounts: AccountService) -> ASGIApp:
    """Return an application with sessions and GraphQL."""
    services = services_on(database, accounts, tasks=service)
    doors = [*session.routes(accounts, KEYS), *routes(services, GraphQLSettings())]
    return protected(
        Starlette(routes=doors),
        authenticate=accounts.authenticate,
        counter=ProcessCounter(),
        sessions=lambda inner: SessionAuthentication(inner, KEYS, accounts),
    )


@pytest.fixture
async def browser(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Return what keeps cookies, as a browser does."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as opened:
        yield opened


async def sign_in(browser: httpx2.AsyncClient, **more: Any) -> httpx2.Response:
    """Sign in as a page's script does."""
    body = {"email": "ada@example.org", "password": PASSWORD, **more}
    return await browser.post("/session", json=body, headers={"origin": ORIGIN})


async def viewer(browser: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    """Ask GraphQL who is there."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await browser.post(
        "/graphql", json={"query": "{ viewer { email scopes } }"}, headers=named
    )


@pytest.mark.usefixtures("ada")
async def test_a_person_signs_in_uses_graphql_and_signs_out(browser: httpx2.AsyncClient) -> None:
    """The cookie opens GraphQL for our own pages until it is given up."""
    before = await browser.get("/session")
    signed_in = await sign_in(browser)
    during = await browser.get("/session")
    asked = await viewer(browser, origin=ORIGIN)
    signed_out = await browser.delete("/session", headers={"origin": ORIGIN})
    after = await viewer(browser, origin=ORIGIN)

    assert before.json()["user"] is None
    assert signed_in.json()["user"]["email"] == "ada@example.org"
    assert during.json()["user"]["email"] == "ada@example.org"
    assert asked.json()["data"]["viewer"] == {
        "email": "ada@example.org",
        "scopes": ["TASKS_READ", "TASKS_WRITE", "RESULTS_READ"],
    }
    assert signed_out.status_code == 204
    assert after.status_code == 401


@pytest.mark.usefixtures("ada")
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: httpx2.AsyncClient,
) -> None:
    """HttpOnly, SameSite=Lax, and Secure over HTTPS."""
    plain = (await sign_in(browser)).headers["set-cookie"]
    browser.base_url = "https://example.com"
    secure = await browser.post("/session", json={"email": "ada@example.org", "password": PASSWORD})

    assert "httponly" in plain.lower()
    assert "samesite=lax" in plain.lower()
    assert "secure" not in plain.lower()
    assert "secure" in secure.headers["set-cookie"].lower()


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
        {"origin": ORIGIN, "sec_fetch_site": "cross-site"},
        {"origin": ORIGIN, "sec_fetch_site": "same-site"},
    ],
)
async def test_another_sites_request_with_the_cookie_is_refused(
    headers: dict[str, str], browser: httpx2.AsyncClient
) -> None:
    """The cookie counts only for what our own pages send."""
    await sign_in(browser)

    answer = await viewer(browser, **headers)

    assert answer.status_code == 403


@pytest.mark.usefixtures("ada")
async def test_a_get_with_the_cookie_is_for_our_own_pages(browser: httpx2.AsyncClient) -> None:
    """A browser says where a GET comes from, too."""
    await sign_in(browser)
    params = {"query": "{ viewer { email } }"}

    ours = await browser.get("/graphql", params=params, headers={"sec-fetch-site": "same-origin"})
    theirs = await browser.get("/graphql", params=params, headers={"sec-fetch-site": "cross-site"})

    assert ours.status_code == 200
    assert theirs.status_code == 403


async def test_a_changed_password_ends_sessions(
    browser: httpx2.AsyncClient, ada: models.User, accounts: AccountService
) -> None:
    """Whoever had the cookie is out, at once."""
    await sign_in(browser)

    await accounts.set_password(ada.email, "another long password")

    assert (await viewer(browser, origin=ORIGIN)).status_code == 401


async def test_a_disabled_user_is_out(
    browser: httpx2.AsyncClient, ada: models.User, accounts: AccountService
) -> None:
    """And cannot come in again."""
    await sign_in(browser)

    await accounts.disable_user(ada.email)

    assert (await viewer(browser, origin=ORIGIN)).status_code == 401
    assert (await sign_in(browser)).status_code == 401


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("cookie", ["x", "a.b.c", "x" * 5000, "WzEsImEiXQ.aaaa.bbbb"])
async def test_a_forged_cookie_opens_nothing(cookie: str, browser: httpx2.AsyncClient) -> None:
    """Only what we signed counts."""
    answer = await viewer(browser, origin=ORIGIN, cookie=f"sluice_session={cookie}")

    assert answer.status_code == 401


@pytest.mark.usefixtures("ada")
async def test_a_wrong_token_is_not_saved_by_the_cookie(browser: httpx2.AsyncClient) -> None:
    """Who sends a token is judged by it alone."""
    await sign_in(browser)

    answer = await viewer(browser, origin=ORIGIN, authorization="Bearer slc_wrong")

    assert answer.status_code == 401


@pytest.mark.usefixtures("ada")
async def test_a_session_may_manage_tokens(browser: httpx2.AsyncClient) -> None:
    """Without the admin scope, but not beyond the user's rights."""
    await sign_in(browser)
    document = (
        'mutation($s: [TokenScope!]!) { createToken(input: {name: "ci", scopes: $s}) '
        "{ secret userErrors { code } } }"
    )

    async def create(scope: str) -> Any:
        answer = await browser.post(
            "/graphql",
            json={"query": document, "variables": {"s": [scope]}},
            headers={"origin": ORIGIN},
        )
        return answer.json()["data"]["createToken"]

    assert (await create("TASKS_READ"))["secret"].startswith("slc_")
    assert (await create("ADMIN"))["userErrors"] == [{"code": "VALIDATION_FAILED"}]


@pytest.mark.usefixtures("ada")
async def test_a_form_signs_in_with_its_token(browser: httpx2.AsyncClient) -> None:
    """With the page's token it goes on to a page of ours; without it, it is refused."""
    token = (await browser.get("/session")).json()["form_token"]
    fields = {"email": "ada@example.org", "password": PASSWORD, "next": "/tasks"}

    without = await browser.post("/session", data=fields)
    wrong = await browser.post("/session", data={**fields, "form_token": "0" * 64})
    right = await browser.post("/session", data={**fields, "form_token": token})
    away = await browser.post(
        "/session", data={**fields, "form_token": token, "next": "//evil.example/"}
    )
    out = await browser.post("/session/end", data={"form_token": token})

    assert (without.status_code, wrong.status_code) == (403, 403)
    assert (right.status_code, right.headers["location"]) == (303, "/tasks")
    assert away.headers["location"] == "/"
    assert out.status_code == 303
    assert (await browser.get("/session")).json()["user"] is None


@pytest.mark.usefixtures("ada")
async def test_wrong_passwords_are_slowed_down(browser: httpx2.AsyncClient) -> None:
    """After ten the eleventh waits, even if it is right; the answers before it look alike."""
    unknown = await sign_in(browser, email="nobody@example.org")
    answers = [await sign_in(browser, password="wrong wrong") for _ in range(10)]
    throttled = await sign_in(browser)

    assert {answer.status_code for answer in answers} == {401}
    assert unknown.json() == answers[0].json()
    assert throttled.status_code == 429
    assert int(throttled.headers["retry-after"]) <= WINDOW_SECONDS


async def test_attempts_are_forgotten_in_time() -> None:
    """The window ends; a right password ends it for its pair."""
    now = [0.0]
    attempts = ProcessAttempts(clock=lambda: now[0])

    first = [await attempts.begin("a", "1") for _ in range(10)]

    assert first == [0] * 10
    assert await attempts.begin("a", "1") > 0
    assert await attempts.begin("a", "2") == 0
    assert await attempts.begin("b", "1") == 0
    await attempts.succeeded("a", "1")
    assert await attempts.begin("a", "1") == 0
    # The address has tried 12 times by now, and may 50 times.
    assert [await attempts.begin(str(number), "1") for number in range(38)] == [0] * 38
    assert await attempts.begin("c", "1") > 0
    now[0] = WINDOW_SECONDS + 1
    assert await attempts.begin("c", "1") == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 422),
        (b'{"email": 1, "password": []}', "application/json", 422),
        (b"x" * 20_000, "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"\xff=\xff", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_a_bad_sign_in_is_a_sentence(
    body: bytes, kind: str, status: int, browser: httpx2.AsyncClient
) -> None:
    """Whatever is sent."""
    answer = await browser.post("/session", content=body, headers={"content-type": kind})

    assert answer.status_code == status
    assert answer.json()["message"]
