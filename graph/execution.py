"""One operation, from what a client sent to what it is answered. Every transport ends here."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import graphql
import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.context import Context, Services
from graph.documents import Document, DocumentRefused, Documents, Operation
from graph.errors import (
    BAD_REQUEST,
    BAD_USER_INPUT,
    LIMIT_EXCEEDED,
    THROTTLED,
    RequestRefused,
    field_error,
    field_errors,
    formatted,
    masked,
)
from graph.executor import PlainExecutor
from graph.limits import Bucket, Charge, Limits
from graph.limits.cost import BASE
from graph.persisted import PersistedQueries
from graph.results import Rendered, Results
from graph.schema import Schema
from tasks.principal import Principal

#: What a request that is refused costs: reading it takes time, too.
REFUSED_COST: Final = 10 * BASE


# These are made for each request, and none is frozen: that makes it take three times as long.
@dataclass(slots=True)
class Request:
    """A GraphQL request as the specification names its parts. Checked by `Request.parse`."""

    query: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    extensions: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def parse(cls, body: object) -> "Request":
        """Check the types of a request's parts; unknown ones are ignored.

        Raises:
            RequestRefused: One sentence about the first that is wrong.
        """
        if not isinstance(body, dict):
            raise RequestRefused("A request is a JSON object with a query.", code=BAD_REQUEST)
        parts = cast("dict[str, Any]", body)
        query, operation = parts.get("query"), parts.get("operationName")
        variables, extensions = parts.get("variables"), parts.get("extensions")
        if query is not None and not isinstance(query, str):
            raise _wrong("query", "a string")
        if operation is not None and not isinstance(operation, str):
            raise _wrong("operationName", "a string")
        if variables is not None and not isinstance(variables, dict):
            raise _wrong("variables", "an object")
        if extensions is not None and not isinstance(extensions, dict):
            raise _wrong("extensions", "an object")
        more: Any = (variables or {}, extensions or {})
        return cls(query, operation or None, *more)


def _wrong(part: str, kind: str) -> RequestRefused:
    return RequestRefused(f"The {part} must be {kind}.", code=BAD_REQUEST)


@dataclass(slots=True)
class Caller:
    """Who asks, and how."""

    principal: Principal
    correlation_id: str | None = None
    may_change: bool = True  #: Whether the way in which it was asked lets mutations through.

    @property
    def eyes(self) -> Hashable:
        """Return what decides which objects and fields the caller sees."""
        return (self.principal.user_id, self.principal.scopes, self.principal.via_session)

    @property
    def key(self) -> str:
        """Name whose bucket is charged: the token's, or the user's where there is none."""
        principal = self.principal
        if principal.token_id is None:
            return f"user:{principal.user_id}"
        return f"token:{principal.token_id}"


@dataclass(slots=True)
class Answer:
    """What a request is answered.

    `executed` tells an answer with `data` from a refusal, which has errors alone.
    """

    body: Mapping[str, Any]
    #: The whole of it as JSON, where it was written as such; `body` is empty then.
    encoded: bytes | None = None
    executed: bool = True
    status: int = 200  #: Over HTTP, in the newer media type.
    headers: Mapping[str, str] | None = None
    #: Whether it was no GraphQL request at all, which the older media type refuses as well.
    malformed: bool = False

    def json(self) -> bytes:
        """Return the whole of it as JSON."""
        return orjson.dumps(self.body) if self.encoded is None else self.encoded


class Execution:
    """Executes requests on the schema within the limits. Safe to call at once, on one loop."""

    def __init__(
        self,
        schema: Schema,
        services: Services,
        *,
        limits: Limits,
        bucket: Bucket,
        introspection: bool = True,
        suggestions: bool = True,
        plans: bool = True,
    ) -> None:
        """Stand on a schema and services; without `plans` all takes the ordinary path."""
        self._schema = schema
        self._plans = plans
        self._services = services
        self._limits = limits
        self._bucket = bucket
        self._documents = Documents(
            schema, limits, introspection=introspection, suggestions=suggestions
        )
        self._persisted = PersistedQueries()
        self._suggestions = suggestions
        self._rendered = Rendered()

    def kind(self, request: Request) -> OperationType:
        """Return what an operation is; of a request that will be refused, a query."""
        try:
            query = self._persisted.find(request.query, request.extensions)
            return self._documents.get(query or "").operation(request.operation_name).kind
        except (RequestRefused, DocumentRefused):
            return OperationType.QUERY

    async def subscribe(self, request: Request, caller: Caller) -> Results | Answer:
        """Begin a subscription; an answer in its place says why it was refused."""
        try:
            return await self._subscribe(request, caller)
        except Exception as error:  # noqa: BLE001 - a fault is masked, and logged
            return await self._refusal(error, caller)

    async def answer(self, request: Request, caller: Caller) -> Answer:
        """Answer a query or a mutation. Never raises for what a client may do wrong."""
        try:
            return await self._answer(request, caller)
        except Exception as error:  # noqa: BLE001 - a fault is masked, and logged
            return await self._refusal(error, caller)

    async def _refusal(self, error: Exception, caller: Caller) -> Answer:
        """Say why a request is not executed. A fault of ours is masked, and logged."""
        if isinstance(error, RequestRefused):
            return refused(error)
        if isinstance(error, DocumentRefused):
            charge = await self._bucket.take(caller.key, REFUSED_COST)
            body = {"errors": error.errors, "extensions": {"cost": charge.formatted()}}
            return Answer(body, executed=False, status=400)
        return Answer({"errors": [masked(error)]}, executed=False, status=500)

    def _admit(self, request: Request, caller: Caller) -> tuple[Document, Operation]:
        """Return a request's document and operation, if it may be made in this way."""
        query, extensions = request.query, request.extensions
        if extensions:
            query = self._persisted.find(query, extensions)
        if not query:
            raise RequestRefused("The request holds no query.", code=BAD_REQUEST)
        document = self._documents.get(query)
        if extensions:
            self._persisted.keep(query, extensions)
        operation = document.operation(request.operation_name)
        if operation.kind is OperationType.MUTATION and not caller.may_change:
            raise RequestRefused(
                "A GET request changes nothing; send mutations by POST.",
                code=BAD_REQUEST,
                status=405,
                headers={"allow": "POST"},
            )
        return document, operation

    async def _answer(self, request: Request, caller: Caller) -> Answer:
        document, operation = self._admit(request, caller)
        if operation.kind is OperationType.SUBSCRIPTION:
            raise RequestRefused(
                "A subscription is answered as a stream: over a WebSocket, or to a client that "
                "accepts text/event-stream or multipart/mixed.",
                code=BAD_REQUEST,
                status=406,
            )
        charge = _granted(await self._bucket.take(caller.key, self._cost(operation, request)))
        if self._plans:
            planned = await operation.planned.answer(
                caller.principal,
                self._services,
                request.variables,
                lambda: self._context(caller),
            )
            if planned is not None:
                planned["extensions"] = {"cost": charge.formatted()}
                return Answer({}, orjson.dumps(planned, option=orjson.OPT_UTC_Z))
        result = await self._execute(document, request, caller)
        return _answered(result, charge)

    async def _subscribe(self, request: Request, caller: Caller) -> Results | Answer:
        document, operation = self._admit(request, caller)
        charge = _granted(await self._bucket.take(caller.key, self._cost(operation, request)))
        planned = operation.planned.watching(request.variables) if self._plans else None
        if planned is None:
            source = await self._event_stream(document, request, caller, charge)
        else:
            watching, arguments = planned
            source = await watching.begin(self._context(caller), arguments)
        if isinstance(source, Answer):
            return source
        if isinstance(source, GraphQLError):
            return Answer({"errors": [field_error(source)]}, executed=False, status=400)

        async def render(item: Any) -> bytes:
            encoded = None if planned is None else planned[0].encoded(item)
            return encoded or _encoded(await self._execute(document, request, caller, root=item))

        # A copy: orjson's own result holds on to the kilobytes that it was written into.
        variables = bytes(bytearray(orjson.dumps(request.variables, option=orjson.OPT_SORT_KEYS)))
        selection = (document, request.operation_name, variables, caller.eyes)
        return Results(source, render, self._rendered, selection)

    async def _event_stream(
        self, document: Document, request: Request, caller: Caller, charge: Charge
    ) -> Any:
        """Begin a subscription on the ordinary path: its source, or why it was refused."""
        built = self._build(document, request, caller)
        if isinstance(built, list):
            return _answered(ExecutionResult(None, cast("list[GraphQLError]", built)), charge)
        core: Any = graphql
        source: Any = core.create_source_event_stream(built)
        if built.is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            errors: list[GraphQLError] = source.errors or []  # It has the field's one.
            return errors[0]
        return source

    def _context(self, caller: Caller) -> Context:
        return Context(
            principal=caller.principal,
            services=self._services,
            correlation_id=caller.correlation_id,
        )

    def _cost(self, operation: Operation, request: Request) -> int:
        """Return what the operation costs.

        Raises:
            DocumentRefused: It may answer more than the ceiling, or states no page size.
        """
        try:
            asked = operation.cost.read(request.variables)
        except GraphQLError as error:
            raise DocumentRefused([formatted(error, code=LIMIT_EXCEEDED)]) from None
        limits = self._limits
        if asked.nodes > limits.nodes:
            raise _too_large(f"{asked.nodes} objects", limits.nodes)
        if asked.values > limits.values:
            raise _too_large(f"{asked.values} values", limits.values)
        return asked.cost

    async def _execute(
        self, document: Document, request: Request, caller: Caller, *, root: Any = None
    ) -> ExecutionResult:
        # An update of a subscription is its root: executed as a query is, but from there.
        executor = self._build(document, request, caller, root=root)
        if isinstance(executor, list):
            return ExecutionResult(None, cast("list[GraphQLError]", executor))
        result = executor.execute_operation()
        return result if isinstance(result, ExecutionResult) else await result

    def _build(
        self, document: Document, request: Request, caller: Caller, *, root: Any = None
    ) -> Any:
        """Return what executes a request, or the errors in its variables."""
        executor: Any = PlainExecutor if self._plans else StrawberryGraphQLCoreExecutionContext
        built: Any = executor.build(
            self._schema.core,
            document.tree,
            root,
            self._context(caller),
            dict(request.variables),
            request.operation_name,
            is_awaitable=optimized_is_awaitable,
            hide_suggestions=not self._suggestions,
        )
        if self._plans and isinstance(built, PlainExecutor):
            built.encoders = document.operation(request.operation_name).encoders
        return built


def _too_large(count: str, most: int) -> DocumentRefused:
    message = f"The answer may hold {count}; at most {most} are allowed. Ask for smaller pages."
    return DocumentRefused([formatted(GraphQLError(message), code=LIMIT_EXCEEDED)])


def _granted(charge: Charge) -> Charge:
    """Return the charge.

    Raises:
        RequestRefused: The bucket held too little.
    """
    if charge.seconds_to_wait is None:
        return charge
    raise RequestRefused(
        f"This costs {charge.cost} points and {charge.available} are left; they come back "
        f"at {charge.rate.per_second} a second.",
        code=THROTTLED,
        status=429,
        headers={"retry-after": str(max(1, math.ceil(charge.seconds_to_wait)))},
    )


def refused(error: RequestRefused) -> Answer:
    """Return the answer to a request that was not executed."""
    return Answer(
        {"errors": [error.formatted()]},
        executed=False,
        status=error.status,
        headers=error.headers,
        malformed=error.code == BAD_REQUEST,
    )


def _answered(result: ExecutionResult, charge: Charge) -> Answer:
    errors = result.errors or []
    extensions = {"cost": charge.formatted()}
    # Errors without a path come from before the execution: variables that are none.
    if result.data is None and errors and all(error.path is None for error in errors):
        said = [formatted(error, code=BAD_USER_INPUT) for error in errors]
        return Answer({"errors": said, "extensions": extensions}, executed=False, status=400)
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = field_errors(errors, result.data)
    return Answer({**body, "extensions": extensions})


def _encoded(result: ExecutionResult) -> bytes:
    """Return an update of a subscription as JSON."""
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = field_errors(result.errors, result.data)
    return orjson.dumps(body)
