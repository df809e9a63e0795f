"""From a document's text to what can be executed, remembered with a bound.

Parsing and validating take ten times as long as executing a small query, and clients send the
same documents again and again. Only documents that are valid are kept, in the order of their
last use, up to a total size: syntax trees are some hundred times larger than their text.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)

from graph.errors import LIMIT_EXCEEDED, PARSE_FAILED, VALIDATION_FAILED, RequestRefused, formatted
from graph.executor import Encoders
from graph.limits import Limits, shape
from graph.limits.cost import Cost
from graph.planner import Planned
from graph.schema import Schema

#: Characters of text that are kept, which is 50 to 100 MB of syntax trees at most.
KEPT_CHARS: Final = 300_000
#: Errors that an invalid document is answered with.
_MAX_ERRORS: Final = 20


class DocumentRefused(Exception):
    """A document that cannot be executed, with the errors as they stand in the answer."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document."""

    kind: OperationType
    name: str | None
    cost: Cost
    planned: Planned
    encoders: Encoders


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A valid document. Equal to itself alone, so that it can be a key."""

    tree: DocumentNode
    operations: Sequence[Operation]

    def operation(self, name: str | None) -> Operation:
        """Return the operation of that name; without a name, the only one.

        Raises:
            RequestRefused: It is not clear which is meant.
        """
        if name is None and len(self.operations) == 1:
            return self.operations[0]
        for each in self.operations:
            if each.name == name and name is not None:
                return each
        code = "OPERATION_RESOLUTION_FAILURE"
        if not self.operations:
            raise RequestRefused("The document holds no operation.", code=code)
        if name is None:
            raise RequestRefused(
                "The document holds several operations; say which with operationName.", code=code
            )
        raise RequestRefused(f"The document holds no operation named {name:.60}.", code=code)


class Documents:
    """Parses and validates documents, and remembers the valid ones. For one event loop."""

    def __init__(
        self,
        schema: Schema,
        limits: Limits,
        *,
        introspection: bool = True,
        suggestions: bool = True,
        kept_chars: int = KEPT_CHARS,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = specified_rules
        if not introspection:
            self._rules = (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._suggestions = suggestions
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._kept_chars = kept_chars
        self._chars = 0

    def get(self, text: str) -> Document:
        """Return the document.

        Raises:
            DocumentRefused: It is beyond a limit, no GraphQL, or not valid in this schema.
        """
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        document = self._read(text)
        self._kept[text] = document
        self._chars += len(text)
        while self._chars > self._kept_chars:
            oldest, _ = self._kept.popitem(last=False)
            self._chars -= len(oldest)
        return document

    def _read(self, text: str) -> Document:
        try:
            tree = self._parse(text)
            shape.check(tree, self._limits)
        except GraphQLError as error:
            # The parser words a limit as a syntax error that ends like this.
            syntax = "Syntax Error" in error.message and "Parsing aborted" not in error.message
            code = PARSE_FAILED if syntax else LIMIT_EXCEEDED
            raise DocumentRefused([formatted(error, code=code)]) from None
        errors = validate(
            self._schema.core,
            tree,
            self._rules,
            max_errors=_MAX_ERRORS,
            hide_suggestions=not self._suggestions,
        )
        if errors:
            raise DocumentRefused([formatted(each, code=VALIDATION_FAILED) for each in errors])
        return Document(tree, self._operations(tree))

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits
        return parse(
            text,
            max_lexical_tokens=limits.tokens,
            max_comments=limits.comments,
            max_source_length=limits.document_chars,
            allow_empty_selection_sets=False,
        )

    def _operations(self, tree: DocumentNode) -> Sequence[Operation]:
        fragments = {
            each.name.value: each
            for each in tree.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        return [
            Operation(
                each.operation,
                each.name.value if each.name else None,
                Cost(self._schema.core, each, fragments),
                Planned(self._schema, tree, each),
                Encoders(self._schema, tree, each),
            )
            for each in tree.definitions
            if isinstance(each, OperationDefinitionNode)
        ]
