import asyncio

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from api.health import Check, Health
from tasks.errors import DatabaseUnavailable
from tasks.metrics import Metrics


async def fine() -> None:
    """Pass."""


async def away() -> None:
    """Fail as the database does."""
    raise DatabaseUnavailable("The database at db.example.org does not answer.")


async def broken() -> None:
    """Fail as nothing should."""
    raise RuntimeError("secret details")


async def hanging() -> None:
    """Never answer."""
    await asyncio.Event().wait()


def client(health: Health) -> httpx2.AsyncClient:
    """Return a client of an application that has only these routes."""
    transport = httpx2.ASGITransport(app=Starlette(routes=health.routes()))
    return httpx2.AsyncClient(transport=transport, base_url="http://sluice.test")


def health_of(**checks: Check) -> Health:
    """Return the addresses over these checks."""
    return Health(checks=checks, registry=CollectorRegistry(), check_seconds=0.05)


async def test_alive_depends_on_nothing() -> None:
    """A database that is away must not make the supervisor restart the process."""
    async with client(health_of(database=away)) as http:
        answer = await http.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_when_every_check_passes() -> None:
    """200, and each check by name."""
    async with client(health_of(database=fine, broker=fine)) as http:
        answer = await http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "broker": "ok"}}


async def test_not_ready_names_what_is_wrong() -> None:
    """503; a known error's sentence, a time-out's, and of an unknown error nothing."""
    checks = health_of(database=away, broker=hanging, migrations=broken, cache=fine)

    async with client(checks) as http:
        answer = await http.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {
            "database": "The database at db.example.org does not answer.",
            "broker": "No answer within 0.05 s.",
            "migrations": "Failed; the log says why.",
            "cache": "ok",
        },
    }


@pytest.mark.parametrize("refresh", [fine, away, hanging])
async def test_metrics_are_shown_even_when_the_database_is_away(refresh: Check) -> None:
    """The other metrics matter most then."""
    registry = CollectorRegistry()
    Metrics(registry, version="1.2.3").claims.inc()
    health = Health(checks={}, registry=registry, refresh=refresh, check_seconds=0.05)

    async with client(health) as http:
        answer = await http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "sluice_claims_total 1.0" in answer.text
    assert 'sluice_build_info{version="1.2.3"} 1.0' in answer.text
