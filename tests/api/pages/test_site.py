"""What all pages share: headers, files, errors, forms and colours."""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from api.correlation import CorrelationMiddleware
from api.pages import Assets, Site
from api.session import SessionKeys
from tasks.errors import DatabaseUnavailable
from tests.api.pages.conftest import sign_in
from tests.browser import Browser

OpenBrowser = Callable[..., Browser]


async def test_the_first_page_invites_to_sign_in(browser: Browser) -> None:
    """It says what this is, and does not offer an account where there is none to make."""
    answer = await browser.open("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert browser.page.css_first('a[href="/sign-in"]') is not None
    assert browser.page.css_first('a[href="/sign-up"]') is None


async def test_pages_allow_no_inline_script_and_no_other_host(browser: Browser) -> None:
    """The policy starts from nothing, and the other headers close what it leaves."""
    headers = (await browser.open("/")).headers

    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


async def test_only_https_is_told_to_stay(open_browser: OpenBrowser) -> None:
    """Over plain HTTP the header means nothing, and a wrong promise would lock people out."""
    plain = await open_browser("http://example.com").open("/")
    secure = await open_browser("https://example.com").open("/")

    assert "strict-transport-security" not in plain.headers
    assert secure.headers["strict-transport-security"] == "max-age=31536000"


async def test_everything_that_a_page_loads_is_ours_and_kept_for_ever(browser: Browser) -> None:
    """Each address is versioned; with another version the file is there, but is not kept."""
    await browser.open("/")
    addresses = re.findall(r'(?:src|href)="([^"#]+\.(?:css|js|svg))"', browser.answer.text)

    assert len(addresses) >= 3
    for address in addresses:
        assert re.match(r"/static/[0-9a-f]{12}/", address)
        answer = await browser.client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    older = await browser.client.get(addresses[0].replace("/static/", "/static/0"))
    assert older.status_code == 200
    assert older.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/docs", "/nowhere", "/profile", "/profile/tokens/new"]
)
async def test_a_page_with_all_that_it_loads_is_small(path: str, browser: Browser) -> None:
    """Below 100 KB when it is packed, with the modules that its modules import."""
    await sign_in(browser)
    await browser.open(path)
    loads = re.findall(r'(?:src|href)="(/static/[^"]+)"', browser.answer.text)
    loaded = {path: await _packed(browser, path)}

    while loads:
        address = loads.pop()
        if address not in loaded:
            loaded[address] = await _packed(browser, address)
            text = (await browser.client.get(address)).text if address.endswith(".js") else ""
            folder = address.rpartition("/")[0]
            loads += [f"{folder}/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]

    assert sum(name.endswith(".js") for name in loaded) >= 4
    assert sum(loaded.values()) < 100_000


async def test_pages_and_files_are_plain_for_those_who_do_not_unpack(browser: Browser) -> None:
    """What is packed says so, and that another client would get it otherwise."""
    await browser.open("/")
    for address in ["/", *re.findall(r'href="(/static/[^"]+\.css)"', browser.answer.text)]:
        packed = await browser.client.get(address)
        plain = await browser.client.get(address, headers={"accept-encoding": "identity"})
        refused = await browser.client.get(address, headers={"accept-encoding": "gzip;q=0, br"})

        assert packed.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["vary"]
        assert "content-encoding" not in plain.headers | refused.headers
        assert len(plain.text) == len(packed.text)


async def test_pages_stand_below_a_prefix_that_a_proxy_takes_off(app: ASGIApp) -> None:
    """Their links, their files and where they send people to are below it, too."""
    transport = httpx2.ASGITransport(app=app, root_path="/collector")
    async with httpx2.AsyncClient(transport=transport, base_url="http://example.com") as client:
        page = await client.get("/collector/")
        files = re.findall(r'(?:src|href)="(/[^"]+/static/[^"]+)"', page.text)
        statuses = [(await client.get(file)).status_code for file in files]
        away = await client.get("/collector/profile")

    assert 'href="/collector/sign-in"' in page.text
    assert len(files) >= 3
    assert set(statuses) == {200}
    assert away.headers["location"] == "/collector/sign-in?next=%2Fprofile"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/0/%2e%2e/site.py", 404),
        ("/static/0/js", 404),
        ("/static/0/none.css", 404),
    ],
)
async def test_other_files_are_out_of_reach(path: str, status: int, browser: Browser) -> None:
    """Only what the folder holds is served, by its exact name."""
    assert (await browser.client.get(path)).status_code == status


def test_a_file_that_is_missing_is_found_out_at_once() -> None:
    """A page that asks for it fails in every test that shows it."""
    with pytest.raises(LookupError, match=r"none\.css"):
        Assets().path("none.css")


async def test_a_wrong_address_is_a_page_for_browsers_alone(browser: Browser) -> None:
    """Programs, the APIs and their tools keep their own answers."""
    shown = await browser.open("/nowhere")
    plain = await browser.client.get("/nowhere", headers={"accept": "*/*"})
    api = await browser.client.get("/api/nowhere")

    assert (shown.status_code, plain.status_code, api.status_code) == (404, 404, 401)
    assert "There is nothing here" in browser.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert plain.text == "Not Found"
    assert api.headers["content-type"] == "application/json"


async def test_a_wrong_method_is_a_page(browser: Browser) -> None:
    """With the methods that there are."""
    answer = await browser.client.put("/")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


async def test_colours_can_be_chosen_without_scripts(browser: Browser) -> None:
    """The choice holds on every page until it is taken back."""
    await browser.open("/nowhere?page=2")

    await browser.send("/theme", theme="dark")
    chosen = browser.one("html").attributes.get("data-theme")
    ended_at = browser.path
    await browser.send("/theme", theme="")

    assert chosen == "dark"
    assert ended_at == "/nowhere?page=2"
    assert "data-theme" not in browser.one("html").attributes


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"origin": "null"}, {}),
        ({"sec-fetch-site": "cross-site"}, {}),
        ({}, {"form_token": "0" * 64}),
        ({}, {"form_token": ""}),
    ],
)
async def test_a_form_that_no_page_of_ours_sent_is_refused(
    headers: dict[str, str], change: dict[str, str], browser: Browser
) -> None:
    """By its origin, and by the token that its page was given."""
    await browser.open("/")
    field = browser.one("form[action='/theme'] [name=form_token]")
    fields = {"form_token": field.attributes["value"], "theme": "dark", **change}

    answer = await browser.client.post("/theme", data=fields, headers=headers)

    assert answer.status_code == 403
    assert "sluice_theme" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {}}, 415),
        (
            {
                "content": b"x" * 20_000,
                "headers": {"content-type": "application/x-www-form-urlencoded"},
            },
            413,
        ),
        (
            {
                "content": b"&".join([b"a=1"] * 2000),
                "headers": {"content-type": "application/x-www-form-urlencoded"},
            },
            413,
        ),
    ],
)
async def test_what_is_no_form_is_a_sentence(
    sent: dict[str, Any], status: int, browser: Browser
) -> None:
    """Whatever is sent, the answer is a page."""
    answer = await browser.client.post("/theme", **sent)

    assert answer.status_code == status
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "/\\evil.example", "https://evil.example", "/a\nb"]
)
async def test_nothing_leads_to_another_site(wanted: str, browser: Browser) -> None:
    """Where to go next is a path of ours, or the first page."""
    await browser.open("/")

    await browser.send("/theme", next=wanted)

    assert browser.path == "/"


async def _break(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise RuntimeError("the secret of the house")


async def _lose(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise DatabaseUnavailable("PostgreSQL at db does not answer.")


@pytest.mark.parametrize(
    ("app", "status", "says"),
    [(_break, 500, "name this id: <code>trace-1</code>"), (_lose, 503, "Not available right now")],
)
async def test_what_breaks_is_a_page_that_tells_no_secret(
    app: ASGIApp, status: int, says: str
) -> None:
    """The reader gets an id, the log has the rest; a program still gets JSON."""
    site = Site(SessionKeys("secret"), values={"version": "1", "graphiql": True, "sign_up": True})
    transport = httpx2.ASGITransport(app=CorrelationMiddleware(app, failed=site.failed))
    async with httpx2.AsyncClient(transport=transport, base_url="http://example.com") as client:
        headers = {"x-request-id": "trace-1"}
        page = await client.get("/tasks", headers={**headers, "accept": "text/html"})
        program = await client.get("/api/tasks", headers={**headers, "accept": "text/html"})

    assert page.status_code == status
    assert says in page.text
    assert "secret of the house" not in page.text
    assert program.json() == {"message": "Server error", "correlation_id": "trace-1"}


async def test_a_cookie_that_others_wrote_says_nothing(browser: Browser) -> None:
    """Only sentences of ours are shown."""
    cookies = {"cookie": "sluice_said=WyJnb29kIiwiSGEiXQ.aaaa.bbbb; sluice_theme=pink"}

    answer: httpx2.Response = await browser.client.get("/", headers=cookies)

    assert answer.status_code == 200
    assert 'class="notice' not in answer.text
    assert "data-theme=" not in answer.text


async def _packed(browser: Browser, address: str) -> int:
    """Return how many bytes go over the wire."""
    async with browser.client.stream("GET", address) as answer:
        return len(b"".join([chunk async for chunk in answer.aiter_raw()]))
