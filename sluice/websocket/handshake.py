"""The opening handshake of RFC 6455, of a request that uvicorn has read."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode(), validate=True)) == _KEY_BYTES
    except (binascii.Error, UnicodeEncodeError):
        return False
