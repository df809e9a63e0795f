"""Limits on a document's shape, checked before it is validated.

Validation compares selections in pairs and walks fragments without memory, so a small document
can keep it busy for minutes: twenty fragments that double each other do. This walk looks at the
document as the executor will, merged by response key, and stops at the bound on selections.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

from graph.limits.settings import Limits


def check(document: DocumentNode, limits: Limits) -> None:
    """Refuse a document whose shape is beyond the limits.

    Raises:
        GraphQLError: Which limit, and where.
    """
    if len(document.definitions) > limits.definitions:
        count = len(document.definitions)
        raise _exceeded("operations and fragments", count, limits.definitions)
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    walk = _Walk(fragments, limits)
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode):
            walk.operation(each)
    for name, fragment in fragments.items():
        # Validation looks at a fragment that nothing spreads, too.
        if name not in walk.reached:
            walk.directives_of(fragment.directives)
            walk.level([fragment.selection_set], depth=1)


@dataclass(slots=True)
class _Walk:
    """One walk through a document, and what it has counted."""

    fragments: Mapping[str, FragmentDefinitionNode]
    limits: Limits
    reached: set[str] = field(default_factory=set[str])
    selections: int = 0
    aliases: int = 0
    directives: int = 0

    def operation(self, operation: OperationDefinitionNode) -> None:
        """Walk one operation."""
        self.directives_of(operation.directives)
        for variable in operation.variable_definitions or ():
            self.directives_of(variable.directives)
        roots = self.level([operation.selection_set], depth=1)
        if roots > self.limits.root_fields:
            raise _exceeded("root fields", roots, self.limits.root_fields, operation)

    def level(self, sets: Sequence[SelectionSetNode], *, depth: int) -> int:
        """Walk selection sets that are merged, and what is below; returns how many keys there are.

        Recursion ends at the limit on depth.
        """
        groups = self._collect(sets)
        for key, nodes in groups.items():
            if depth > self.limits.depth:
                raise _exceeded("levels", depth, self.limits.depth, nodes[0])
            if len(nodes) > self.limits.repetitions:
                raise _exceeded(
                    f"fields with the key {key:.40} in one place",
                    len(nodes),
                    self.limits.repetitions,
                    nodes[0],
                )
            below = [node.selection_set for node in nodes if node.selection_set is not None]
            if below:
                self.level(below, depth=depth + 1)
        return len(groups)

    def directives_of(self, nodes: Iterable[DirectiveNode] | None) -> None:
        """Count directives."""
        for node in nodes or ():
            self.directives += 1
            if self.directives > self.limits.directives:
                raise _exceeded("directives", self.directives, self.limits.directives, node)

    def _collect(self, sets: Sequence[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Gather the fields of merged selection sets by response key, through fragments."""
        groups: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        stack = [(each, 0) for each in reversed(sets)]
        while stack:
            selection_set, nested = stack.pop()
            if nested > self.limits.depth:
                raise _exceeded("nested fragments", nested, self.limits.depth, selection_set)
            for node in selection_set.selections:
                self._count(node)
                if isinstance(node, FieldNode):
                    self._count_alias(node)
                    key = (node.alias or node.name).value
                    groups.setdefault(key, []).append(node)
                elif isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    self.reached.add(name)
                    fragment = self.fragments.get(name)
                    if fragment is not None and name not in spread:
                        spread.add(name)
                        self.directives_of(fragment.directives)
                        stack.append((fragment.selection_set, nested))
                else:
                    inner: SelectionSetNode = getattr(node, "selection_set")  # noqa: B009 - the third kind of selection is an inline fragment
                    stack.append((inner, nested + 1))
        return groups

    def _count(self, node: object) -> None:
        self.selections += 1
        if self.selections > self.limits.selections:
            raise _exceeded(
                "selections, with fragments spread out", self.selections, self.limits.selections
            )
        self.directives_of(getattr(node, "directives", ()))

    def _count_alias(self, node: FieldNode) -> None:
        if node.alias is not None:
            self.aliases += 1
            if self.aliases > self.limits.aliases:
                raise _exceeded("aliases", self.aliases, self.limits.aliases, node)


def _exceeded(
    what: str, count: int, most: int, node: FieldNode | object | None = None
) -> GraphQLError:
    """Say which limit a document exceeds. Counting stops at the limit, so there may be more."""
    nodes: list[object] = [] if node is None else [node]
    return GraphQLError(
        f"The document has {count} or more {what}; at most {most} are allowed.",
        nodes=nodes,  # pyright: ignore[reportArgumentType] - each is an AST node
    )
