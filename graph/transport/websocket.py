"""GraphQL over WebSocket: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

One task reads the socket, and one more serves each open operation. Whoever is slow to read is
waited for by its own operations alone, whose watches then fall back on the log.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from graph.errors import RequestRefused
from graph.execution import Caller, Execution, Request
from graph.results import Results
from graph.transport.live import Live
from tasks.errors import TaskError, TooManyConnections, Unauthenticated
from tasks.principal import Principal
from web.origin import is_foreign

PROTOCOL: Final = "graphql-transport-ws"
#: What a close frame holds at most beside its code (RFC 6455, section 5.5).
_MAX_REASON: Final = 123

BAD_REQUEST: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
SUBPROTOCOL: Final = 4406
INIT_TIMEOUT: Final = 4408
SUBSCRIBER_EXISTS: Final = 4409
TOO_MANY_INITS: Final = 4429
INTERNAL: Final = 1011

Message = Mapping[str, Any]


class Closing(Exception):
    """The connection must be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


class WebSocketEndpoint:
    """The ASGI application behind `/graphql` for WebSockets."""

    def __init__(self, execution: Execution, live: Live) -> None:
        self._execution = execution
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        await receive()  # websocket.connect
        if PROTOCOL not in scope.get("subprotocols", ()):
            await send({"type": "websocket.accept"})
            reason = f"This endpoint speaks {PROTOCOL} alone"
            await send({"type": "websocket.close", "code": SUBPROTOCOL, "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await Connection(self._execution, self._live, scope, receive, send).serve()


class Connection:
    """One client's connection."""

    __slots__ = (
        "_caller",
        "_closing",
        "_execution",
        "_initialised",
        "_leave",
        "_live",
        "_operations",
        "_receive",
        "_scope",
        "_send",
        "_task",
    )

    def __init__(
        self, execution: Execution, live: Live, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._execution = execution
        self._live = live
        self._scope = scope
        self._receive = receive
        self._send = send
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._initialised = False
        self._caller: Caller | None = None
        self._leave: Callable[[], None] | None = None
        self._closing: Closing | None = None
        self._task = asyncio.current_task()

    async def serve(self) -> None:
        """Converse until either side ends it."""
        timer = asyncio.get_running_loop().call_later(
            self._live.init_seconds,
            self._expire,
        )
        try:
            await self._converse()
        except Closing as closing:
            await self._close(closing)
        except asyncio.CancelledError:
            if self._closing is None or self._task is None:
                raise
            self._task.uncancel()
            await self._close(self._closing)
        finally:
            timer.cancel()
            self._cancel()
            if self._leave is not None:
                self._leave()
                self._leave = None  # It leads back here.

    def end(self, code: int, reason: str) -> None:
        """Close the connection from outside of its task."""
        if self._closing is None and self._task is not None:
            self._closing = Closing(code, reason)
            self._task.cancel()

    def _expire(self) -> None:
        if self._caller is None and not self._initialised:
            self.end(INIT_TIMEOUT, "Connection initialisation timeout")

    def _revoke(self) -> None:
        self.end(FORBIDDEN, "Forbidden: the credential was revoked or has expired")

    async def _converse(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            await self._take(_message(event))

    async def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "connection_init":
            await self._initialise(message)
        elif kind == "ping":
            payload = _payload(message)
            await self._say({"type": "pong", **({} if payload is None else {"payload": payload})})
        elif kind == "pong":
            _payload(message)
        elif kind == "subscribe":
            await self._subscribe(message)
        elif kind == "complete":
            operation = self._operations.pop(_id(message), None)
            if operation is not None:
                operation.cancel()
        else:
            raise Closing(BAD_REQUEST, f"Invalid message: unknown type {kind!r:.40}")

    async def _initialise(self, message: Message) -> None:
        if self._initialised:
            raise Closing(TOO_MANY_INITS, "Too many initialisation requests")
        self._initialised = True
        payload = _payload(message)
        principal = await self._principal(payload or {})
        state: Mapping[str, Any] = self._scope.get("state", {})
        try:
            self._leave = self._live.connections.enter(principal, self._revoke)
        except TooManyConnections as error:
            raise Closing(FORBIDDEN, f"Forbidden: {error}") from None
        self._caller = Caller(principal, state.get("correlation_id"))
        self._scope["headers"] = ()  # A browser's are some kilobytes, for as long as it watches.
        await self._say({"type": "connection_ack"})

    async def _principal(self, payload: Mapping[str, Any]) -> Principal:
        """Return who connects: by the payload's token, else by the handshake's credential."""
        token = _token(payload)
        if token is not None:
            try:
                return await self._live.authenticate(token)
            except Unauthenticated as error:
                raise Closing(FORBIDDEN, f"Forbidden: {error}") from None
            except TaskError:
                raise Closing(INTERNAL, "The credential cannot be checked now") from None
        state: Mapping[str, Any] = self._scope.get("state", {})
        principal: Principal | None = state.get("principal")
        if principal is None:
            sentence = 'send {"Authorization": "Bearer <token>"} as the payload of connection_init'
            raise Closing(FORBIDDEN, f"Forbidden: {sentence}")
        if principal.via_session and is_foreign(Headers(scope=self._scope), needs_origin=True):
            raise Closing(FORBIDDEN, "Forbidden: a session's cookie counts only on our own pages")
        return principal

    async def _subscribe(self, message: Message) -> None:
        if self._caller is None:
            raise Closing(UNAUTHORIZED, "Unauthorized")
        operation_id, payload = _id(message), _payload(message)
        if payload is None:
            raise Closing(BAD_REQUEST, "Invalid message: subscribe needs a payload")
        try:
            request = Request.parse(payload)
        except RequestRefused as error:
            raise Closing(BAD_REQUEST, f"Invalid message: {error}") from None
        if request.query is None and not request.extensions:
            raise Closing(BAD_REQUEST, "Invalid message: the payload needs a query")
        if operation_id in self._operations:
            raise Closing(SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        if len(self._operations) >= self._live.operations:
            refusal = f"A connection has at most {self._live.operations} operations open."
            errors = [{"message": refusal, "extensions": {"code": "LIMIT_EXCEEDED"}}]
            await self._say({"id": operation_id, "type": "error", "payload": errors})
            return
        serving = self._serve_there(operation_id, request, self._caller)
        self._operations[operation_id] = asyncio.create_task(serving)

    async def _serve_there(self, operation_id: str, request: Request, caller: Caller) -> None:
        """Serve one operation for as long as the client is there."""
        with contextlib.suppress(OSError):  # It is gone, of which the connection's task hears too.
            await self._serve(operation_id, request, caller)

    async def _serve(self, operation_id: str, request: Request, caller: Caller) -> None:
        """Serve one operation. One that the client has completed is cancelled, and says no more."""
        if self._execution.kind(request) is OperationType.SUBSCRIPTION:
            answered = await self._execution.subscribe(request, caller)
        else:
            answered = await self._execution.answer(request, caller)
        if isinstance(answered, Results):
            await self._stream(operation_id, answered)
        elif not answered.executed:
            error = {"type": "error", "payload": answered.body["errors"]}
            return await self._finish(operation_id, error)
        else:
            await self._next(operation_id, answered.json())
        return await self._finish(operation_id, {"type": "complete"})

    async def _stream(self, operation_id: str, results: Results) -> None:
        try:
            async for result in results:
                await self._next(operation_id, result)
        finally:
            await results.aclose()

    async def _next(self, operation_id: str, result: bytes) -> None:
        text = b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(operation_id), result)
        await self._send({"type": "websocket.send", "text": text.decode()})

    async def _finish(self, operation_id: str, message: Message) -> None:
        """Say the operation's last message; its id is free again before the client reads it."""
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]
            await self._say({"id": operation_id, **message})

    async def _say(self, message: Message) -> None:
        await self._send({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    def _cancel(self) -> None:
        """End all operations, and forget them: a cancelled one's traceback leads back here."""
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.cancel()

    async def _close(self, closing: Closing) -> None:
        self._cancel()
        event = {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
        await self._send(event)


def _message(event: Mapping[str, Any]) -> Message:
    """Read a message.

    Raises:
        Closing: It is no JSON object with a type.
    """
    text: str | None = event.get("text")
    if text is None:
        raise Closing(BAD_REQUEST, "Invalid message: messages are text, not binary")
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closing(BAD_REQUEST, "Invalid message: it is no JSON") from None
    if not isinstance(found, dict):
        raise Closing(BAD_REQUEST, "Invalid message: it must be an object")
    message = cast("dict[str, Any]", found)
    if not isinstance(message.get("type"), str):
        raise Closing(BAD_REQUEST, "Invalid message: the type must be a string")
    return message


def _id(message: Message) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise Closing(BAD_REQUEST, "Invalid message: the id must be a string that is not empty")
    return operation_id


def _payload(message: Message) -> Mapping[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Closing(BAD_REQUEST, "Invalid message: the payload must be an object")
    return cast("Mapping[str, Any] | None", payload)


def _token(payload: Mapping[str, Any]) -> str | None:
    """Return the token of an initialisation's payload, as clients' libraries put it there."""
    for name, value in payload.items():
        if name.lower() == "authorization" and isinstance(value, str):
            scheme, _, token = value.partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return None
