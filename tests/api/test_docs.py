"""The description at `/api/openapi.json` and the reference at `/docs`."""

import shlex
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import httpx2
import jsonschema_rs
import orjson
import pytest
from graphql import build_schema, parse, validate
from selectolax.lexbor import LexborHTMLParser
from starlette.types import ASGIApp

from api.docs.graphql import DOCUMENTS
from api.openapi import document
from tests.api.conftest import GROUP_ID, Worker, client_of, create

OPERATIONS = [
    ("get", "/api/tasks"),
    ("post", "/api/tasks"),
    ("get", "/api/tasks/{id}"),
    ("put", "/api/tasks/{id}"),
    ("delete", "/api/tasks/{id}"),
    ("post", "/api/tasks/{id}/reset"),
    ("post", "/api/tasks/{id}/posts"),
    ("get", "/api/tasks/{id}/result"),
]

#: What answers with something else than one JSON text.
STREAMS = [("get", "/api/tasks/{id}/events"), ("get", "/api/tasks/{id}/export")]


@pytest.fixture
def backend() -> str:
    """Name one database: which one it is does not matter here."""
    return "sqlite"


class Page(HTMLParser):
    """Collects what a page refers to, and what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.fields: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.links += [given[name] for name in ("href", "src") if name in given]
        if tag == "label":
            self.labelled.append(given["for"])
        if tag in ("input", "select", "textarea"):
            self.fields += [given["id"]] if given.get("type") != "hidden" else []
        inline = "style" in given or any(name.startswith("on") for name in given)
        if inline or (tag == "script" and "src" not in given) or tag == "style":
            self.inline.append(tag)


@pytest.fixture
async def description(anonymous: httpx2.AsyncClient) -> dict[str, Any]:
    """Return the description as it is served."""
    return (await anonymous.get("/api/openapi.json")).json()


@pytest.fixture
async def page(anonymous: httpx2.AsyncClient) -> httpx2.Response:
    """Return the reference."""
    return await anonymous.get("/docs")


def resolved(description: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    while "$ref" in part:
        target: Any = description
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


def answers(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List every described answer: its operation, its status and its JSON."""
    return [
        (f"{method} {path}", status, resolved(description, answer)["content"]["application/json"])
        for method, path in OPERATIONS
        for status, answer in description["paths"][path][method]["responses"].items()
    ]


def assert_valid(description: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    """Check a value against one of the description's schemas."""
    whole = {**schema, "components": description["components"]}
    jsonschema_rs.validator_for(whole, validate_formats=True).validate(value)


async def test_the_description_names_the_documented_operations_alone(
    description: dict[str, Any],
) -> None:
    """Seven operations and what stands beside them, each behind the Bearer token."""
    found = [
        (method, path)
        for path, item in description["paths"].items()
        for method in item
        if method != "parameters"
    ]

    assert set(STREAMS) <= set(found)
    assert [each for each in found if each not in STREAMS] == OPERATIONS
    assert description["openapi"] == "3.1.0"
    assert description["security"] == [{"bearer": []}]


async def test_every_described_example_fits_its_schema(description: dict[str, Any]) -> None:
    """The description does not contradict itself."""
    for _, _, content in answers(description):
        assert_valid(description, content["schema"], content["example"])
    for method, path in OPERATIONS:
        body = description["paths"][path][method].get("requestBody")
        if body:
            content = body["content"]["application/json"]
            assert_valid(description, content["schema"], content["example"])


async def test_answers_have_no_keys_but_the_described(description: dict[str, Any]) -> None:
    """Every object of an answer is closed, but for the errors' field names."""

    def objects(schema: Any) -> list[dict[str, Any]]:
        if isinstance(schema, list):
            return [o for item in cast("list[Any]", schema) for o in objects(item)]
        if not isinstance(schema, dict):
            return []
        part = resolved(description, cast("dict[str, Any]", schema))
        inner = [o for value in part.values() for o in objects(value)]
        return [part, *inner] if part.get("type") == "object" else inner

    for name, _, content in answers(description):
        for found in objects(content["schema"]):
            closed = found.get("additionalProperties") is False
            assert closed or found["minProperties"] == 1, name


async def test_real_answers_fit_the_description(
    client: httpx2.AsyncClient,
    anonymous: httpx2.AsyncClient,
    stranger: httpx2.AsyncClient,
    worker: Worker,
    description: dict[str, Any],
) -> None:
    """Tasks with results, lists of them, and each documented error."""
    done = await create(client, group_name="Name")
    await worker.complete(posts=3)
    failed = await create(client)
    await worker.fail()
    waiting = await create(client)
    new = {"group_id": GROUP_ID, "max_posts": 1}
    real = [
        ("get", "/api/tasks", await client.get("/api/tasks")),
        ("get", "/api/tasks", await client.get("/api/tasks?per_page=1&page=2")),
        ("get", "/api/tasks", await client.get("/api/tasks?page=0")),
        ("post", "/api/tasks", await client.post("/api/tasks", json=new)),
        ("post", "/api/tasks", await client.post("/api/tasks", json={})),
        ("post", "/api/tasks", await client.post("/api/tasks", content=b"{")),
        (
            "put",
            "/api/tasks/{id}",
            await client.put("/api/tasks/1", content=b"a", headers={"Content-Type": "text/plain"}),
        ),
        ("get", "/api/tasks/{id}", await client.get(f"/api/tasks/{done}")),
        ("get", "/api/tasks/{id}", await client.get(f"/api/tasks/{failed}")),
        ("get", "/api/tasks/{id}", await client.get("/api/tasks/999")),
        ("get", "/api/tasks/{id}", await stranger.get(f"/api/tasks/{done}")),
        ("get", "/api/tasks/{id}", await anonymous.get(f"/api/tasks/{done}")),
        ("put", "/api/tasks/{id}", await client.put(f"/api/tasks/{waiting}", json={})),
        ("put", "/api/tasks/{id}", await client.put(f"/api/tasks/{done}", json={})),
        ("get", "/api/tasks/{id}/result", await client.get(f"/api/tasks/{done}/result")),
        ("get", "/api/tasks/{id}/result", await client.get(f"/api/tasks/{failed}/result")),
        ("get", "/api/tasks/{id}/result", await client.get("/api/tasks/999/result")),
        ("post", "/api/tasks/{id}/reset", await client.post(f"/api/tasks/{waiting}/reset")),
        ("post", "/api/tasks/{id}/reset", await client.post(f"/api/tasks/{done}/reset")),
        ("delete", "/api/tasks/{id}", await client.delete(f"/api/tasks/{done}")),
    ]

    for method, path, answer in real:
        described = description["paths"][path][method]["responses"][str(answer.status_code)]
        content = resolved(description, described)["content"]["application/json"]
        assert_valid(description, content["schema"], answer.json())
    assert {answer.status_code for _, _, answer in real} == {
        *(200, 201, 400, 401, 403, 404, 415, 422)
    }


@pytest.mark.parametrize(
    "body",
    [
        {"group_id": "", "max_posts": 1},
        {"group_id": True, "max_posts": 1},
        {"group_id": "a", "max_posts": 0},
        {"group_id": "a", "max_posts": 501},
        {"group_id": "a", "max_posts": 1.5},
        {"group_id": "a", "max_posts": "1.5"},
        {"group_id": "a", "max_posts": None},
        {"group_id": "a"},
        {"group_id": "a", "max_posts": 1, "priority": 2**31},
        {"group_id": "a", "max_posts": 1, "priority": []},
        {"group_id": "a", "max_posts": 1, "group_name": 5},
    ],
)
async def test_the_description_and_the_validation_refuse_the_same(
    client: httpx2.AsyncClient, description: dict[str, Any], body: dict[str, Any]
) -> None:
    """What the schema denies, the API denies."""
    schema = {"$ref": "#/components/schemas/NewTask"}

    with pytest.raises(jsonschema_rs.ValidationError):
        assert_valid(description, schema, body)
    assert (await client.post("/api/tasks", json=body)).status_code == 422


async def test_the_reference_needs_nothing_from_elsewhere(
    anonymous: httpx2.AsyncClient, page: httpx2.Response
) -> None:
    """No other host, no inline script or style, and a policy that holds it to that."""
    parsed = Page()
    parsed.feed(page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert parsed.inline == []
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    for link in parsed.links:
        assert link.startswith(("#", "/"))
        assert not link.startswith("//")
        if link.startswith(("/static/", "/api/")):
            assert (await anonymous.get(link)).status_code == 200


async def test_the_reference_is_complete(
    page: httpx2.Response, description: dict[str, Any]
) -> None:
    """Each operation has its place, its example and a form; each link inside leads somewhere."""
    parsed = Page()
    parsed.feed(page.text)

    for method, path in OPERATIONS:
        operation = description["paths"][path][method]
        assert operation["operationId"] in parsed.ids
        assert f'data-method="{method.upper()}" data-path="{path}"' in page.text
        assert operation["summary"].replace("'", "&#39;") in page.text
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert set(parsed.labelled) == set(parsed.fields)
    assert "{origin}" not in page.text
    assert "None" not in page.text


def test_each_operation_has_its_twin_in_graphql() -> None:
    """The documents are valid in the schema, and none is left over."""
    schema = build_schema(Path("schema.graphql").read_text(), assume_valid=True)
    operations = {
        operation["operationId"]
        for item in document()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }

    assert set(DOCUMENTS) == operations
    for text in DOCUMENTS.values():
        assert validate(schema, parse(text)) == []


async def test_the_examples_of_curl_can_be_pasted(page: httpx2.Response) -> None:
    """Quoted for a shell, with the place for the token in each."""
    commands = [
        node.text()
        for node in LexborHTMLParser(page.text).css("pre")
        if node.text().startswith("curl ")
    ]

    assert len(commands) == len(DOCUMENTS) + 2
    for command in commands:
        words = shlex.split(command.replace("\\\n", ""))
        assert "Authorization: Bearer {your-api-token}" in words
        if "-d" in words:
            assert orjson.loads(words[words.index("-d") + 1])


async def test_the_reference_shows_the_readers_address(
    build: Callable[..., ASGIApp], anonymous: httpx2.AsyncClient
) -> None:
    """The curl examples can be pasted."""
    there = await anonymous.get("/docs", headers={"Host": "shop.example:8443"})
    async with client_of(build()) as client:
        hostile = await client.get("/docs", headers={"Host": '"><script>alert(1)</script>'})

    assert "http://shop.example:8443/api/tasks" in there.text
    assert "<script>alert" not in hostile.text
