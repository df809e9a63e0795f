"""The opening handshake of RFC 6455, of a request that uvicorn has read."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from uvicorn import Config
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.utils import accept_key

_VERSION: Final = "13"
_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Handshake:
    """A good one. Texts are Latin-1, as they came."""

    key: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]  #: Names in lower case.
    subprotocols: list[str]


def read(data: bytes) -> Handshake | None:
    """Read a request that uvicorn wrote down: valid HTTP, which asks for the upgrade.

    None when it is no good handshake.
    """
    request_line, *lines = data.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = request_line.split(" ")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    keys = [value for name, value in headers if name == "sec-websocket-key"]
    versions = [value for name, value in headers if name == "sec-websocket-version"]
    if method != "GET" or versions != [_VERSION] or len(keys) != 1 or not _is_key(keys[0]):
        return None
    path, _, query = target.partition("?")
    offered = ",".join(value for name, value in headers if name == "sec-websocket-protocol")
    return Handshake(
        key=keys[0],
        path=path,
        query=query,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        subprotocols=[each.strip() for each in offered.split(",") if each.strip()],
    )


def scope(
    handshake: Handshake,
    transport: asyncio.BaseTransport,
    config: Config,
    state: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the application is told of a connection, as ASGI names it."""
    root_path = config.root_path
    return {
        "type": "websocket",
        "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if transport.get_extra_info("sslcontext") else "ws",
        "server": _address(transport.get_extra_info("sockname")),
        "client": _address(transport.get_extra_info("peername")),
        "root_path": root_path,
        "path": root_path + unquote(handshake.path),
        "raw_path": (root_path + handshake.path).encode("latin-1"),
        "query_string": handshake.query.encode("latin-1"),
        "headers": handshake.headers,
        "subprotocols": handshake.subprotocols,
        "state": dict(state),
        "extensions": {},
    }


def accepted(key: str, protocol: str | None, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the answer that opens the socket."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: " + accept_key(key).encode(),
    ]
    if protocol is not None:
        lines.append(b"sec-websocket-protocol: " + protocol.encode())
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join((*lines, b"", b""))


def refused(data: bytes) -> bytes:
    """Let the library say what is wrong with a handshake."""
    library = ServerProtocol()
    library.receive_data(data)
    for request in library.events_received():
        if isinstance(request, Request):
            response: Response = library.accept(request)
            if response.status_code == 101:  # noqa: PLR2004 - "Switching Protocols"
                response = library.reject(400, "This handshake is ambiguous.\n")
            library.send_response(response)
    return b"".join(library.data_to_send())


def _address(found: object) -> tuple[str, int] | None:
    """Return a socket's address; only IP has one of this kind."""
    if isinstance(found, tuple) and len(found) >= 2:  # pyright: ignore[reportUnknownArgumentType] # noqa: PLR2004 - a host and a port
        return str(found[0]), int(found[1])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return None


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode(), validate=True)) == _KEY_BYTES
    except (binascii.Error, UnicodeEncodeError):
        return False
