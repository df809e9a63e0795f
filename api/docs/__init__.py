"""The API reference at `/docs`, and the description it is made from, served from our own files.

The page is rendered once from the description, so that the two cannot disagree. It loads
nothing from other hosts, and its policy forbids inline scripts.
"""

import re
from html import escape
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.openapi import document
from api.openapi.schema import Schema
from api.rest.links import origin
from api.rest.resource import Resource

_HERE: Final = Path(__file__).parent
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CODE: Final = re.compile(r"`([^`]+)`")
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
#: Stands in the rendered page for the address that a reader uses.
_ORIGIN: Final = "{origin}"


def routes() -> list[BaseRoute]:
    """Route the description and the page. Under `/api`, so they go before the REST routes."""
    description = document()
    encoded = orjson.dumps(description, option=orjson.OPT_INDENT_2)
    page = _page(description)

    async def openapi(_: Request) -> Response:
        return Response(encoded, media_type="application/json", headers=_HEADERS)

    async def docs(request: Request) -> Response:
        text = page.replace(_ORIGIN, origin(request.scope))
        return Response(text, media_type="text/html", headers=_HEADERS)

    return [
        Route("/api/openapi.json", Resource(get=openapi)),
        Route("/docs", Resource(get=docs)),
        Route("/docs/reference.css", _asset("reference.css", "text/css")),
        Route("/docs/reference.js", _asset("reference.js", "text/javascript")),
    ]


def _asset(name: str, media_type: str) -> Resource:
    content = (_HERE / name).read_bytes()

    async def asset(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return Resource(get=asset)


def _page(description: Schema) -> str:
    templates = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["pretty"] = _pretty
    templates.filters["prose"] = _prose
    return templates.get_template("reference.html").render(
        info=description["info"],
        endpoints=[
            _endpoint(description, method, path, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
        ],
        errors=[
            (status, name, answer["description"], _example(answer))
            for name, status in _ERRORS.items()
            for answer in (description["components"]["responses"][name],)
        ],
        origin=_ORIGIN,
    )


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
    content = answer["content"]
    return content.get("application/json", content.get("text/event-stream"))["example"]


def _prose(text: str) -> str:
    """Escape a description, and show what stands between backticks in it as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _pretty(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    )
