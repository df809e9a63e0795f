"""GraphQL over HTTP, as https://graphql.github.io/graphql-over-http/draft/ says.

POST carries anything as JSON; GET carries queries. Both media types are answered, the newer one
unless the client prefers the older. A cross-site form cannot get in: a body must be declared as
`application/json`, which browsers ask leave for, and what comes with a session's cookie must come
from our own origin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from graphql import OperationType
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph import body
from graph.accept import GRAPHQL, HTML, JSON, preferred
from graph.errors import BAD_REQUEST, UNAUTHENTICATED, RequestRefused
from graph.execution import Answer, Caller, Execution, Request, refused
from graph.limits import Limits
from graph.results import Once
from graph.transport import multipart, sse
from graph.transport.live import Live
from graph.transport.multipart import Multipart
from graph.transport.sse import ServerSentEvents
from tasks.errors import TooManyConnections
from tasks.principal import Principal
from web.origin import is_foreign
from web.stream import Framing, Stream

#: Of a URL's query; servers and proxies allow no more either.
_MAX_QUERY: Final = 65_536
_METHODS: Final = "GET, POST"
#: Longer `Accept` headers are read each time.
_MAX_KEPT: Final = 300
_HEADERS: Final = {
    media: (
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept, Authorization, Cookie"),
        (b"content-type", f"{media}; charset=utf-8".encode()),
    )
    for media in (GRAPHQL, JSON)
}

_Headers: TypeAlias = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How requests may come."""

    batching: bool = False
    graphiql: ASGIApp | None = None  #: What a browser that asks for a page gets.


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`.

    Takes the principal that the authentication left in `scope["state"]`.
    """

    def __init__(
        self,
        execution: Execution,
        limits: Limits,
        transport: Transport,
        live: Live | None = None,
    ) -> None:
        self._execution = execution
        self._limits = limits
        self._transport = transport
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # Of a header that comes twice, the first counts.
        headers: _Headers = dict(reversed(scope["headers"]))
        media, framing = _accepted(headers)
        if scope["method"] == "GET":
            page = self._transport.graphiql
            if page is not None and _wants_page(scope, headers):
                return await page(scope, receive, send)
        try:
            response = await self._response(scope, headers, receive, media, framing)
        except RequestRefused as error:
            answer = refused(error)
            response = _Reply(answer.json(), answer, media or GRAPHQL)
        return await response(scope, receive, send)

    async def _response(
        self,
        scope: Scope,
        headers: _Headers,
        receive: Receive,
        media: str | None,
        framed: str | None,
    ) -> ASGIApp:
        framing = None if framed is None else self._framing(framed)
        if media is None and framing is None:
            raise RequestRefused(
                f"The answer comes as {GRAPHQL} or {JSON}; accept one of them.",
                code=BAD_REQUEST,
                status=406,
            )
        state: Mapping[str, Any] = scope.get("state", {})
        if scope["method"] not in ("GET", "POST"):
            raise RequestRefused(
                f"A request is made by {_METHODS}.",
                code=BAD_REQUEST,
                status=405,
                headers={"allow": _METHODS},
            )
        principal: Principal | None = state.get("principal")
        if principal is None:
            raise RequestRefused(
                "Send a valid token in the header Authorization: Bearer <token>, or sign in.",
                code=UNAUTHENTICATED,
                status=401,
                headers={"www-authenticate": "Bearer"},
            )
        if principal.via_session:
            _refuse_foreign(scope)
        caller = Caller(
            principal, state.get("correlation_id"), may_change=scope["method"] == "POST"
        )
        if scope["method"] == "GET":
            asked: object = _parameters(scope)
        else:
            asked = await body.read(headers, receive, most=self._limits.body_bytes)
        if isinstance(asked, list):
            return await self._batch(asked, caller, media or GRAPHQL)  # pyright: ignore[reportUnknownArgumentType] - from outside
        request = Request.parse(asked)
        if framing is not None:
            live = self._execution.kind(request) is OperationType.SUBSCRIPTION
            if live or media is None:
                return await self._stream(request, caller, framing, media)
        answer = await self._execution.answer(request, caller)
        return _Reply(answer.json(), answer, media or GRAPHQL)

    def _framing(self, kind: str) -> Framing[bytes] | None:
        """Return how results are streamed to the client, if anything can be."""
        if self._live is None:
            return None
        return ServerSentEvents() if kind == sse.MEDIA else Multipart()

    async def _stream(
        self, request: Request, caller: Caller, framing: Framing[bytes], media: str | None
    ) -> ASGIApp:
        """Answer by a stream. What is refused before it begins is said in the plainest way."""
        live = self._live
        if live is None:
            raise AssertionError("there is no framing without what it frames")
        if self._execution.kind(request) is OperationType.SUBSCRIPTION:
            found = await self._execution.subscribe(request, caller)
        else:
            found = await self._execution.answer(request, caller)
        if isinstance(found, Answer):
            if media is not None or (not found.executed and found.status != HTTPStatus.BAD_REQUEST):
                return _Reply(found.json(), found, media or GRAPHQL)
            found = Once(found.json())
        stream = Stream(found, framing, heartbeat_seconds=live.heartbeat_seconds)
        try:
            stream.leave = live.connections.enter(caller.principal, stream.close)
        except TooManyConnections as error:
            await found.aclose()
            raise RequestRefused(str(error), code=error.code, status=429) from None
        return stream

    async def _batch(self, asked: Sequence[object], caller: Caller, media: str) -> ASGIApp:
        """Answer several requests, one after the other, in one body."""
        if not self._transport.batching:
            raise RequestRefused(
                "Batches are not allowed here; send one request at a time.", code=BAD_REQUEST
            )
        most = self._limits.batch
        if not 1 <= len(asked) <= most:
            raise RequestRefused(
                f"A batch holds from 1 to {most} requests, not {len(asked)}.", code=BAD_REQUEST
            )
        requests = [Request.parse(each) for each in asked]
        answers = [await self._execution.answer(each, caller) for each in requests]
        encoded = b"[%b]" % b",".join([answer.json() for answer in answers])
        return _Reply(encoded, Answer({}), media)


class _Reply:
    """An answer, sent as two messages."""

    __slots__ = ("_body", "_head")

    def __init__(self, body: bytes, answer: Answer, media: str) -> None:
        """Take an answer. In the older media type only what is no GraphQL fails by its status."""
        status = answer.status
        if media == JSON and status == HTTPStatus.BAD_REQUEST and not answer.malformed:
            status = 200
        headers = [*_HEADERS[media], (b"content-length", b"%d" % len(body))]
        if answer.headers:
            headers += [
                (n.encode("latin-1"), v.encode("latin-1")) for n, v in answer.headers.items()
            ]
        self._head: Message = {"type": "http.response.start", "status": status, "headers": headers}
        self._body: Message = {"type": "http.response.body", "body": body}

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send(self._head)
        await send(self._body)


def _accepted(headers: _Headers) -> tuple[str | None, str | None]:
    """Return the media types that the client likes best, of one answer and of a stream."""
    accept = headers.get(b"accept", b"*/*")
    return _preferred(accept) if len(accept) <= _MAX_KEPT else _preferred.__wrapped__(accept)


@lru_cache(maxsize=256)
def _preferred(accept: bytes) -> tuple[str | None, str | None]:
    text = accept.decode("latin-1")
    return preferred(text, (GRAPHQL, JSON)), preferred(text, (sse.MEDIA, multipart.MEDIA))


def _wants_page(scope: Scope, headers: _Headers) -> bool:
    """Say of a GET request whether a browser asks for a page, and not a client for data."""
    if b"query=" in scope["query_string"]:
        return False
    accept = headers.get(b"accept", b"").decode("latin-1")
    return preferred(accept, (GRAPHQL, JSON, HTML)) == HTML


def _parameters(scope: Scope) -> dict[str, Any]:
    """Read a GET request's parts from its URL."""
    raw: bytes = scope["query_string"]
    if len(raw) > _MAX_QUERY:
        raise RequestRefused("The URL is too long; use POST.", code=BAD_REQUEST, status=414)
    given = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    parts: dict[str, Any] = {n: given[n] for n in ("query", "operationName") if given.get(n)}
    for name in ("variables", "extensions"):
        if given.get(name):
            parts[name] = body.decoded(given[name].encode())
    return parts


def _refuse_foreign(scope: Scope) -> None:
    """Refuse what another site makes a browser send with the session's cookie."""
    if is_foreign(Headers(scope=scope), needs_origin=scope["method"] != "GET"):
        raise RequestRefused(
            "A session's cookie counts only for requests of our own pages; use a token.",
            code="FORBIDDEN",
            status=403,
        )
