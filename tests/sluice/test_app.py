import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from api.limit import ProcessCounter
from graph.limits import ProcessBucket, Rate
from sluice.app import Gateway, build
from sluice.instruments import new_metrics
from sluice.services import Services, open_services
from sluice.settings import Settings, load
from sluice.workforce import waking
from tasks.ports import Sleeper


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """Return settings with a migrated database and a trusted proxy."""
    shutil.copy(sqlite_template, tmp_path / "sluice.db")
    return load(data_dir=tmp_path, trusted_proxies="127.0.0.1", default_platform="sandbox")


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    """Open the services."""
    async with open_services(settings, waker=Sleeper()) as opened:
        yield opened


@pytest.fixture
async def http(settings: Settings, services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the whole application."""
    application = build(settings, services, counter=ProcessCounter(), metrics=new_metrics())
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sluice.test") as client:
        yield client


async def bearer(services: Services) -> dict[str, str]:
    """Return the headers of a new user."""
    user = await services.accounts.create_user("ada@example.org")
    issued = await services.accounts.create_token(user.id, "test")
    return {"Authorization": f"Bearer {issued.token}"}


async def test_every_door_is_there(http: httpx2.AsyncClient, services: Services) -> None:
    """REST, its description and page, and what machines ask."""
    headers = await bearer(services)

    assert (await http.get("/api/tasks", headers=headers)).status_code == 200
    assert (await http.get("/api/openapi.json")).status_code == 200
    assert (await http.get("/docs")).status_code == 200
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).json()["checks"] == {"database": "ok", "migrations": "ok"}


async def test_every_answer_has_an_id_refusals_too(http: httpx2.AsyncClient) -> None:
    """A client that is turned away must be able to quote it as well."""
    for path, status in (("/api/tasks", 401), ("/nowhere", 404), ("/healthz", 200)):
        answer = await http.get(path, headers={"X-Request-ID": "abc"})

        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "abc")


async def test_a_task_keeps_the_id_of_its_request(
    http: httpx2.AsyncClient, services: Services
) -> None:
    """So that its run's log lines can be found from the client's."""
    headers = {**await bearer(services), "X-Request-ID": "from-the-client"}

    created = await http.post(
        "/api/tasks", json={"group_id": "1234", "max_posts": 1}, headers=headers
    )

    principal = await services.accounts.authenticate(headers["Authorization"].split()[1])
    task = await services.tasks.get(principal, created.json()["data"]["id"])
    assert task.correlation_id == "from-the-client"


async def test_requests_through_a_proxy_are_counted_by_their_route(
    http: httpx2.AsyncClient, services: Services
) -> None:
    """The proxy's headers change the scope; the measurement must still see the route."""
    headers = {**await bearer(services), "X-Forwarded-For": "192.0.2.7"}
    await http.get("/api/tasks/1", headers=headers)

    text = (await http.get("/metrics")).text

    expected = 'sluice_http_requests_total{method="GET",route="/api/tasks/{task_id}",status="404"}'
    assert f"{expected} 1.0" in text
    assert 'sluice_queue_tasks{state="pending"} 0.0' in text


async def lived(settings: Settings) -> list[Message]:
    """Start and stop a gateway as a server does, and return what it said."""
    waiting: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    said: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    gateway = Gateway(settings, open_waker=lambda: waking(settings), metrics=new_metrics())
    state: dict[str, Any] = {}
    await gateway({"type": "lifespan", "state": state}, receive, send)
    return said


async def test_a_gateway_opens_and_closes_with_its_server(settings: Settings) -> None:
    """It says so in the lifespan protocol's words."""
    said = await lived(settings)

    assert [message["type"] for message in said] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_gateway_that_cannot_open_says_why_in_one_sentence(settings: Settings) -> None:
    """The server logs the message; a traceback would hide it."""
    wrong = settings.model_copy(update={"default_platform": "sandbx"})

    [message] = await lived(wrong)

    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith("SLUICE_DEFAULT_PLATFORM cannot be used.")


async def test_graphql_and_sessions_are_there(
    http: httpx2.AsyncClient, services: Services, settings: Settings
) -> None:
    """GraphQL by token and by session, over the real catalogue; the key is nobody else's."""
    headers = await bearer(services)
    await services.accounts.set_password("ada@example.org", "a long password")
    query = {"query": "{ platforms { name state } viewer { email } }"}
    origin = {"origin": "http://sluice.test"}

    by_token = await http.post("/graphql", json=query, headers=headers)
    signed_in = await http.post(
        "/session",
        json={"email": "ada@example.org", "password": "a long password"},
        headers=origin,
    )
    by_session = await http.post("/graphql", json=query, headers=origin)
    rest = await http.get("/api/tasks")

    assert {"name": "sandbox", "state": "OPEN"} in by_token.json()["data"]["platforms"]
    assert signed_in.status_code == 200
    assert by_session.json()["data"] == by_token.json()["data"]
    assert rest.status_code == 401
    assert (settings.data_dir / "session.key").stat().st_mode & 0o077 == 0


async def test_graphql_is_charged_to_the_bucket_that_is_given(
    settings: Settings, services: Services
) -> None:
    """Two applications over one bucket have one balance."""
    headers, bucket = await bearer(services), ProcessBucket(Rate(capacity=100, per_second=1))
    left: list[int] = []

    for _ in range(2):
        app = build(
            settings, services, counter=ProcessCounter(), metrics=new_metrics(), bucket=bucket
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://sluice.test") as client:
            query = {"query": "{ tasks(first: 20) { nodes { id } } }"}
            answer = await client.post("/graphql", json=query, headers=headers)
            status = answer.json()["extensions"]["cost"]["throttleStatus"]
            left.append(status["currentlyAvailable"])

    assert left[1] <= left[0] - 20


@pytest.mark.parametrize(("env", "status"), [("development", 200), ("production", 400)])
async def test_production_tells_less(
    env: str, status: int, services: Services, settings: Settings
) -> None:
    """Introspection and suggestions are off together, unless said otherwise."""
    application = build(
        settings.model_copy(update={"env": env}),
        services,
        counter=ProcessCounter(),
        metrics=new_metrics(),
    )
    transport = httpx2.ASGITransport(app=application)
    headers = await bearer(services)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sluice.test") as client:
        answer = await client.post(
            "/graphql", json={"query": "{ __schema { queryType { name } } }"}, headers=headers
        )
        wrong = await client.post("/graphql", json={"query": "{ viewr }"}, headers=headers)

    assert answer.status_code == status
    assert ("Did you mean" in wrong.text) == (env == "development")
