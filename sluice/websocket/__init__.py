"""WebSockets under uvicorn, for tens of thousands that mostly wait.

What nearly all traffic consists of (a good handshake, short whole messages, pings) is read and
written here, with a few objects a socket. Whatever else a client may send or do wrong goes to the
`websockets` library, which takes over that socket for good: fragments, long messages, closing,
and every violation of RFC 6455. uvicorn's own class keeps that library's state and a parsed
handshake for every socket: 11 KiB of the 35 that a subscription took.
"""

from sluice.websocket.connection import WebSockets

__all__ = ["WebSockets"]
