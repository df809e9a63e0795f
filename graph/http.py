"""GraphQL over HTTP, as https://graphql.github.io/graphql-over-http/draft/ says.

POST carries anything as JSON; GET carries queries. Both media types are answered, the newer one
unless the client prefers the older. A cross-site form cannot get in: a body must be declared as
`application/json`, which browsers ask leave for, and what comes with a session's cookie must come
from our own origin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graph.accept import GRAPHQL, HTML, JSON, preferred
from graph.errors import BAD_REQUEST, UNAUTHENTICATED, RequestRefused
from graph.execution import Answer, Caller, Execution, Request, refused
from graph.limits import Limits
from graph.transport import multipart, sse
from graph.transport.live import Live, is_foreign
from graph.transport.multipart import Multipart
from graph.transport.sse import ServerSentEvents
from graph.transport.stream import Framing, Once, Stream
from tasks.errors import TooManyConnections
from tasks.principal import Principal

#: Of a URL's query; servers and proxies allow no more either.
_MAX_QUERY: Final = 65_536
_METHODS: Final = "GET, POST"


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
        headers = Headers(scope=scope)
        page = self._transport.graphiql
        if page is not None and _wants_page(scope, headers):
            return await page(scope, receive, send)
        media = preferred(headers.get("accept"), (GRAPHQL, JSON))
        try:
            response = await self._response(scope, headers, receive, media)
        except RequestRefused as error:
            answer = refused(error)
            response = _response(answer.json(), answer, media or GRAPHQL)
        return await response(scope, receive, send)

    async def _response(
        self, scope: Scope, headers: Headers, receive: Receive, media: str | None
    ) -> ASGIApp:
        framing = self._framing(headers)
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
            _refuse_foreign(scope, headers)
        caller = Caller(
            principal, state.get("correlation_id"), may_change=scope["method"] == "POST"
        )
        if scope["method"] == "GET":
            asked: object = _parameters(scope)
        else:
            asked = await self._body(headers, receive)
        if isinstance(asked, list):
            return await self._batch(asked, caller, media or GRAPHQL)  # pyright: ignore[reportUnknownArgumentType] - from outside
        request = Request.parse(asked)
        if framing is not None:
            live = self._execution.kind(request) is OperationType.SUBSCRIPTION
            if live or media is None:
                return await self._stream(request, caller, framing, media)
        answer = await self._execution.answer(request, caller)
        return _response(answer.json(), answer, media or GRAPHQL)

    def _framing(self, headers: Headers) -> Framing | None:
        """Return how results are streamed to the client, if it takes a stream."""
        kind = preferred(headers.get("accept"), (sse.MEDIA, multipart.MEDIA))
        if self._live is None or kind is None:
            return None
        return ServerSentEvents() if kind == sse.MEDIA else Multipart()

    async def _stream(
        self, request: Request, caller: Caller, framing: Framing, media: str | None
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
                return _response(found.json(), found, media or GRAPHQL)
            found = Once(found.json())
        stream = Stream(found, framing, heartbeat_seconds=live.heartbeat_seconds)
        try:
            stream.leave = live.connections.enter(caller.principal, stream.close)
        except TooManyConnections as error:
            await found.aclose()
            raise RequestRefused(str(error), code=error.code, status=429) from None
        return stream

    async def _batch(self, asked: Sequence[object], caller: Caller, media: str) -> Response:
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
        body = b"[%b]" % b",".join([answer.json() for answer in answers])
        return _response(body, Answer({}), media)

    async def _body(self, headers: Headers, receive: Receive) -> object:
        kind, _, parameters = headers.get("content-type", "").partition(";")
        charset = parameters.strip().lower().removeprefix("charset=").strip('"')
        if kind.strip().lower() != JSON or charset not in ("", "utf-8", "utf8"):
            raise RequestRefused(
                f"Send the request as {JSON}, in UTF-8.", code=BAD_REQUEST, status=415
            )
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestRefused(
                "Send the request without a Content-Encoding.", code=BAD_REQUEST, status=415
            )
        return _decoded(await self._read(headers, receive))

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """Read the body; one over the limit is refused before the rest of it is read."""
        most = self._limits.body_bytes
        declared = headers.get("content-length", "")
        chunks: list[bytes] = []
        size = int(declared) if declared.isdecimal() and len(declared) < 20 else 0  # noqa: PLR2004 - a 64-bit number's digits
        total = 0
        more = True
        while more and size <= most:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestRefused("The request ended early.", code=BAD_REQUEST)
            chunks.append(message.get("body", b""))
            total += len(chunks[-1])
            size = max(size, total)
            more = message.get("more_body", False)
        if size > most:
            raise RequestRefused(
                f"The request has more than {most} bytes.", code=BAD_REQUEST, status=413
            )
        return b"".join(chunks)


def _wants_page(scope: Scope, headers: Headers) -> bool:
    """Say whether a browser asks for a page, and not a client for data."""
    if scope["method"] != "GET" or b"query=" in scope["query_string"]:
        return False
    return preferred(headers.get("accept"), (GRAPHQL, JSON, HTML)) == HTML


def _parameters(scope: Scope) -> dict[str, Any]:
    """Read a GET request's parts from its URL."""
    raw: bytes = scope["query_string"]
    if len(raw) > _MAX_QUERY:
        raise RequestRefused("The URL is too long; use POST.", code=BAD_REQUEST, status=414)
    given = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    parts: dict[str, Any] = {n: given[n] for n in ("query", "operationName") if given.get(n)}
    for name in ("variables", "extensions"):
        if given.get(name):
            parts[name] = _decoded(given[name].encode())
    return parts


def _decoded(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestRefused(f"The request is no JSON: {error}.", code=BAD_REQUEST) from None


def _refuse_foreign(scope: Scope, headers: Headers) -> None:
    """Refuse what another site makes a browser send with the session's cookie."""
    if is_foreign(headers, safe=scope["method"] == "GET"):
        raise RequestRefused(
            "A session's cookie counts only for requests of our own pages; use a token.",
            code="FORBIDDEN",
            status=403,
        )


def _response(body: bytes, answer: Answer, media: str) -> Response:
    """Send an answer. In the older media type only what is no GraphQL fails by its status."""
    status = answer.status
    if media == JSON and status == HTTPStatus.BAD_REQUEST and not answer.malformed:
        status = 200
    headers = {
        "cache-control": "no-store",
        "vary": "Accept, Authorization, Cookie",
        **answer.headers,
    }
    return Response(body, status, headers, media_type=f"{media}; charset=utf-8")
