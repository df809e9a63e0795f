"""Expressions that make objects and connections of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLEnumType, GraphQLObjectType
from graphql.execution.collect_fields import FieldDetails

from graph.planner import table
from graph.planner.plain import Plain
from graph.planner.selection import Selections
from graph.planner.source import Source, Unplanned, columns_of, mapping

#: Makes the expression of a field that is in no table, or raises `Unplanned`.
Special = Callable[[str, Sequence[FieldDetails]], str]


@dataclass(slots=True)
class Maker:
    """What makes a plan's expressions: what is selected, and the source that is written."""

    selections: Selections
    source: Source
    plain: Plain = field(init=False)

    def __post_init__(self) -> None:
        self.plain = Plain(self.selections, self.source)
        for name, function in table.FUNCTIONS.items():
            self.source.define(name, function)
        for name in table.ENUMS:
            kind: Any = self.kind(name)
            self.source.define(name, _texts(kind))

    def kind(self, name: str) -> Any:
        """Return a type of the schema."""
        return self.selections.schema.type_map[name]

    def object(
        self,
        kind: GraphQLObjectType,
        fields: Sequence[FieldDetails],
        known: Mapping[str, str],
        special: Special | None = None,
    ) -> str:
        """Return the expression of an object over its row.

        Raises:
            Unplanned: A field stands in no table and is not `special`.
        """
        items: dict[str, str] = {}
        for key, each in self.selections.below(kind, fields).items():
            name = each[0].node.name.value
            if name == "__typename":
                items[key] = repr(kind.name)
            elif name in known:
                items[key] = known[name]
            elif special is not None:
                items[key] = special(name, each)
            else:
                raise Unplanned
        return mapping(items)

    def attribute(self, kind: str, of: Callable[..., Any], columns: str, fields: Any) -> str:
        """Return the expression of an object that a type makes of some columns, or null."""
        encode = self.source.name(self.plain.encoder(self.kind(kind), fields))
        made = f"{self.source.name(of)}({columns})"
        return f"(None if (v := {made}) is None else {encode}(v))"


@dataclass(slots=True)
class Connection:
    """The expression of a connection, and what it takes beside the rows.

    It is one of `page`, a slice of rows; `mark`, which makes a row's cursor; and `total`.
    """

    text: str
    columns: set[str]
    has_cursors: bool
    has_total: bool


def connection(
    maker: Maker,
    kind: GraphQLObjectType,
    fields: Sequence[FieldDetails],
    node: Callable[[Sequence[FieldDetails]], str],
) -> Connection:
    """Write a connection; `node` writes what stands for a row."""
    items: dict[str, str] = {}
    total = False
    for key, each in maker.selections.below(kind, fields).items():
        name = each[0].node.name.value
        if name == "__typename":
            items[key] = repr(kind.name)
        elif name == "nodes":
            items[key] = f"[{node(each)} for r in page.rows]"
        elif name == "edges":
            edge = maker.kind(kind.name.replace("Connection", "Edge"))
            one = maker.object(edge, each, {"cursor": "mark(r)"}, _only("node", node))
            items[key] = f"[{one} for r in page.rows]"
        elif name == "pageInfo":
            items[key] = maker.object(maker.kind("PageInfo"), each, _PAGE_INFO)
        elif name == "totalCount":
            items[key], total = "total", True
        else:
            raise Unplanned
    text = mapping(items)
    return Connection(text, columns_of(text), "mark(" in text, total)


_PAGE_INFO: Mapping[str, str] = {
    "hasNextPage": "page.has_next",
    "hasPreviousPage": "page.has_previous",
    "startCursor": "(mark(page.rows[0]) if page.rows else None)",
    "endCursor": "(mark(page.rows[-1]) if page.rows else None)",
}


def _only(wanted: str, write: Callable[[Sequence[FieldDetails]], str]) -> Special:
    def special(name: str, fields: Sequence[FieldDetails]) -> str:
        if name != wanted:
            raise Unplanned
        return write(fields)

    return special


def _texts(kind: GraphQLEnumType) -> Mapping[str | None, str | None]:
    """Return the names of an enum's stored texts."""
    return {None: None, "": None, **{each.value: name for name, each in kind.values.items()}}
