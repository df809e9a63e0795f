"""Documents and variables that exercise what plans cover, and a little beyond it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import graphql
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_leaf_type,
)
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

#: Root fields, the planned ones often.
ROOTS: Final = ["tasks"] * 4 + ["task"] * 3 + ["node"] * 2 + ["viewer", "platforms", "__typename"]
BEYOND: Final = ["nodes", "schedules"]
#: Types of objects that an interface's selections narrow to.
NARROWED: Final = ["Task", "Task", "Task", "Post", "User", "Node"]
MOST_DEPTH: Final = 6
SIZES: Final = [1, 2, 3, 5, 10] * 5 + [100, 0, 101]


class Name(str):
    """The name of an enum's value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Texts that mean something in a world's data, and some that do not."""

    ids: Sequence[str]
    cursors: Sequence[str]
    groups: Sequence[str]
    database_ids: Sequence[int]


@dataclass(slots=True)
class Writer:
    """Writes one document."""

    draw: Draw
    schema: GraphQLSchema
    pool: Pool
    declared: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    fragments: dict[str, str] = field(default_factory=dict[str, str])
    keys: int = 0

    def document(self) -> str:
        """Write the whole."""
        root: Any = self.schema.query_type
        selected = self.set(root, 0)
        names = "".join(f"{name}: {kind} " for name, kind in self.declared.items())
        head = f"query Q({names})" if names else "query Q"
        return "\n".join([f"{head} {selected}", *self.fragments.values()])

    def set(self, kind: Any, depth: int) -> str:
        """Write a selection set."""
        most = (3, 4, 4, 5, 4, 3, 2, 2)[depth]
        count = self.draw(st.integers(1, most))
        return "{ " + " ".join(self.selection(kind, depth) for _ in range(count)) + " }"

    def selection(self, kind: Any, depth: int) -> str:
        """Write one selection."""
        shape = self.draw(st.integers(0, 19))
        if shape == 0 and depth < MOST_DEPTH:
            inner = self.narrowed(kind)
            on = f"on {inner.name} " if self.draw(st.booleans()) or inner is not kind else ""
            return f"... {on}{self.condition()}{self.set(inner, depth + 1)}"
        if shape == 1 and depth < MOST_DEPTH:
            inner = self.narrowed(kind)
            name = f"F{len(self.fragments)}"
            self.fragments[name] = ""  # Holds the name while the fragment is written.
            body = self.set(inner, depth + 1)
            self.fragments[name] = f"fragment {name} on {inner.name} {body}"
            again = f" ...{name}" if self.draw(st.booleans()) else ""
            return f"...{name} {self.condition()}{again}"
        return self.field(kind, depth)

    def narrowed(self, kind: Any) -> Any:
        """Return a type that a fragment on an object of this type may have."""
        if isinstance(kind, GraphQLInterfaceType):
            return self.schema.type_map[self.draw(st.sampled_from(NARROWED))]
        if isinstance(kind, GraphQLObjectType) and kind.interfaces and self.draw(st.booleans()):
            return kind.interfaces[0]
        return kind

    def field(self, kind: Any, depth: int) -> str:
        """Write a field; one with arguments gets a key of its own, so that all can be merged."""
        name = self.chosen(kind, depth)
        if name == "__typename":
            return name
        definition = kind.fields[name]
        inner = named(definition)
        if is_leaf_type(inner):
            alias = f"x_{name}: " if self.draw(st.integers(0, 5)) == 0 else ""
            return f"{alias}{name} {self.condition()}"
        arguments = self.arguments(name, definition.args)
        alias = ""
        if arguments or self.draw(st.integers(0, 3)) == 0:
            self.keys += 1
            alias = f"c{self.keys}: "
        head = f"{alias}{name}{arguments} {self.condition()}"
        written = f"{head}{self.set(inner, depth + 1)}"
        if self.draw(st.integers(0, 5)) == 0:
            written += f" {head}{self.set(inner, depth + 1)}"
        return written

    def chosen(self, kind: Any, depth: int) -> str:
        """Choose a field of a type."""
        if kind is self.schema.query_type:
            beyond = BEYOND if self.draw(st.integers(0, 24)) == 0 else ROOTS
            return self.draw(st.sampled_from(beyond))
        names = [*kind.fields, "__typename"]
        if depth >= MOST_DEPTH:
            names = [n for n in kind.fields if is_leaf_type(named(kind.fields[n]))]
            names.append("__typename")
        return self.draw(st.sampled_from(names))

    def condition(self) -> str:
        """Write `@include`, `@skip`, both, or mostly nothing."""
        if self.draw(st.integers(0, 9)):
            return ""
        one = f"@{self.draw(st.sampled_from(['include', 'skip']))}(if: {self.flag()}) "
        return (
            one if self.draw(st.integers(0, 3)) else f"@include(if: true) @skip(if: {self.flag()}) "
        )

    def flag(self) -> str:
        """Write a truth value; variables are few, so that they come again."""
        if self.draw(st.booleans()):
            return json.dumps(self.draw(st.booleans()))
        name = f"b{self.draw(st.integers(0, 1))}"
        if f"${name}" not in self.declared:
            default = self.draw(st.sampled_from(["", "", " = true", " = false"]))
            self.declared[f"${name}"] = f"Boolean!{default}"
            if not default or self.draw(st.booleans()):
                self.variables[name] = self.draw(st.booleans())
        return f"${name}"

    def arguments(self, name: str, known: Mapping[str, Any]) -> str:
        """Write a field's arguments."""
        if not known:
            return ""
        written: dict[str, str] = {}
        if "first" in known:
            self.page(written)
        one = self.draw(st.booleans())
        if name == "node" or (name == "task" and one):
            written["id"] = self.value("ID!", self.draw(st.sampled_from(self.pool.ids)))
        if name == "task" and not one:
            key = self.draw(st.sampled_from(self.pool.database_ids))
            written["databaseId"] = self.value("BigInt", key)
        if name == "nodes":
            written["ids"] = self.value("[ID!]!", [self.draw(st.sampled_from(self.pool.ids))])
        if "filter" in known and self.draw(st.booleans()):
            written["filter"] = self.filter()
        if "orderBy" in known and self.draw(st.booleans()):
            written["orderBy"] = self.order("Task" if name == "tasks" else "Post")
        if "direction" in known and self.draw(st.booleans()):
            written["direction"] = self.value("OrderDirection", self.direction())
        return "(" + ", ".join(f"{key}: {value}" for key, value in written.items()) + ")"

    def page(self, written: dict[str, str]) -> None:
        """Write which part of a connection is wanted."""
        size = self.draw(st.sampled_from(SIZES))
        side = self.draw(st.sampled_from(["first", "first", "last"]))
        written[side] = self.value("Int", size)
        for name in ("after", "before"):
            if self.draw(st.integers(0, 9)) == 0:
                cursor = self.draw(st.sampled_from(self.pool.cursors))
                written[name] = self.value("String", cursor)

    def filter(self) -> str:
        """Write a filter of tasks, whole or in parts a literal or a variable."""
        parts: dict[str, tuple[str, Any]] = {
            "status": ("[TaskStatus!]", self.draw(st.lists(STATUSES, max_size=2))),
            "platform": ("[String!]", ["sandbox"]),
            "groupId": ("[String!]", [self.draw(st.sampled_from(self.pool.groups))]),
            "createdSince": ("DateTime", self.draw(TIMES)),
            "createdBefore": ("DateTime", self.draw(TIMES)),
            "completedSince": ("DateTime", self.draw(TIMES)),
            "completedBefore": ("DateTime", None),
        }
        chosen = self.draw(st.lists(st.sampled_from(list(parts)), max_size=2, unique=True))
        if self.draw(st.booleans()):
            return self.value("TaskFilter", {name: parts[name][1] for name in chosen})
        inner = ", ".join(f"{name}: {self.value(*parts[name])}" for name in chosen)
        return "{ " + inner + " }"

    def order(self, of: str) -> str:
        """Write an order."""
        kind: Any = self.schema.type_map[f"{of}OrderField"]
        name = Name(self.draw(st.sampled_from(sorted(kind.values))))
        if self.draw(st.booleans()):
            return self.value(f"{of}Order", {"field": name, "direction": self.direction()})
        by, direction = (
            self.value(f"{of}OrderField!", name),
            self.value("OrderDirection!", self.direction()),
        )
        return f"{{ field: {by}, direction: {direction} }}"

    def direction(self) -> Name:
        """Choose a direction."""
        return Name(self.draw(st.sampled_from(["ASC", "DESC"])))

    def value(self, kind: str, value: Any) -> str:
        """Write a value as a literal, or as a variable with all that may be odd about one."""
        if self.draw(st.integers(0, 2)) < 2:
            return literal(value)
        name = f"v{len(self.declared)}"
        odd = self.draw(st.integers(0, 29))
        declared = kind
        if odd == 1 and not kind.endswith("!"):
            declared = f"{kind} = {literal(value)}"
        elif odd == 2:
            self.variables[name] = None
        elif odd == 3:
            self.variables[name] = self.draw(
                st.sampled_from([1.5, "nonsense", [], {}, True, 2**40])
            )
        elif odd != 4:
            self.variables[name] = value
        self.declared[f"${name}"] = declared
        return f"${name}"


STATUSES: Final = st.sampled_from(
    [Name(each) for each in ("PENDING", "ASSIGNED", "PROCESSING", "COMPLETED", "FAILED")]
)
TIMES: Final = st.sampled_from(
    [
        "2026-01-02T00:00:00Z",
        "2026-01-03T12:00:00.000001+02:00",
        "1999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999Z",
        None,
    ]
)


def named(definition: Any) -> Any:
    """Return the type at the core of a field's."""
    core: Any = graphql
    return core.get_named_type(definition.type)


def literal(value: Any) -> str:
    """Write a value as GraphQL does."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return "[" + ", ".join(map(literal, items)) + "]"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in fields.items()) + "}"
    return json.dumps(value)


@st.composite
def documents(draw: Draw, schema: GraphQLSchema, pool: Pool) -> tuple[str, dict[str, Any]]:
    """Return a document and the values of its variables."""
    writer = Writer(draw, schema, pool)
    return writer.document(), writer.variables
