"""The root fields for which there are plans: from arguments to the field's value."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLField
from graphql.execution.collect_fields import FieldDetails

from graph.planner.argument import Arguments
from graph.planner.rows import Maker, connection
from graph.planner.source import Unplanned
from graph.planner.task import Nested, RowFunction, Run, TaskMaker, bound, marked, window
from graph.query import task_key
from graph.schema import Schema
from graph.types.account import ApiToken, User, scopes_of
from graph.types.inputs import TaskFilter, TaskOrder
from graph.types.node import read_database_id, read_global_id
from graph.types.platform import Platform
from tasks.database import Row
from tasks.errors import TaskError, TaskNotFound
from tasks.filter import TaskFilter as Filter
from tasks.filter import TaskOrder as Order
from tasks.store import connection as store


class Root(ABC):
    """A root field of a plan."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        self.fields = fields
        self._maker = maker
        self._schema = schema
        node = fields[0].node
        query: Any = schema.core.query_type
        definition: GraphQLField = query.fields[node.name.value]
        self._arguments = Arguments(schema, definition, node)

    @abstractmethod
    async def read(self, run: Run) -> Any:
        """Return the field's value.

        Raises:
            TaskError: Why there is none; it is the field's error.
            Unplanned: The ordinary path is to answer.
        """


class Tasks(Root):
    """`tasks`: one statement for the page, one for the total, one for each thing below."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        super().__init__(schema, maker, fields)
        below = TaskMaker(schema, maker)
        self._connection = connection(maker, maker.kind("TaskConnection"), fields, below.text)
        self._rows = below.function("page, mark, total", self._connection.text)
        self._nested = below.nested
        self._window = bound(self._arguments.only("first", "last", "after", "before"), window)
        self._where = bound(self._arguments.only("where"), _where)
        self._order = bound(self._arguments.only("order_by"), _order)
        self._marked: dict[Order, tuple[tuple[str, ...], Callable[[Row], str]]] = {}

    async def read(self, run: Run) -> Any:
        """Read the page."""
        variables, query, principal = run.variables, run.services.query, run.principal
        window, where = self._window(variables), self._where(variables)
        order, descending = self._order(variables)
        columns, mark = self._columns(order)
        page = await query.task_rows(
            principal, window, where=where, order=order, descending=descending, columns=columns
        )
        total = await query.count(principal, where) if self._connection.has_total else 0
        found = await _read(self._nested, run, page.rows)
        return self._rows.encode(page, mark, total, *found)

    def _columns(self, order: Order) -> tuple[tuple[str, ...], Callable[[Row], str]]:
        """Return what to read in an order, and what makes a row's cursor in it."""
        known = self._marked.get(order)
        if known is None:
            key = store.key(order) if self._connection.has_cursors else ()
            known = self._marked[order] = marked(self._rows.columns, key, store.form(order))
        return known


class Task(Root):
    """`task`: one statement, and one for each thing below."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        super().__init__(schema, maker, fields)
        self._rows, self._nested = _one(schema, maker, fields)

    async def read(self, run: Run) -> Any:
        """Read the task."""
        key = task_key(**self._arguments.read(run.variables))
        return await _task(run, key, self._rows, self._nested)


class Node(Root):
    """`node`, where the id is that of a task."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        super().__init__(schema, maker, fields)
        self._rows, self._nested = _one(schema, maker, fields)

    async def read(self, run: Run) -> Any:
        """Read the task."""
        node_id: str = self._arguments.read(run.variables)["node_id"]
        kind, key = read_global_id(node_id)
        if kind != "Task":
            raise Unplanned
        return await _task(run, read_database_id(key, node_id), self._rows, self._nested)


class Viewer(Root):
    """`viewer`: the user, and their tokens if they are asked for."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        super().__init__(schema, maker, fields)
        beside = ("scopes", "tokens")
        self._encode = maker.plain.encoder(maker.kind("User"), fields, beside)
        below = maker.selections.below(maker.kind("User"), fields).values()
        self._has_tokens = any(each[0].node.name.value == "tokens" for each in below)

    async def read(self, run: Run) -> Any:
        """Read the user."""
        found = await run.services.query.user(run.principal)
        if found is None:
            return None
        tokens: list[ApiToken] = []
        if self._has_tokens:
            try:
                records = await run.services.tokens.tokens(run.principal)
            except TaskError:
                raise Unplanned from None
            tokens = [ApiToken.of(record) for record in records]
        return self._encode(User.of(found), scopes_of(run.principal), tokens)


class Platforms(Root):
    """`platforms`: no statement at all."""

    def __init__(self, schema: Schema, maker: Maker, fields: Sequence[FieldDetails]) -> None:
        super().__init__(schema, maker, fields)
        self._encode = maker.plain.encoder(maker.kind("Platform"), fields)

    async def read(self, run: Run) -> Any:
        """List them."""
        return [self._encode(Platform.of(each)) for each in run.services.platforms.platforms()]


#: The fields of `Query` for which there are plans.
ROOTS: Final[Mapping[str, type[Root]]] = {
    "tasks": Tasks,
    "task": Task,
    "node": Node,
    "viewer": Viewer,
    "platforms": Platforms,
}


def _one(
    schema: Schema, maker: Maker, fields: Sequence[FieldDetails]
) -> tuple[RowFunction, Sequence[Nested]]:
    """Return what makes a single task of its row, and what is to be read for it."""
    below = TaskMaker(schema, maker)
    return below.function("r", below.text(fields), ["id"]), below.nested


async def _task(run: Run, key: int, rows: RowFunction, nested: Sequence[Nested]) -> Any:
    found = await run.services.query.task_rows_by_id(run.principal, [key], rows.columns)
    if not found:
        raise TaskNotFound(key)
    return rows.encode(found[0], *await _read(nested, run, found))


async def _read(nested: Sequence[Nested], run: Run, rows: Sequence[Row]) -> Sequence[Any]:
    """Read what hangs on tasks. What goes wrong there is not the root field's error."""
    if not nested:
        return ()
    if not rows:
        return [None] * len(nested)
    try:
        return [await each.read(run, rows) for each in nested]
    except TaskError:
        raise Unplanned from None


def _where(where: TaskFilter | None = None) -> Filter:
    return TaskFilter.read(where)


def _order(order_by: TaskOrder | None = None) -> tuple[Order, bool]:
    return TaskOrder.read(order_by)
