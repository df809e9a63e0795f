"""HTTP under uvicorn, with what every short answer takes done once instead of each time.

uvicorn's own classes read and parse, keep the order of requests and answers, and do whatever is not
plain: upgrades, pipelined requests, HTTP/1.0, chunks, closing. From here come the beginning of a
plain request, and the writing of an answer that says how long it is: the lines of its head are
checked and encoded once, and head and body are written together. Both take half the library's time.
And answers that go on end when the server does, which uvicorn would wait for and then break off.
"""

from asyncio import Event
from collections.abc import Awaitable, Generator
from typing import Any, Final, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from web.stream import STREAMS, Streams

#: What is remembered of heads and of addresses; beyond that all is forgotten and begins anew.
_MOST_KEPT: Final = 1024
#: A longer address is parsed each time.
_MAX_URL: Final = 256
#: Says how an answer is framed or what becomes of the connection; the library deals with these.
_FRAMING: Final = frozenset({b"connection", b"transfer-encoding"})

_lines: dict[tuple[bytes, bytes], bytes] = {}
#: Of an address as it was sent, without a query: path and raw path.
_urls: dict[bytes, tuple[str, bytes]] = {}


class _Done:
    """What is done when it is asked for."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait for nothing."""
        return
        yield


_DONE: Final = _Done()


class Cycle(RequestResponseCycle):
    """One request and its answer.

    The head of an answer with a `Content-Length` is kept until the first part of its body, which
    an application sends at once.
    """

    _kept: bytes = b""

    def send(self, message: Any) -> Awaitable[None]:  # pyright: ignore[reportIncompatibleMethodOverride] - a coroutine less to await
        """Send a part of the answer."""
        plain = self.keep_alive and not self.disconnected and not self.flow.write_paused
        if plain and not self.response_started:
            if message["type"] == "http.response.start" and (head := self._head(message)):
                self.response_started = True
                self.waiting_for_100_continue = False
                self.chunked_encoding = False
                self._kept = head
                return _DONE
        elif plain and self._kept and not message.get("more_body") and self._is_whole(message):
            self.transport.write(self._kept + message["body"])
            self._kept = b""
            self.expected_content_length = 0
            self.response_complete = True
            self.message_event.set()
            self.on_response()
            return _DONE
        return self._send(message)

    async def _send(self, message: Any) -> None:
        """Send in the library's way, after a head that was kept."""
        kept, self._kept = self._kept, b""
        if kept and not self.disconnected:
            self.transport.write(kept)
        await super().send(message)

    def _head(self, message: Any) -> bytes:
        """Encode a head that says the length of what follows; of any other return nothing."""
        length = b""
        lines = [STATUS_LINE[message["status"]]]
        for name, value in (*self.default_headers, *message.get("headers", ())):
            line = _lines.get((name, value)) or _line(name, value)
            if not line or name in _FRAMING:
                return b""
            if name == b"content-length":
                length = value
            lines.append(line)
        if not length:
            return b""
        self.expected_content_length = int(length)
        lines.append(b"\r\n")
        return b"".join(lines)

    def _is_whole(self, message: Any) -> bool:
        """Say whether a message is the body that the head has announced."""
        body = message.get("body", b"")
        return len(body) == self.expected_content_length and self.scope["method"] != "HEAD"


class Protocol(HttpToolsProtocol):
    """One connection."""

    def on_headers_complete(self) -> None:
        """Begin a request when its head is there."""
        known = _urls.get(self.url)
        if known is None or not self._is_plain():
            super().on_headers_complete()
            self._remember()
            return
        parser: Any = self.parser
        scope = self.scope
        scope["method"] = parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"] = known
        scope["query_string"] = b""
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, cast("ASGI3Application", self.app))  # pyright: ignore[reportUnknownMemberType] - of several kinds

    def shutdown(self) -> None:
        """Let the answer that is under way end; a stream ends at once, as it should."""
        super().shutdown()
        streams: Streams | None = self.app_state.get(STREAMS)
        if streams is not None:
            streams.close()

    def _is_plain(self) -> bool:
        """Say whether a request is one that begins at once and has nothing uncommon."""
        earlier: Any = self.cycle
        parser: Any = self.parser
        return (
            (earlier is None or earlier.response_complete)
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
        )

    def _remember(self) -> None:
        """Keep what the library made of an address."""
        scope: Any = self.scope
        # Of an upgrade it makes nothing. A query is seldom the same twice, and may hold a secret.
        if "raw_path" not in scope or scope["query_string"] or len(self.url) > _MAX_URL:
            return
        if len(_urls) >= _MOST_KEPT:
            _urls.clear()
        _urls[self.url] = scope["path"], scope["raw_path"]


def _line(name: bytes, value: bytes) -> bytes:
    """Encode a line of a head, and remember it; nothing if it would break the head."""
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value) or name != name.lower():
        return b""
    if len(_lines) >= _MOST_KEPT:
        _lines.clear()
    line = _lines[name, value] = b"%b: %b\r\n" % (name, value)
    return line
