"""Reads what a client sent: the task's id in the path, and the body as JSON or as a form."""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import orjson
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from api.rest.errors import BodyTooLarge, ForeignOrigin, MalformedBody, UnsupportedBody
from tasks.errors import TaskNotFound, Unauthenticated, ValidationFailed
from tasks.principal import TASKS_WRITE, Principal
from tasks.validation import Idempotency
from web.origin import is_foreign

MAX_BODY_BYTES: Final = 1024 * 1024
#: Far more fields than a task has, far fewer than cost time.
_MAX_FIELDS: Final = 100

_MANY_DIGITS: Final = 10

_ID: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_LARGEST_ID: Final = 2**63 - 1

Values = Mapping[str, Any]


def principal(request: Request) -> Principal:
    """Return who asks; the authentication middleware has let nobody else through."""
    return request.scope["state"]["principal"]


def own_principal(request: Request) -> Principal:
    """Return who asks on a path that takes a session's cookie as well as a token.

    Raises:
        Unauthenticated: The request carries neither.
        ForeignOrigin: It carries the cookie on behalf of another site's page.
    """
    asking: Principal | None = request.scope["state"]["principal"]
    if asking is None:
        raise Unauthenticated("There is no Bearer token and no session.")
    if asking.via_session and is_foreign(request.headers):
        raise ForeignOrigin
    return asking


def writer(request: Request) -> Principal:
    """Return who asks, before the body of somebody who may not write is read and judged.

    Raises:
        ScopeMissing: The token may not write.
    """
    asking = principal(request)
    asking.require(TASKS_WRITE)
    return asking


def correlation_id(request: Request) -> str | None:
    """Return the id that this request's log lines carry, if it was given one."""
    return request.scope["state"].get("correlation_id")


def task_id(request: Request) -> int:
    """Return the path's task id.

    Raises:
        TaskNotFound: It is none, so there cannot be such a task.
    """
    text: str = request.scope["path_params"]["task_id"]
    if _ID.fullmatch(text) and (number := int(text)) <= _LARGEST_ID:
        return number
    raise TaskNotFound(text)


async def body(request: Request) -> object:
    """Read the body: JSON or a form, at most `MAX_BODY_BYTES`; an empty body is an empty object.

    Raises:
        BodyTooLarge: As soon as the limit is passed; the rest is not read.
        MalformedBody: It cannot be read as what it says it is.
        UnsupportedBody: It is neither JSON nor a form, or compressed.
    """
    content_type = request.headers.get("content-type", "application/json")
    kind = content_type.partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("Send the body without a Content-Encoding.")
    sent = await _bounded(request)
    if not sent:
        return {}
    if kind == "application/json" or kind.endswith("+json"):
        return _json(sent)
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return await _form(request, sent, multipart=kind.startswith("multipart"))
    raise UnsupportedBody(f"Send the body as application/json or as a form, not as {kind}.")


def required_fields(sent: object) -> Values:
    """Return an object's fields; anything else has none, so the required ones will be missed."""
    return cast("Values", sent) if isinstance(sent, dict) else {}


def optional_fields(sent: object) -> Values:
    """Return an object's fields.

    Raises:
        ValidationFailed: It is no object. Without required fields nothing else would say so.
    """
    if isinstance(sent, dict):
        return cast("Values", sent)
    raise ValidationFailed({"body": ["The body must be a JSON object."]})


def idempotency(request: Request, sent: object) -> Idempotency | None:
    """Return what the `Idempotency-Key` header asks for.

    Raises:
        ValidationFailed: The key cannot be one.
    """
    key = request.headers.get("idempotency-key")
    return None if key is None else Idempotency.of(key, door="rest", body=sent)


async def _bounded(request: Request) -> bytes:
    """Read the body while it is within the limit; what announces more is not read at all."""
    announced = request.headers.get("content-length", "").lstrip("0")
    # Python refuses to convert thousands of digits, and so many need no converting.
    if announced.isdecimal() and (len(announced) > _MANY_DIGITS or int(announced) > MAX_BODY_BYTES):
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")


def _json(sent: bytes) -> object:
    try:
        return orjson.loads(sent)
    except orjson.JSONDecodeError as error:
        raise MalformedBody from error


async def _form(request: Request, sent: bytes, *, multipart: bool) -> Values:
    """Read a form's fields; of those with the same name, the last counts."""
    try:
        text = sent.decode()
        if not multipart:
            return dict(
                parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
            )
        parser = MultiPartParser(request.headers, _once(sent), max_files=0, max_fields=_MAX_FIELDS)
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise MalformedBody("Malformed form") from error
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


async def _once(sent: bytes) -> AsyncGenerator[bytes, None]:
    yield sent
