"""What a proxy says of its client counts when the proxy is trusted, and not otherwise."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from api.proxy import TrustedProxies
from tests.api.conftest import client_of

TRUSTED = ["10.0.0.0/8", "127.0.0.1", "::1"]


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter here."""
    return "sqlite"


async def seen(
    headers: list[tuple[str, str]], *, peer: str = "10.0.0.1", kind: str = "http"
) -> dict[str, Any]:
    """Return what the application sees of a request."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        scopes.append(scope)

    sent: Scope = {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "client": (peer, 1234),
        "headers": [(b"host", b"internal:8000")]
        + [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    await TrustedProxies(app, TRUSTED)(sent, _never, _never)
    (scope,) = scopes
    host = dict(scope["headers"])[b"host"].decode()
    return {"scheme": scope["scheme"], "host": host, "client": scope["client"][0]}


async def _never(*_: object) -> Any:
    raise AssertionError("nothing is sent or received")


FORWARDED = [
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example.org"),
]
AS_CLIENT = {"scheme": "https", "host": "api.example.org", "client": "203.0.113.7"}


async def test_a_trusted_proxy_is_believed() -> None:
    """The application sees what the client sent to the proxy."""
    assert await seen(FORWARDED) == AS_CLIENT
    assert await seen(FORWARDED, peer="::1") == AS_CLIENT


@pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.1", "unix", ""])
async def test_anybody_else_is_not_believed(peer: str) -> None:
    """A client cannot choose its own address or our links."""
    expected = {"scheme": "http", "host": "internal:8000", "client": peer}

    assert await seen(FORWARDED, peer=peer) == expected


async def test_of_a_chain_the_trusted_part_counts() -> None:
    """What stands before the trusted proxies' entries, the client made up."""
    headers = [
        ("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.0.0.2"),
        ("X-Forwarded-Proto", "gopher, https, http"),
        ("X-Forwarded-Host", "evil.example, api.example.org, inner.example"),
    ]

    assert await seen(headers) == AS_CLIENT


async def test_repeated_headers_are_one_list() -> None:
    """HTTP lets a list be split over headers."""
    headers = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-For", "203.0.113.7"),
    ]

    assert (await seen(headers))["client"] == "203.0.113.7"


@pytest.mark.parametrize("scheme", ["gopher", "", "javascript"])
async def test_an_unknown_scheme_is_not_taken(scheme: str) -> None:
    """Links are http or https."""
    assert (await seen([("X-Forwarded-Proto", scheme)]))["scheme"] == "http"


async def test_a_websocket_has_its_own_schemes() -> None:
    """Https means wss there."""
    assert (await seen(FORWARDED, kind="websocket"))["scheme"] == "wss"


def test_an_entry_that_is_no_address_is_named() -> None:
    """The setting's mistake is told at the start."""
    with pytest.raises(ValueError, match=r"proxy\.local"):
        TrustedProxies(_never, ["proxy.local"])


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("10.0.0.1", "https://api.example.org"), ("203.0.113.9", "http://example.com")],
)
async def test_links_are_on_the_address_behind_the_proxy(
    build: Callable[..., ASGIApp], token: str, peer: str, expected: str
) -> None:
    """From a trusted proxy alone."""
    app = build(trusted_proxies=TRUSTED)
    async with client_of(app, token, client=(peer, 1234)) as client:
        body = (await client.get("/api/tasks", headers=FORWARDED)).json()

    assert body["links"]["first"] == f"{expected}/api/tasks?page=1"
