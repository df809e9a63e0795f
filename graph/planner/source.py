"""Python source that is generated for a selection, and compiled once.

Generated expressions take half the time that nested closures do (15 rows of 9 fields: 10 against
19 µs). Nothing that a client sent becomes code: of a document only response keys get
in, which are GraphQL names, and as literals; values are named, never written out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

#: A column in an expression over a row, until it is known where in the row it stands.
_COLUMN: Final = re.compile(r"@(\w+)@")


class Unplanned(Exception):
    """This is not what plans are made for; the ordinary path answers."""


class Source:
    """The expressions of one plan, and the values that they name."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}
        self._known: dict[int, str] = {}

    def define(self, name: str, value: Any) -> None:
        """Let expressions name a value so."""
        self._names[name] = value

    def name(self, value: Any) -> str:
        """Return the name by which expressions know a value, which is kept with them."""
        name = self._known.get(id(value))
        if name is None:
            name = self._known[id(value)] = f"k{len(self._known)}"
            self._names[name] = value
        return name

    def function(self, parameters: str, expression: str) -> Callable[..., Any]:
        """Compile an expression into a function of these parameters."""
        code = compile(f"lambda {parameters}: {expression}", "<plan>", "eval")
        return eval(code, self._names)  # noqa: S307 - our own templates, see above


def mapping(items: Mapping[str, str]) -> str:
    """Return the expression of an object, from those of its fields by response key."""
    return "{" + ", ".join(f"{key!r}: {value}" for key, value in items.items()) + "}"


def column(name: str) -> str:
    """Return the place of a column in an expression over a row."""
    return f"@{name}@"


def columns_of(expression: str) -> set[str]:
    """Return the columns that an expression reads."""
    return set(_COLUMN.findall(expression))


def over_row(expression: str, columns: Sequence[str]) -> str:
    """Let an expression read its columns from a row `r` of these columns."""
    return _COLUMN.sub(lambda found: f"r[{columns.index(found[1])}]", expression)
