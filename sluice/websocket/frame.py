"""The ordinary frames of RFC 6455: whole, masked by the client, and up to 65,535 bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage] - the fast one, where there is it

# The first byte of a frame: its type, with the bit that says that the message ends with it.
TEXT: Final = 0x81
BINARY: Final = 0x82
PING: Final = 0x89
PONG: Final = 0x8A

_ORDINARY: Final = frozenset((TEXT, BINARY, PING, PONG))
_CONTROL: Final = frozenset((PING, PONG))
_MASKED: Final = 0x80
_SHORT: Final = 125  #: The longest payload whose length stands in the second byte itself.
_MEDIUM: Final = 126  #: Says that the length stands in the next two bytes,
_LONG: Final = 127  #: and this in the next eight.
_MAX_MEDIUM: Final = 0xFFFF
#: The two bytes that begin a frame, and the four of the mask.
_HEAD: Final = 6


@dataclass(frozen=True, slots=True)
class Found:
    """What some bytes hold."""

    frames: Sequence[tuple[int, bytes]]  #: Type and payload.
    rest: bytes  #: Of a frame that is not whole yet, or that is not ordinary, and what follows.
    is_ordinary: bool


def read(data: bytes) -> Found:
    """Read frames up to the first that is not ordinary, or not whole."""
    frames: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while at + 2 <= end:
        kind, size, head = data[at], data[at + 1] ^ _MASKED, _HEAD
        if size == _MEDIUM and at + 4 <= end:
            size, head = int.from_bytes(data[at + 2 : at + 4], "big"), _HEAD + 2
        is_foreign = size > _MEDIUM and head == _HEAD  # longer still, or not masked
        if (
            kind not in _ORDINARY
            or is_foreign
            or (kind in _CONTROL and data[at + 1] & 0x7F > _SHORT)
        ):
            return Found(frames, data[at:], is_ordinary=False)
        until = at + head + size
        if until > end:
            break
        frames.append((kind, apply_mask(data[at + head : until], data[at + head - 4 : at + head])))
        at = until
    return Found(frames, data[at:], is_ordinary=True)


def written(kind: int, payload: bytes) -> bytes:
    """Return a frame as a server sends it."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((kind, size)) + payload
    if size <= _MAX_MEDIUM:
        return bytes((kind, _MEDIUM)) + size.to_bytes(2, "big") + payload
    return bytes((kind, _LONG)) + size.to_bytes(8, "big") + payload
