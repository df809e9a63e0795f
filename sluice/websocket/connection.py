"""One WebSocket connection, between uvicorn and the ASGI application."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from uvicorn import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from sluice.websocket import frame, handshake
from sluice.websocket.heartbeat import PING_SECONDS, Heartbeat, Pinged

#: How long a client may take to answer a close.
CLOSE_SECONDS: Final = 10.0
#: Messages that wait for the application before the socket is read no further.
WAITING: Final = 16

SERVICE_RESTART: Final = 1012  #: Clients connect again.
INTERNAL: Final = 1011
NOT_UTF8: Final = 1007
ABNORMAL: Final = 1006

_PING: Final = frame.written(frame.PING, b"")
_OF_MESSAGES: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
#: The fragments of no message.
_NONE: Final[list[Frame]] = []

Event = dict[str, Any]

log = structlog.stdlib.get_logger(__name__)


class WebSockets:
    """All WebSockets of a server. uvicorn calls it, as its `ws`, for each that is to be."""

    def __init__(self, *, max_message_bytes: int, ping_seconds: float = PING_SECONDS) -> None:
        self.max_message_bytes = max_message_bytes
        self.heartbeat = Heartbeat(ping_seconds)

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> "WebSocket":
        """Make the protocol of one connection."""
        return WebSocket(self, config, server_state, app_state)


class WebSocket(asyncio.Protocol):
    """One connection, between uvicorn and the ASGI application."""

    __slots__ = (
        "_app_state",
        "_close_timer",
        "_config",
        "_fragments",
        "_heard",
        "_held",
        "_key",
        "_library",
        "_lot",
        "_messages",
        "_opened",
        "_over",
        "_partial",
        "_sockets",
        "_state",
        "_transport",
        "_waiter",
        "_writable",
    )

    def __init__(
        self, sockets: WebSockets, config: Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._sockets = sockets
        self._config = config
        self._state = state
        self._app_state = app_state
        self._transport: Any = None
        self._key = ""  # of the handshake
        self._opened = False  # whether the application has accepted the handshake
        self._over = False  # whether nothing more is sent: it was closed, or the client is gone
        self._messages: deque[Event] | None = None  # that wait for the application
        self._waiter: asyncio.Future[None] | None = None  # the application, that waits for them
        self._writable: asyncio.Event | None = None  # while the client is slow to read
        self._partial = b""  # of a frame
        self._fragments: list[Frame] = _NONE  # of a message
        self._library: ServerProtocol | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self._held = False  # whether reading is paused: the application is slow
        self._heard = True  # whether anything came since the last ping
        self._lot: set[Pinged] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over from the HTTP protocol."""
        self._transport = transport
        connections: set[Any] = self._state.connections
        connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the handshake, then frames."""
        self._heard = True
        if not self._key:
            if not self._over:
                self._shake_hands(data)
            return
        if self._library is None:
            found = frame.read(self._partial + data if self._partial else data)
            self._partial = data = found.rest
            for kind, payload in found.frames:
                self._take(kind, payload)
            if found.is_ordinary:
                return
        self._take_by_library(self._library or self._taken_over(), data)

    def eof_received(self) -> None:
        """Let the connection be closed."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, and whoever waits to send."""
        del exc
        connections: set[Any] = self._state.connections
        connections.discard(self)
        self._end(ABNORMAL)
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None  # It leads back here.
        self.resume_writing()

    def pause_writing(self) -> None:
        """Let who sends wait: the client is slow to read."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Let them go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def shutdown(self) -> None:
        """Send the client elsewhere: the server ends."""
        if not self._opened:
            self._answer(503, "Service Unavailable")
        elif not self._over:
            self._close(SERVICE_RESTART, "")
            self._end(SERVICE_RESTART)
        self._transport.close()

    def ping(self) -> None:
        """Ask whether the client is there; one that has not answered the last time is not."""
        if not self._heard:
            self._fail(INTERNAL, "keepalive ping timeout")
            self._transport.close()
            return
        self._heard = False
        self._transport.write(_PING)

    # The application's side.

    async def receive(self) -> Event:
        """Wait for the next event."""
        while not self._messages:
            if self._over:
                return {"type": "websocket.disconnect", "code": ABNORMAL}
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
            self._resume_reading()
        return message

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take what the application sends; wait while the client is slow to read.

        Raises:
            ClientDisconnected: There is nobody to send it to.
        """
        while self._writable is not None:
            await self._writable.wait()
        if self._over:
            raise ClientDisconnected
        kind = message["type"]
        if kind == "websocket.send" and self._opened:
            text: str | None = message.get("text")
            if text is not None:
                self._transport.write(frame.written(frame.TEXT, text.encode()))
            else:
                self._transport.write(frame.written(frame.BINARY, message["bytes"]))
        elif kind == "websocket.accept" and not self._opened:
            self._accept(message.get("subprotocol"), message.get("headers", ()))
        elif kind == "websocket.close" and self._opened:
            self._close(message.get("code", 1000), message.get("reason") or "")
            self._end(message.get("code", 1000))
        elif kind == "websocket.close":
            self._answer(403, "Forbidden")
        else:
            raise RuntimeError(f"{kind} was sent at the wrong time")

    async def _run(self, scope: Event) -> None:
        config: Any = self._config  # whose application is typed in part
        try:
            await config.loaded_app(scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            log.exception("a WebSocket failed")
            if self._opened and not self._over:
                self._fail(INTERNAL, "")
        if not self._opened:
            self._answer(500, "Internal Server Error")
        elif self._close_timer is None:
            self._transport.close()

    # The handshake.

    def _shake_hands(self, data: bytes) -> None:
        request = handshake.read(data)
        if request is None:
            self._transport.write(handshake.refused(data))
            self._over = True
            self._transport.close()
            return
        self._key = request.key
        scope = handshake.scope(request, self._transport, self._config, self._app_state)
        self._put({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._run(scope))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _accept(self, protocol: str | None, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._transport.write(handshake.accepted(self._key, protocol, headers))
        self._opened = True
        self._lot = self._sockets.heartbeat.begin(self)

    def _answer(self, status: int, phrase: str) -> None:
        """Answer the handshake with a refusal."""
        if not self._over:
            text = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self._transport.write(text.encode())
            self._end(ABNORMAL)
        self._transport.close()

    # Frames.

    def _take(self, kind: int, payload: bytes) -> None:
        """Take a whole frame."""
        if kind == frame.TEXT:
            try:
                self._put({"type": "websocket.receive", "text": payload.decode()})
            except UnicodeDecodeError:
                self._fail(NOT_UTF8, "")
        elif kind == frame.BINARY:
            self._put({"type": "websocket.receive", "bytes": payload})
        elif kind == frame.PING and not self._over:
            self._transport.write(frame.written(frame.PONG, payload))

    def _take_by_library(self, library: ServerProtocol, data: bytes) -> None:
        library.receive_data(data)
        for event in library.events_received():
            if isinstance(event, Frame):
                self._take_part(event)
        self._flush(library)
        if library.close_rcvd is not None:
            self._end(library.close_rcvd.code)
            self._transport.close()
        elif library.parser_exc is not None:
            self._end(ABNORMAL if library.close_sent is None else library.close_sent.code)
            self._await_end()

    def _take_part(self, part: Frame) -> None:
        """Take a frame that the library has read, and answered where it is to be answered."""
        if part.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments = [part]
        elif part.opcode is Opcode.CONT:
            self._fragments.append(part)
        if part.opcode in _OF_MESSAGES and part.fin:
            kind = frame.TEXT if self._fragments[0].opcode is Opcode.TEXT else frame.BINARY
            payload = b"".join(each.data for each in self._fragments)
            self._fragments = []
            self._take(kind, payload)

    def _taken_over(self) -> ServerProtocol:
        """Give the conversation to the library."""
        self._library = ServerProtocol(state=OPEN, max_size=self._sockets.max_message_bytes)
        self._fragments = []
        return self._library

    def _resume_reading(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.resume_reading()
        self._held = False

    def _flush(self, library: ServerProtocol) -> None:
        parts = library.data_to_send()
        # What comes after the end is thrown away, and answered with nothing.
        if not parts or self._transport.is_closing():
            return
        self._transport.write(b"".join(parts))
        if not parts[-1]:  # the library's way to say: no more
            self._transport.write_eof()

    # The end.

    def _put(self, message: Event) -> None:
        """Give the application an event."""
        if self._over:
            return
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if len(self._messages) >= WAITING and not self._held and not self._transport.is_closing():
            self._held = True
            self._transport.pause_reading()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _close(self, code: int, reason: str) -> None:
        """Send a close frame, and wait for the client's."""
        library = self._library
        if library is None:
            library = self._taken_over()
            library.receive_data(self._partial)
        if library.state is OPEN:
            library.send_close(code, reason)
        self._flush(library)
        self._resume_reading()
        self._await_end()

    def _await_end(self) -> None:
        """Let the client hang up, for a while: data that nobody reads resets a connection."""
        if self._close_timer is None:
            loop = asyncio.get_running_loop()
            self._close_timer = loop.call_later(CLOSE_SECONDS, self._transport.close)

    def _fail(self, code: int, reason: str) -> None:
        """Close for a reason of the server's own, or of the protocol's."""
        if not self._over:
            self._close(code, reason)
            self._end(code)

    def _end(self, code: int) -> None:
        """Tell the application, once, that the conversation is over."""
        if not self._over:
            self._put({"type": "websocket.disconnect", "code": code})
            self._over = True
        if self._lot is not None:
            self._lot.discard(self)
            self._lot = None
