"""CORS: off by default, by origin when it is set."""

from collections.abc import Callable

import httpx2
import pytest
from starlette.types import ASGIApp

from tests.api.conftest import client_of

ORIGIN = "https://app.example.org"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter here."""
    return "sqlite"


async def test_cors_is_off_by_default(
    client: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    """A preflight request is answered without a token, and grants nothing."""
    preflight = await anonymous.options("/api/tasks/1", headers=PREFLIGHT)
    listed = await client.get("/api/tasks", headers={"Origin": ORIGIN})

    assert (preflight.status_code, listed.status_code) == (204, 200)
    for answer in (preflight, listed):
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_set_origin_may_call(build: Callable[..., ASGIApp], token: str) -> None:
    """Preflight passes without a token, and the answer may be read with its limits."""
    app = build(cross_origins=[ORIGIN])
    async with client_of(app) as anonymous, client_of(app, token) as client:
        preflight = await anonymous.options("/api/tasks/1", headers=PREFLIGHT)
        listed = await client.get("/api/tasks", headers={"Origin": ORIGIN})
        refused = await anonymous.get("/api/tasks", headers={"Origin": ORIGIN})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in preflight.headers
    assert listed.headers["access-control-allow-origin"] == ORIGIN
    assert "X-RateLimit-Remaining" in listed.headers["access-control-expose-headers"]
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN


async def test_another_origin_may_not(build: Callable[..., ASGIApp]) -> None:
    """Its preflight is refused, in JSON like every error."""
    async with client_of(build(cross_origins=[ORIGIN])) as anonymous:
        headers = {**PREFLIGHT, "Origin": "https://evil.example"}
        answer = await anonymous.options("/api/tasks", headers=headers)

    assert answer.status_code == 400
    assert answer.json() == {"status": "error", "message": "Disallowed CORS origin"}
    assert "access-control-allow-origin" not in answer.headers


async def test_options_with_an_origin_alone_needs_a_token(anonymous: httpx2.AsyncClient) -> None:
    """It is no preflight request."""
    assert (await anonymous.options("/api/tasks", headers={"Origin": ORIGIN})).status_code == 401
