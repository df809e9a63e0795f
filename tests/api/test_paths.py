"""What each path and method answers, and the addresses in links."""

import httpx2
import pytest
from starlette.types import ASGIApp, Message, Scope

from tests.api.conftest import (
    NOT_FOUND,
    assert_invalid,
    client_of,
    create,
)


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter to these rules."""
    return "sqlite"


@pytest.mark.parametrize(
    "task_id",
    [
        "999999",
        "0",
        "-1",
        "+1",
        "01",
        "abc",
        "1.0",
        "1e3",
        "9" * 19,
        "9" * 400,
        "%00",
        "%D9%A1",
        "1%20",
    ],
)
@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/reset"),
        ("GET", "/result"),
        ("GET", "/export"),
    ],
)
async def test_an_id_that_is_none_is_not_found(
    client: httpx2.AsyncClient, task_id: str, method: str, tail: str
) -> None:
    """Unknown, non-numeric and out of range are the same to a client."""
    answer = await client.request(method, f"/api/tasks/{task_id}{tail}")

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/nothing", "/api/tasks/1/tasks", "/api/tasks/1/2/3", "/api//tasks"],
)
async def test_an_unknown_path_is_not_found(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    """A path that nothing answers is 404 for every method."""
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/tasks/1", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("GET", "/api/tasks/1/reset", "OPTIONS, POST"),
        ("HEAD", "/api/tasks/1/reset", "OPTIONS, POST"),
        ("POST", "/api/tasks/1/result", "GET, HEAD, OPTIONS"),
        ("BREW", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_refused_in_json(
    client: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """405, with the methods that would be right."""
    answer = await client.request(method, path, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert answer.json() == {"status": "error", "message": "Method not allowed"}


async def test_a_slash_at_the_end_changes_nothing(client: httpx2.AsyncClient) -> None:
    """The original framework takes it off; nobody is redirected."""
    task = await create(client)

    shown = await client.get(f"/api/tasks/{task}/")

    assert shown.json() == (await client.get(f"/api/tasks/{task}")).json()
    assert (await client.get("/api/tasks/")).json()["meta"]["total"] == 1


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("status=done", {"status": ["The selected status is invalid."]}),
        ("sort_by=id", {"sort_by": ["The selected sort by is invalid."]}),
        ("sort_order=up", {"sort_order": ["The selected sort order is invalid."]}),
        ("per_page=0", {"per_page": ["The per page field must be at least 1."]}),
        ("per_page=101", {"per_page": ["The per page field must not be greater than 100."]}),
        ("per_page=x", {"per_page": ["The per page field must be an integer."]}),
        ("per_page=1.5", {"per_page": ["The per page field must be an integer."]}),
        ("page=0", {"page": ["The page field must be at least 1."]}),
        ("page=-1", {"page": ["The page field must be at least 1."]}),
        ("page=" + "9" * 5000, {"page": ["The page field must be an integer."]}),
        ("page=%00", {"page": ["The page field must be an integer."]}),
        ("page=%FF", {"page": ["The page field must be an integer."]}),
        (
            "status=x&page=y",
            {
                "status": ["The selected status is invalid."],
                "page": ["The page field must be an integer."],
            },
        ),
    ],
)
async def test_bad_parameters_are_named(
    client: httpx2.AsyncClient, query: str, errors: dict[str, list[str]]
) -> None:
    """Each is refused with a sentence, all at once."""
    assert_invalid(await client.get(f"/api/tasks?{query}"), errors)


@pytest.mark.parametrize("host", ["shop.example:8443", "[2001:db8::1]:80", "10.0.0.7"])
async def test_links_are_on_the_address_that_the_client_used(
    client: httpx2.AsyncClient, host: str
) -> None:
    """As `Host` says it, port included."""
    body = (await client.get("/api/tasks", headers={"Host": host})).json()

    assert body["links"]["first"] == f"http://{host}/api/tasks?page=1"


@pytest.mark.parametrize("host", ["a/b?c#d", 'x"><script>', "a b", ""])
async def test_a_host_that_is_none_stays_out_of_links(
    client: httpx2.AsyncClient, host: str
) -> None:
    """What is no name is not repeated."""
    body = (await client.get("/api/tasks", headers={"Host": host})).json()

    assert body["links"]["first"] == "http://example.com/api/tasks?page=1"


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/{id}", "/api/openapi.json", "/docs"])
async def test_head_is_get_without_the_body(client: httpx2.AsyncClient, path: str) -> None:
    """The same status and headers, the length included."""
    path = path.format(id=await create(client))

    plain = {"accept-encoding": "identity"}
    head, get = await client.head(path, headers=plain), await client.get(path, headers=plain)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tasks", 200),
        ("/api/tasks/999", 404),
        ("/api/tasks/1/reset", 405),
        ("/api/nothing", 404),
        ("/docs", 200),
    ],
)
async def test_head_sends_no_bytes_of_a_body(
    app: ASGIApp, token: str, path: str, status: int
) -> None:
    """Also of an error. The messages themselves are looked at: clients drop such a body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "HEAD",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == status
    assert b"".join(message.get("body", b"") for message in sent) == b""


async def test_options_says_which_methods_there_are(client: httpx2.AsyncClient) -> None:
    """Without CORS it says no more than that."""
    answer = await client.options("/api/tasks")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_mounted_application_links_below_its_mount(app: ASGIApp, token: str) -> None:
    """A path prefix that the server takes off is in the links, and authentication still holds."""
    async with client_of(app, token, root_path="/collector") as client:
        body = (await client.get("/collector/api/tasks")).json()
    async with client_of(app, root_path="/collector") as anonymous:
        refused = await anonymous.get("/collector/api/tasks")

    assert body["links"]["first"] == "http://example.com/collector/api/tasks?page=1"
    assert refused.status_code == 401
