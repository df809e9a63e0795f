"""What hangs on tasks: their posts, their events and why they wait, each read for all at once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from graphql.execution.collect_fields import FieldDetails

from graph.context import Services
from graph.planner import table
from graph.planner.argument import Arguments
from graph.planner.rows import Connection, Maker, connection
from graph.planner.source import Unplanned, columns_of, over_row
from graph.schema import Schema
from graph.types.enums import OrderDirection
from graph.types.event import TaskSnapshot
from graph.types.inputs import PostOrder
from graph.types.task import TaskResult, TaskWaiting, posts_total
from tasks.cursor import Form, Slice, Window, cut
from tasks.database import Row
from tasks.errors import TaskError
from tasks.filter import PostOrder as Order
from tasks.principal import Principal
from tasks.query import Pending
from tasks.store import nested

T = TypeVar("T")

_WINDOW: Final = ("first", "last", "after", "before")


@dataclass(slots=True)
class Run:
    """One run of a plan: who asks, of what, and with which values of the variables."""

    principal: Principal
    services: Services
    variables: Mapping[str, Any]


class Nested(Protocol):
    """Something that hangs on each of some tasks."""

    async def read(self, run: Run, rows: Sequence[Row]) -> Any:
        """Read it for all of the tasks; the expressions know the answer as `n0`, `n1` and on."""
        ...


@dataclass(slots=True)
class Pages:
    """A page for each task, and what makes a row's cursor."""

    pages: Mapping[int, Slice[Row]]
    empty: Slice[Row]  #: For a task without any.
    mark: Callable[[Row], str]


@dataclass(slots=True)
class TaskMaker:
    """Writes tasks over their rows, and notes what hangs on them."""

    schema: Schema
    maker: Maker
    nested: list[Nested] = field(default_factory=list["Nested"])
    #: Columns that what hangs on the tasks needs of them, beside those in the expressions.
    needed: list[str] = field(default_factory=list[str])

    def text(self, fields: Sequence[FieldDetails]) -> str:
        """Return the expression of a task."""
        return self.maker.object(self.maker.kind("Task"), fields, table.TASK, self._special)

    def function(self, parameters: str, text: str, more: Sequence[str] = ()) -> "RowFunction":
        """Compile an expression over rows of tasks; `more` are columns that it does not name."""
        # A row has a column even where none is asked for.
        columns = tuple(sorted(columns_of(text) | set(self.needed) | set(more))) or ("id",)
        names = [parameters, *(f"n{index}" for index in range(len(self.nested)))]
        compiled = self.maker.source.function(", ".join(names), over_row(text, columns))
        for each in self.nested:
            if isinstance(each, _OfTasks):
                each.place(columns)
        return RowFunction(compiled, columns)

    def _special(self, name: str, fields: Sequence[FieldDetails]) -> str:
        maker = self.maker
        if name == "progress":
            return maker.object(maker.kind("TaskProgress"), fields, table.PROGRESS)
        if name == "error":
            error = maker.object(maker.kind("TaskError"), fields, table.ERROR)
            return f"(None if @error_code@ is None else {error})"
        if name == "result":
            columns = "@completed_at@, @stop_reason@, @receipt@, @max_posts@"
            return maker.attribute("TaskResult", TaskResult.of, columns, fields)
        if name == "waiting":
            found = f"{self._add(_Waits())}.get(@id@)"
            self.needed += Pending._fields
            return maker.attribute("TaskWaiting", TaskWaiting.of, found, fields)
        if name == "posts":
            total = f"{maker.source.name(posts_total)}(@posts_count@, @posts_expired_at@)"
            return self._pages(_Posts(self.schema, maker, fields), total)
        if name == "events":
            return self._pages(_Events(self.schema, maker, fields), "0")
        raise Unplanned

    def _pages(self, below: "_Below", total: str) -> str:
        found = self._add(below)
        encode = self.maker.source.name(below.encode)
        page = f"{found}.pages.get(@id@, {found}.empty)"
        total = total if below.connection.has_total else "0"
        return f"{encode}({page}, {found}.mark, {total})"

    def _add(self, nested: Nested) -> str:
        self.nested.append(nested)
        self.needed.append("id")
        return f"n{len(self.nested) - 1}"


@dataclass(slots=True)
class RowFunction:
    """A function that makes an answer of rows, and the columns that it wants in them."""

    encode: Callable[..., Any]
    columns: tuple[str, ...]


class _OfTasks:
    """What needs values of the tasks' rows, once it is known where in a row they stand."""

    def __init__(self) -> None:
        self._id = 0

    def place(self, columns: tuple[str, ...]) -> None:
        """Note where a task's values stand in its row."""
        self._id = columns.index("id")


class _Waits(_OfTasks):
    """Why tasks wait."""

    def __init__(self) -> None:
        super().__init__()
        self._places: list[int] = []

    def place(self, columns: tuple[str, ...]) -> None:
        """Note where what decides it stands."""
        self._places = [columns.index(name) for name in Pending._fields]

    async def read(self, run: Run, rows: Sequence[Row]) -> Any:
        """Ask for those of all the tasks."""
        places = self._places
        tasks = [Pending._make([row[place] for place in places]) for row in rows]
        return await run.services.query.waiting(run.principal, tasks)


class _Below(_OfTasks, ABC):
    """A connection below tasks."""

    def __init__(
        self, schema: Schema, maker: Maker, name: str, known: Mapping[str, str], fields: Any
    ) -> None:
        super().__init__()
        self._maker = maker
        node = maker.kind(name)
        kind = maker.kind(f"{name}Connection")
        self.connection: Connection = connection(
            maker, kind, fields, lambda each: maker.object(node, each, known, self._special)
        )
        self._columns = ("task_id", *sorted(self.connection.columns - {"task_id"}))
        text = over_row(self.connection.text, self._columns)
        self.encode = maker.source.function("page, mark, total", text)
        definition = maker.kind("Task").fields[fields[0].node.name.value]
        self._arguments = Arguments(schema, definition, fields[0].node)
        self._window = bound(self._arguments.only(*_WINDOW), window)

    @abstractmethod
    async def read(self, run: Run, rows: Sequence[Row]) -> Pages:
        """Read the same page for each of the tasks."""

    def _special(self, name: str, fields: Sequence[FieldDetails]) -> str:
        """Return the expression of a field that is in no table."""
        del name, fields
        raise Unplanned

    def _marked(
        self, key: Sequence[str], form: Form
    ) -> tuple[tuple[str, ...], Callable[[Row], str]]:
        """Return the columns with those of a cursor's key, and what makes a row's cursor."""
        return marked(self._columns, key if self.connection.has_cursors else (), form)


class _Posts(_Below):
    """Posts of tasks."""

    def __init__(self, schema: Schema, maker: Maker, fields: Any) -> None:
        super().__init__(schema, maker, "Post", table.POST, fields)
        self._order = bound(self._arguments.only("order_by"), _post_order)
        self._search = bound(self._arguments.only("search"), _searched)

    async def read(self, run: Run, rows: Sequence[Row]) -> Pages:
        """Read the same page of each task's posts."""
        window, (order, descending) = self._window(run.variables), self._order(run.variables)
        columns, mark = self._marked(nested.post_key(order), nested.post_form(order))
        place = self._id
        found = await run.services.query.post_rows(
            run.principal,
            [row[place] for row in rows],
            window,
            order=order,
            descending=descending,
            columns=columns,
            search=self._search(run.variables),
        )
        return Pages(found, cut((), window, ()), mark)


class _Events(_Below):
    """Events of tasks."""

    def __init__(self, schema: Schema, maker: Maker, fields: Any) -> None:
        super().__init__(schema, maker, "TaskEvent", table.EVENT, fields)
        self._descends = bound(self._arguments.only("direction"), _descends)

    async def read(self, run: Run, rows: Sequence[Row]) -> Pages:
        """Read the same page of each task's events."""
        window, descending = self._window(run.variables), self._descends(run.variables)
        columns, mark = self._marked(("seq",), nested.EVENT_FORM)
        place = self._id
        found = await run.services.query.event_rows(
            run.principal,
            [row[place] for row in rows],
            window,
            descending=descending,
            columns=columns,
        )
        return Pages(found, cut((), window, ()), mark)

    def _special(self, name: str, fields: Sequence[FieldDetails]) -> str:
        if name != "snapshot":
            raise Unplanned
        columns = "@type@, @data@"
        return self._maker.attribute("TaskSnapshot", TaskSnapshot.at, columns, fields)


def window(**values: Any) -> Window:
    """Return the window that a connection's arguments ask for."""
    return Window.parse(**values)


def bound(arguments: Arguments, make: Callable[..., T]) -> Callable[[Mapping[str, Any]], T]:
    """Return what makes something of arguments; at once where no variable decides them.

    Raises:
        Unplanned: They are refused, whatever the variables are.
    """
    if not arguments.fixed:
        return lambda variables: make(**arguments.read(variables))
    try:
        made = make(**arguments.read({}))
    except TaskError:
        raise Unplanned from None
    return lambda _: made


def marked(
    columns: tuple[str, ...], key: Sequence[str], form: Form
) -> tuple[tuple[str, ...], Callable[[Row], str]]:
    """Add the columns of a cursor's key; returns them all and what makes a row's cursor."""
    all_columns = (*columns, *(name for name in key if name not in columns))
    if not key:
        return all_columns, lambda _: ""
    return all_columns, form.marker([all_columns.index(name) for name in key])


def _post_order(order_by: PostOrder | None = None) -> tuple[Order, bool]:
    return PostOrder.read(order_by)


def _searched(search: str | None = None) -> str | None:
    return search or None


def _descends(direction: OrderDirection) -> bool:
    return direction is OrderDirection.DESC
