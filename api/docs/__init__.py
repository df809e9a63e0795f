"""The API reference at `/docs`, and the description it is made from, served from our own files.

The page is made from the description, so that the two cannot disagree. Beside each operation
stands the GraphQL document that does the same.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.docs.graphql import DOCUMENTS
from api.openapi import document
from api.openapi.schema import Schema
from api.pages import Access, Site, Visit
from api.rest.resource import Resource

_CODE: Final = re.compile(r"`([^`]+)`")
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


def routes(site: Site) -> list[BaseRoute]:
    """Route the description and the page. Under `/api`, so they go before the REST routes."""
    description = document()
    encoded = orjson.dumps(description, option=orjson.OPT_INDENT_2)
    shown = _shown(description)
    site.add_filters(pretty=_pretty, prose=_prose, curl=_curl)

    async def openapi(_: Request) -> Response:
        return Response(encoded, media_type="application/json", headers=_HEADERS)

    async def docs(visit: Visit) -> Response:
        return visit.show("docs.html", address=visit.origin + visit.url(""), **shown)

    return [
        Route("/api/openapi.json", Resource(get=openapi)),
        site.page("/docs", get=docs, access=Access.ANYBODY),
    ]


def _shown(description: Schema) -> dict[str, Any]:
    """Gather what the page shows."""
    return {
        "info": description["info"],
        "endpoints": [
            _endpoint(description, method, path, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
        ],
        "errors": [
            (status, name, answer["description"], _example(answer))
            for name, status in _ERRORS.items()
            for answer in (description["components"]["responses"][name],)
        ],
    }


#: The failures that a reader should know, in the document's order.
_ERRORS: Final = {
    "Unauthenticated": "401 Unauthorized",
    "Unauthorized": "403 Forbidden",
    "TaskOrResultNotFound": "404 Not Found",
    "ValidationFailed": "422 Validation Error",
    "TooManyAttempts": "429 Too Many Requests",
    "Malformed": "400 Bad Request",
    "BodyTooLarge": "413 Content Too Large",
    "UnsupportedBody": "415 Unsupported Media Type",
    "Unavailable": "503 Service Unavailable",
}


def _endpoint(description: Schema, method: str, path: str, operation: Schema) -> dict[str, Any]:
    """Gather what the page shows of an operation."""
    body = operation.get("requestBody")
    json_body = body["content"]["application/json"] if body else None
    status, success = next(iter(operation["responses"].items()))
    parameters = operation.get("parameters", [])
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "note": operation.get("description"),
        "scope": operation["x-scope"],
        "query": [_parameter(p) for p in parameters if p["in"] == "query"],
        "headers": [_parameter(p) for p in parameters if p["in"] == "header"],
        "fields": _fields(description, json_body["schema"]) if json_body else [],
        "graphql": DOCUMENTS[operation["operationId"]],
        "request": json_body["example"] if json_body else None,
        "status": status,
        "response": _example(success),
        "refusals": [code for code in operation["responses"] if code >= "400"],
    }


def _parameter(parameter: Schema) -> dict[str, Any]:
    schema = parameter["schema"]
    return {
        "name": parameter["name"],
        "type": schema["type"],
        "description": parameter["description"],
        "default": schema.get("default"),
        "choices": schema.get("enum"),
    }


def _fields(description: Schema, reference: Schema) -> list[dict[str, Any]]:
    name = reference["$ref"].rpartition("/")[2]
    schema = description["components"]["schemas"][name]
    return [
        {
            "name": field,
            "type": _type(sent),
            "required": field in schema.get("required", []),
            "description": sent["description"],
            "rules": sent["x-rules"],
        }
        for field, sent in schema["properties"].items()
    ]


def _type(sent: Schema) -> str:
    """Name a field's first type: the one to send, where others are taken as well."""
    first: str | list[str] = (sent["anyOf"][0] if "anyOf" in sent else sent)["type"]
    return first if isinstance(first, str) else first[0]


def _example(answer: Schema) -> Any:
    """Return the example in the first media type that is described."""
    return next(iter(answer["content"].values()))["example"]


def _prose(text: str) -> str:
    """Escape a description, and show what stands between backticks in it as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _curl(endpoint: Mapping[str, Any], address: str) -> str:
    """Write a call that can be pasted into a shell, once the token stands in it."""
    verb = "" if endpoint["method"] == "GET" else f" -X {endpoint['method']}"
    lines = [
        f"curl{verb} {address}{endpoint['path'].replace('{id}', '1')}",
        "-H 'Authorization: Bearer {your-api-token}'",
    ]
    if endpoint["request"] is not None:
        body = orjson.dumps(endpoint["request"]).decode().replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " \\\n  ".join(lines)


def _pretty(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    )
