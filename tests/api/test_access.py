"""Who may use which endpoint: every one without a token, and with each kind of wrong one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import time_machine
from starlette.types import ASGIApp

from tasks import models
from tasks.accounts import AccountService
from tasks.principal import SCOPES
from tests.api.conftest import GROUP_ID, Worker, client_of, create

#: Method, path and the scope that it needs.
ENDPOINTS = [
    ("GET", "/api/tasks", "tasks:read"),
    ("POST", "/api/tasks", "tasks:write"),
    ("GET", "/api/tasks/{id}", "tasks:read"),
    ("PUT", "/api/tasks/{id}", "tasks:write"),
    ("DELETE", "/api/tasks/{id}", "tasks:write"),
    ("POST", "/api/tasks/{id}/reset", "tasks:write"),
    ("GET", "/api/tasks/{id}/result", "results:read"),
    ("GET", "/api/tasks/{id}/export", "results:read"),
]
ON_A_TASK = [(method, path) for method, path, _ in ENDPOINTS if "{id}" in path]
ANY_ENDPOINT = [(method, path) for method, path, _ in ENDPOINTS]

each_endpoint = pytest.mark.parametrize(("method", "path"), ANY_ENDPOINT)


async def send(
    client: httpx2.AsyncClient, method: str, path: str, task: int = 1
) -> httpx2.Response:
    """Send a request that would be accepted from the right client."""
    body = {"group_id": GROUP_ID, "max_posts": 10} if method in ("POST", "PUT") else None
    return await client.request(method, path.format(id=task), json=body)


def assert_unauthenticated(answer: httpx2.Response) -> None:
    """Check the documented answer to no or a wrong token."""
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


def assert_unauthorized(answer: httpx2.Response) -> None:
    """Check the documented answer to a token that may not do this."""
    expected = {"status": "error", "message": "Unauthorized"}
    assert (answer.status_code, answer.json()) == (403, expected)


@each_endpoint
async def test_no_token_is_unauthenticated(
    anonymous: httpx2.AsyncClient, method: str, path: str
) -> None:
    """Nothing is told to those who do not say who they are."""
    assert_unauthenticated(await send(anonymous, method, path))


@each_endpoint
async def test_an_unknown_token_is_unauthenticated(app: ASGIApp, method: str, path: str) -> None:
    """A token that was never issued is none."""
    async with client_of(app, "slc_" + "x" * 43) as client:
        assert_unauthenticated(await send(client, method, path))


@each_endpoint
async def test_a_revoked_token_is_unauthenticated(
    app: ASGIApp, accounts: AccountService, user: models.User, method: str, path: str
) -> None:
    """A token that was revoked is none, at once in this process."""
    issued = await accounts.create_token(user.id, "old")
    async with client_of(app, issued.token) as client:
        assert (await client.get("/api/tasks")).status_code == 200
        await accounts.revoke_token(issued.record.id)

        assert_unauthenticated(await send(client, method, path))


@each_endpoint
async def test_an_expired_token_is_unauthenticated(
    app: ASGIApp, accounts: AccountService, user: models.User, method: str, path: str
) -> None:
    """A token ends by itself at its expiry, also while its look-up is remembered."""
    expiry = datetime.now(UTC) + timedelta(hours=1)
    issued = await accounts.create_token(user.id, "short", expires_at=expiry)
    async with client_of(app, issued.token) as client:
        assert (await client.get("/api/tasks")).status_code == 200
        with time_machine.travel(expiry + timedelta(seconds=1)):
            assert_unauthenticated(await send(client, method, path))


@pytest.mark.parametrize(("method", "path"), ON_A_TASK)
async def test_another_users_task_is_unauthorized(
    client: httpx2.AsyncClient,
    stranger: httpx2.AsyncClient,
    worker: Worker,
    method: str,
    path: str,
) -> None:
    """Ownership is checked on every endpoint, and the task stays as it is."""
    task = await create(client)
    await worker.complete()
    before = (await client.get(f"/api/tasks/{task}")).json()

    answer = await send(stranger, method, path, task)

    assert_unauthorized(answer)
    assert (await client.get(f"/api/tasks/{task}")).json() == before


async def test_a_list_shows_ones_own_tasks_alone(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """What others have is neither listed nor counted."""
    await create(client)
    own = await create(stranger)

    listed = (await stranger.get("/api/tasks")).json()

    assert [task["id"] for task in listed["data"]] == [own]
    assert listed["meta"]["total"] == 1


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
async def test_a_token_without_the_scope_is_unauthorized(
    *,
    app: ASGIApp,
    client: httpx2.AsyncClient,
    accounts: AccountService,
    user: models.User,
    worker: Worker,
    method: str,
    path: str,
    scope: str,
) -> None:
    """Every endpoint needs one scope: all others together do not help, that one alone does."""
    task = await create(client)
    await worker.complete()
    others = await accounts.create_token(user.id, "others", scopes=set(SCOPES) - {scope})
    alone = await accounts.create_token(user.id, "alone", scopes=[scope])
    async with client_of(app, others.token) as without, client_of(app, alone.token) as holder:
        assert_unauthorized(await send(without, method, path, task))
        assert (await send(holder, method, path, task)).status_code not in (401, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/nothing"),
        ("PATCH", "/api/tasks"),
        ("OPTIONS", "/api/tasks"),
        ("GET", "/api/tasks/abc"),
        ("POST", "/api/tasks"),
        ("GET", "/api/openapi.json/"),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*", ""])
async def test_401_comes_before_everything_else(
    anonymous: httpx2.AsyncClient, method: str, path: str, accept: str
) -> None:
    """Before 404, 405 and validation, and whatever the client accepts."""
    answer = await anonymous.request(method, path, content=b"{", headers={"Accept": accept})

    assert_unauthenticated(answer)


async def test_the_description_and_the_reference_are_open(anonymous: httpx2.AsyncClient) -> None:
    """Reading what the API is needs no token."""
    assert (await anonymous.get("/api/openapi.json")).status_code == 200
    assert (await anonymous.get("/docs")).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer {token}", 200),
        ("bearer {token}", 200),
        ("BEARER  {token} ", 200),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("{token}", 401),
        ("Basic {token}", 401),
        ("Token {token}", 401),
        ("Bearer {token}x", 401),
        ("Bearer slc_\xff\xfe", 401),
    ],
)
async def test_the_scheme_is_bearer_in_any_case(
    anonymous: httpx2.AsyncClient, token: str, header: str, status: int
) -> None:
    """HTTP's schemes know no case; nothing else is taken for one."""
    value = header.format(token=token).encode("latin-1")

    answer = await anonymous.get("/api/tasks", headers=[(b"Authorization", value)])

    assert answer.status_code == status


async def test_a_token_in_the_address_is_not_read(
    anonymous: httpx2.AsyncClient, token: str
) -> None:
    """Addresses end up in logs."""
    assert_unauthenticated(await anonymous.get("/api/tasks", params={"api_token": token}))


async def test_a_read_only_token_learns_nothing_from_its_body(
    app: ASGIApp, accounts: AccountService, user: models.User
) -> None:
    """A body is not judged for somebody who may not send it."""
    issued = await accounts.create_token(user.id, "reader", scopes=["tasks:read"])
    async with client_of(app, issued.token) as client:
        answers: Iterable[httpx2.Response] = [
            await client.post("/api/tasks", json={}),
            await client.post("/api/tasks", content=b"{"),
            await client.put("/api/tasks/1", json={"max_posts": 0}),
        ]

    for answer in answers:
        assert_unauthorized(answer)
