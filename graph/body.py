"""The body of a POST request: JSON, in UTF-8, not longer than allowed."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import orjson
from starlette.types import Message, Receive

from graph.accept import JSON
from graph.errors import BAD_REQUEST, RequestRefused

#: Longer than any client's `Content-Type`; what it says is remembered.
_MAX_TYPE: Final = 200
#: Of a decimal number that fits 64 bits.
_MAX_DIGITS: Final = 19


async def read(headers: Mapping[bytes, bytes], receive: Receive, *, most: int) -> object:
    """Read and decode a body of at most `most` bytes.

    Raises:
        RequestRefused: It is declared as something else, too long, or no JSON.
    """
    declared = headers.get(b"content-type", b"")
    if len(declared) > _MAX_TYPE or not _is_json(declared):
        raise RequestRefused(f"Send the request as {JSON}, in UTF-8.", code=BAD_REQUEST, status=415)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise RequestRefused(
            "Send the request without a Content-Encoding.", code=BAD_REQUEST, status=415
        )
    length = headers.get(b"content-length", b"")
    size = int(length) if length.isdigit() and len(length) <= _MAX_DIGITS else 0
    if size > most:
        raise _too_long(most)
    message = await receive()
    if message.get("more_body") or message["type"] != "http.request":
        return decoded(await _whole(message, receive, most))
    text: bytes = message.get("body", b"")
    if len(text) > most:
        raise _too_long(most)
    return decoded(text)


def decoded(text: bytes) -> object:
    """Decode JSON.

    Raises:
        RequestRefused: It is none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestRefused(f"The request is no JSON: {error}.", code=BAD_REQUEST) from None


@lru_cache(maxsize=64)
def _is_json(content_type: bytes) -> bool:
    kind, _, parameters = content_type.decode("latin-1").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    return kind.strip().lower() == JSON and charset in ("", "utf-8", "utf8")


async def _whole(message: Message, receive: Receive, most: int) -> bytes:
    """Read what comes in parts; one over the limit is refused before the rest of it is read."""
    chunks: list[bytes] = []
    total = 0
    while True:
        if message["type"] == "http.disconnect":
            raise RequestRefused("The request ended early.", code=BAD_REQUEST)
        chunks.append(message.get("body", b""))
        total += len(chunks[-1])
        if total > most:
            raise _too_long(most)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _too_long(most: int) -> RequestRefused:
    return RequestRefused(f"The request has more than {most} bytes.", code=BAD_REQUEST, status=413)
