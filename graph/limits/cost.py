"""What an operation may answer at most: objects, and their fields.

An operation of a valid document is compiled once into a tree of its objects; only page sizes
and the lengths of lists, which may be variables, are left to each request. GitHub's rule: every
connection states its size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from tasks.cursor import MAX_PAGE_SIZE

#: The length that a list without a stated size is taken to have.
PLAIN_LIST: Final = 10
#: What an operation costs at least, and what one that is refused costs.
BASE: Final = 1
#: A change writes, logs and wakes, besides what it answers; each item of an input's list as well.
CHANGE: Final = 10
#: Introspection walks the whole schema.
INTROSPECTION: Final = 100

#: Sums that an operation remembers, by the page sizes that requests ask for.
_KNOWN: Final = 64
_ABSENT: Final = object()

_SIZES: Final = ("first", "last")


@dataclass(frozen=True, slots=True)
class Sum:
    """What an operation may answer at most, and what it costs."""

    nodes: int
    values: int
    cost: int


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of the answer: how often it comes, how many fields it has, and what is below."""

    fields: int
    below: tuple["_Object", ...]
    #: None: once. Else a fixed length, or values to look at in each request.
    length: "int | _Length | None" = None
    extra: "_Extra | None" = None
    #: The page size that the object's lists have, which is wanted even if none is selected.
    page: "_Length | None" = None


@dataclass(frozen=True, slots=True)
class _Length:
    """A list's length as its field's arguments state it."""

    field: FieldNode
    arguments: Mapping[str, ValueNode]
    defaults: Mapping[str, Any]
    pages: bool  #: Whether they are page sizes, and not lists of ids.

    def read(self, variables: Mapping[str, Any]) -> int:
        """Return the length.

        Raises:
            GraphQLError: A connection states no size, or one that is out of range.
        """
        given = {
            name: _value(node, variables, self.defaults) for name, node in self.arguments.items()
        }
        if not self.pages:
            return max(map(_listed, given.values()), default=PLAIN_LIST)
        sizes = [given[name] for name in _SIZES if given.get(name) is not None]
        if len(sizes) != 1:
            raise self._refused("needs either first or last")
        size = sizes[0]
        if not isinstance(size, int) or isinstance(size, bool):
            return 0  # Coercing the variables says it better.
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise self._refused(f"asks for {size} edges; it needs first or last")
        return size

    def _refused(self, why: str) -> GraphQLError:
        name = self.field.name.value
        return GraphQLError(f"{name} {why}, from 1 to {MAX_PAGE_SIZE}.", nodes=[self.field])


@dataclass(frozen=True, slots=True)
class _Extra:
    """What a root field costs beside its answer."""

    fixed: int
    arguments: Sequence[ValueNode] = ()
    defaults: Mapping[str, Any] | None = None

    def read(self, variables: Mapping[str, Any]) -> int:
        """Return the points."""
        items = sum(_items(_value(n, variables, self.defaults or {})) for n in self.arguments)
        return self.fixed + CHANGE * items


class Cost:
    """An operation's cost, compiled. The document must be valid."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._defaults = {
            each.variable.name.value: _value(each.default_value, {}, {})
            for each in operation.variable_definitions or ()
            if each.default_value is not None
        }
        self._names: set[str] = set()  #: Of the variables in sizes and lists.
        self._known: dict[tuple[Any, ...], Sum] = {}
        self._changes = operation.operation is OperationType.MUTATION
        root = schema.get_root_type(operation.operation)
        self._roots: tuple[_Object, ...] = ()
        if root is not None:
            _, self._roots = self._level(root, [operation.selection_set], None, is_root=True)

    def read(self, variables: Mapping[str, Any]) -> Sum:
        """Return what the operation may answer with these variables.

        Raises:
            GraphQLError: A connection states no size.
        """
        key = self._key(variables)
        known = None if key is None else self._known.get(key)
        if known is not None:
            return known
        found = self._sum(variables)
        if key is not None and len(self._known) < _KNOWN:
            self._known[key] = found
        return found

    def _key(self, variables: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return what decides the sum, where that is numbers alone; None if it is more."""
        key = tuple([variables.get(name, _ABSENT) for name in self._names])
        for each in key:
            if type(each) is not int and each is not None and each is not _ABSENT:
                return None
        return key

    def _sum(self, variables: Mapping[str, Any]) -> Sum:
        nodes = values = 0
        cost = BASE
        for root in self._roots:
            more_nodes, more_values = _total(root, variables)
            nodes, values = nodes + more_nodes, values + more_values
            cost += more_nodes
            if root.extra is not None:
                cost += root.extra.read(variables)
        return Sum(nodes, values, cost)

    def _level(
        self,
        parent: GraphQLCompositeType,
        sets: Sequence[SelectionSetNode],
        page: "_Length | None",
        *,
        is_root: bool = False,
    ) -> tuple[int, tuple[_Object, ...]]:
        """Compile merged selection sets; returns the number of fields and the objects in them."""
        groups: dict[tuple[str, str], list[FieldNode]] = {}
        for owner, node in self._fields(parent, sets, set()):
            groups.setdefault((owner.name, (node.alias or node.name).value), []).append(node)
        objects: list[_Object] = []
        for (owner_name, _), nodes in groups.items():
            made = self._object(owner_name, nodes, page, is_root=is_root)
            objects += [] if made is None else [made]
        return len(groups), tuple(objects)

    def _object(
        self, owner_name: str, nodes: Sequence[FieldNode], page: "_Length | None", *, is_root: bool
    ) -> _Object | None:
        node = nodes[0]
        if node.name.value.startswith("__"):
            extra = _Extra(INTROSPECTION) if node.name.value != "__typename" else None
            return None if extra is None else _Object(0, (), extra=extra)
        owner: Any = self._schema.type_map[owner_name]
        definition = owner.fields[node.name.value]
        below = [each.selection_set for each in nodes if each.selection_set is not None]
        extra = None
        if is_root and self._changes:
            arguments = [argument.value for argument in node.arguments or ()]
            self._names.update(_variables(arguments))
            extra = _Extra(CHANGE, arguments, self._defaults)
        if not below:
            return None if extra is None else _Object(0, (), extra=extra)
        sized = self._sized(node, definition.args)
        is_list = _is_list(definition.type)
        child_page = sized if sized is not None and sized.pages else None
        kind = cast("GraphQLCompositeType", get_named_type(definition.type))
        fields, objects = self._level(kind, below, child_page)
        length: int | _Length | None = None
        if is_list:
            length = page or (sized if sized is not None else PLAIN_LIST)
        return _Object(fields, objects, length, extra, child_page)

    def _sized(self, node: FieldNode, arguments: Mapping[str, Any]) -> _Length | None:
        """Return how a field's arguments state a length, if its definition has such arguments."""
        pages = all(name in arguments for name in _SIZES)
        lists = [name for name, each in arguments.items() if _is_list(each.type)]
        if not pages and not lists:
            return None
        wanted = _SIZES if pages else lists
        given = {a.name.value: a.value for a in node.arguments or () if a.name.value in wanted}
        self._names.update(_variables(given.values()))
        return _Length(node, given, self._defaults, pages)

    def _fields(
        self, parent: GraphQLNamedType, sets: Iterable[SelectionSetNode], spread: set[str]
    ) -> Iterable[tuple[GraphQLNamedType, FieldNode]]:
        """Yield the fields of merged sets, each with the type whose field it is."""
        for selection_set in sets:
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    yield parent, node
                elif isinstance(node, InlineFragmentNode):
                    inner = self._condition(node.type_condition, parent)
                    yield from self._fields(inner, [node.selection_set], spread)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    inner = self._condition(fragment.type_condition, parent)
                    yield from self._fields(inner, [fragment.selection_set], spread)

    def _condition(self, condition: Any, parent: GraphQLNamedType) -> GraphQLNamedType:
        return parent if condition is None else self._schema.type_map[condition.name.value]


def _total(found: _Object, variables: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many objects there may be at and below one, and how many fields they have."""
    if found.page is not None:
        found.page.read(variables)
    length = found.length
    times = (
        length.read(variables) if isinstance(length, _Length) else 1 if length is None else length
    )
    nodes, values = 1, found.fields
    for below in found.below:
        more_nodes, more_values = _total(below, variables)
        nodes, values = nodes + more_nodes, values + more_values
    return times * nodes, times * values


def _listed(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1  # pyright: ignore[reportUnknownArgumentType] - from outside


def _is_list(kind: Any) -> bool:
    inner: Any = kind.of_type if isinstance(kind, GraphQLNonNull) else kind  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - generic over what it wraps
    return isinstance(inner, GraphQLList)


def _value(
    node: ValueNode | None, variables: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Any:
    """Return an argument's value as far as sizes need it: numbers, and lists and their lengths."""
    if isinstance(node, VariableNode):
        name = node.name.value
        return variables.get(name, defaults.get(name))
    if isinstance(node, IntValueNode):
        return int(node.value[:20])
    if isinstance(node, ListValueNode):
        return [_value(each, variables, defaults) for each in node.values]
    if isinstance(node, ObjectValueNode):
        return {each.name.value: _value(each.value, variables, defaults) for each in node.fields}
    return None


def _variables(values: Iterable[ValueNode]) -> Iterable[str]:
    """Name the variables in literals."""
    for value in values:
        if isinstance(value, VariableNode):
            yield value.name.value
        elif isinstance(value, ListValueNode):
            yield from _variables(value.values)
        elif isinstance(value, ObjectValueNode):
            yield from _variables([each.value for each in value.fields])


def _items(value: Any) -> int:
    """Count the items of all lists in an input."""
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType] - from outside
        return len(items) + sum(_items(each) for each in items)
    if isinstance(value, dict):
        fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] - from outside
        return sum(_items(each) for each in fields.values())
    return 0
