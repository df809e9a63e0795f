"""Requests that are wrong before anything in them is looked at: always JSON, never a 500."""

import gzip
import logging
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Scope

from api.rest.parse import MAX_BODY_BYTES
from api.rest.resource import Resource
from tasks.errors import DatabaseUnavailable
from tests.api.conftest import GROUP_ID

JSON = {"Content-Type": "application/json"}
MALFORMED = {"status": "error", "message": "Malformed JSON"}


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter here."""
    return "sqlite"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"'a'",
        b"{'group_id': 1}",
        b'{"group_id": NaN}',
        b'{"max_posts": Infinity}',
        b'{"max_posts": -Infinity}',
        b'{"max_posts": ' + b"9" * 5000 + b"}",
        b'{"max_posts": 1e999}',
        b'{"group_id": "\xff\xfe"}',
        b'{"group_id": "\\ud800"}',
        b'\xef\xbb\xbf{"group_id": "a"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b'{"group_id": "a"} {}',
        b"\0",
        b" ",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_broken_json_is_400(
    client: httpx2.AsyncClient, method: str, body: bytes, accept: str
) -> None:
    """Whatever is broken about it, and whatever the client accepts."""
    path = "/api/tasks" if method == "POST" else "/api/tasks/1"

    answer = await client.request(method, path, content=body, headers={**JSON, "Accept": accept})

    assert (answer.status_code, answer.json()) == (400, MALFORMED)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'"text"', b"5", b"true", b"null", b""])
async def test_a_body_that_is_no_object_misses_the_required_fields(
    client: httpx2.AsyncClient, body: bytes
) -> None:
    """It is JSON, so it is judged by what is missing in it."""
    answer = await client.post("/api/tasks", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "group_id": ["The group id field is required."],
        "max_posts": ["The max posts field is required."],
    }


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null"])
async def test_an_update_with_no_object_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    """Nothing is required, so nothing else would say that nothing was read."""
    answer = await client.put("/api/tasks/1", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["errors"] == {"body": ["The body must be a JSON object."]}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        None,
    ],
)
async def test_json_is_read_by_each_of_its_names(
    client: httpx2.AsyncClient, content_type: str | None
) -> None:
    """Without a type, a body is JSON."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = orjson.dumps({"group_id": GROUP_ID, "max_posts": 1})

    answer = await client.post("/api/tasks", content=body, headers=headers)

    assert answer.status_code == 201


FORM = {"group_id": GROUP_ID, "group_name": "Một nhóm & more", "max_posts": "100", "priority": ""}


@pytest.mark.parametrize("multipart", [False, True])
async def test_forms_are_accepted_like_json(client: httpx2.AsyncClient, *, multipart: bool) -> None:
    """Both kinds of form; an empty field is no value."""
    parts = {name: (None, value) for name, value in FORM.items()}
    request = {"files": parts} if multipart else {"data": FORM}

    created = await client.post("/api/tasks", **request)  # pyright: ignore[reportArgumentType]

    assert created.status_code == 201, created.text
    data = created.json()["data"]
    assert (data["group_name"], data["max_posts"]) == ("Một nhóm & more", 100)
    assert data["priority"] == 0
    updated = await client.put(f"/api/tasks/{data['id']}", data={"priority": "7"})
    assert updated.json()["data"]["priority"] == 7


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"group_id=%FF%FE&max_posts=1"),
        ("application/x-www-form-urlencoded", b"group_id=\xff"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(101))),
        ("multipart/form-data", b"anything"),
        ("multipart/form-data; boundary=x", b"anything"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nanything\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 5000, b"anything"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\na\r\n--x--\r\n',
        ),
    ],
)
async def test_a_broken_form_is_400(
    client: httpx2.AsyncClient, content_type: str, body: bytes
) -> None:
    """Not UTF-8, too many fields, no boundary, files: one sentence."""
    headers = {"Content-Type": content_type}

    answer = await client.post("/api/tasks", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json() == {"status": "error", "message": "Malformed form"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "nonsense", ""])
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/tasks"), ("PUT", "/api/tasks/1")])
async def test_another_content_type_is_415(
    client: httpx2.AsyncClient, method: str, path: str, content_type: str
) -> None:
    """The answer says which would be right."""
    headers = {"Content-Type": content_type}

    answer = await client.request(method, path, content=b'{"a": 1}', headers=headers)

    assert answer.status_code == 415
    assert answer.json()["message"].startswith("Send the body as application/json or as a form")


async def test_a_compressed_body_is_415(client: httpx2.AsyncClient) -> None:
    """It is not unpacked, so it cannot be a bomb."""
    body = gzip.compress(orjson.dumps({"group_id": GROUP_ID, "max_posts": 1}))

    answer = await client.post(
        "/api/tasks", content=body, headers={**JSON, "Content-Encoding": "gzip"}
    )

    assert answer.status_code == 415
    assert answer.json() == {
        "status": "error",
        "message": "Send the body without a Content-Encoding.",
    }


async def test_a_body_at_the_limit_is_read(client: httpx2.AsyncClient) -> None:
    """The limit itself is allowed."""
    body = orjson.dumps({"group_id": GROUP_ID, "max_posts": 1})
    padded = body + b" " * (MAX_BODY_BYTES - len(body))

    assert (await client.post("/api/tasks", content=padded, headers=JSON)).status_code == 201


async def test_a_body_over_the_limit_is_refused_while_it_is_read(
    client: httpx2.AsyncClient,
) -> None:
    """An endless body ends at the limit, not in memory."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * MAX_BODY_BYTES:
            sent += 65536
            yield b" " * 65536

    answer = await client.post("/api/tasks", content=endless(), headers=JSON)

    assert answer.status_code == 413
    expected = f"The body is larger than {MAX_BODY_BYTES} bytes."
    assert answer.json() == {"status": "error", "message": expected}
    assert answer.headers["connection"] == "close"
    assert sent <= MAX_BODY_BYTES + 2 * 65536


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 30, "00" + "9" * 9])
async def test_a_body_that_announces_too_much_is_not_read(
    client: httpx2.AsyncClient, length: str
) -> None:
    """The header is enough to refuse it."""

    async def unread() -> AsyncIterator[bytes]:
        yield b""
        raise AssertionError("the body was read")

    answer = await client.post(
        "/api/tasks", content=unread(), headers={**JSON, "Content-Length": length}
    )

    assert answer.status_code == 413


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the tasks it adds do not matter
)
@given(
    body=st.binary(max_size=200)
    | st.text(alphabet='{}[]":,\\/ue0d8group_id', max_size=60).map(str.encode),
    content_type=st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
        ]
    ),
)
async def test_any_body_gets_an_answer_in_json(
    client: httpx2.AsyncClient, body: bytes, content_type: str
) -> None:
    """Nothing that can be sent is a server error."""
    answer = await client.post("/api/tasks", content=body, headers={"Content-Type": content_type})

    assert answer.status_code in (201, 400, 415, 422)
    assert answer.json()


async def test_an_unforeseen_error_is_masked_by_an_id_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client learns nothing but the id; the log has it beside the traceback."""

    async def broken(_: object) -> None:
        raise RuntimeError("the password is swordfish")

    with caplog.at_level(logging.ERROR, logger="api.rest.errors"):
        answer = await _get(Resource(get=broken))  # pyright: ignore[reportArgumentType] - it is broken

    assert answer.status_code == 500
    error_id = answer.json()["error_id"]
    assert answer.json() == {"status": "error", "message": "Server error", "error_id": error_id}
    assert error_id in caplog.text
    assert "swordfish" in caplog.text


async def test_a_database_that_is_away_is_503(caplog: pytest.LogCaptureFixture) -> None:
    """The client is told to come back, the log which database and why."""

    async def away(_: object) -> None:
        raise DatabaseUnavailable("PostgreSQL at 10.0.0.1 does not answer.")

    answer = await _get(Resource(get=away))  # pyright: ignore[reportArgumentType] - it is broken

    expected = {"status": "error", "message": "Service unavailable"}
    assert (answer.status_code, answer.json()) == (503, expected)
    assert int(answer.headers["retry-after"]) > 0
    assert "10.0.0.1" in caplog.text


async def test_a_client_that_goes_away_while_sending_is_let_go() -> None:
    """Nobody is left to answer, and nothing is logged as an error."""
    sent: list[Message] = []

    async def reads(request: object) -> None:
        await request.body()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "headers": [], "path": "/"}
    await Resource(post=reads)(scope, gone, send)  # pyright: ignore[reportArgumentType]

    assert sent == []


async def _get(app: Resource) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://example.com") as client:
        return await client.get("/")
