"""The least that a server under uvicorn can do: read a request, and answer it always the same."""

import os
from typing import Final

from starlette.types import Receive, Scope, Send

_BODY: Final = b'"' + b"." * (int(os.environ.get("BENCH_BYTES", "500")) - 2) + b'"'
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
