"""Twelve ways to break the planner, each of which the differential test must notice.

`make mutate-planner` runs the differential test once for each, in a process in which one module is
imported with one piece of its source replaced. Nothing on the disk is changed.

1.  `column`: a field reads another field's column.
2.  `global_id`: a task's global id names another type.
3.  `end_cursor`: the last edge's cursor is the first edge's.
4.  `has_next`: where the list goes on is said of its other end.
5.  `conditions`: `@include` and `@skip` take a variable for true, whatever it is.
6.  `default`: a variable's default is forgotten.
7.  `kind`: `node` takes the id of anything for a task's.
8.  `retention`: posts that retention took away are counted.
9.  `error`: an error of a root field is swallowed.
10. `merging`: of merged fields only the first one's selections count.
11. `direction`: a list comes in the other direction.
12. `empty_text`: an error without a message shows null.
"""

import importlib.abc
import importlib.machinery
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Final

_VARIABLE: Final = "SLUICE_MUTANT"
#: Most are noticed within a hundred.
_CASES: Final = "2000"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module, a piece of its source that stands there once, and what stands there instead."""

    module: str
    piece: str
    instead: str


MUTANTS: Final[Mapping[str, Mutant]] = {
    "column": Mutant("table", '"maxPosts": "@max_posts@"', '"maxPosts": "@posts_count@"'),
    "global_id": Mutant("table", "b'Task:%d'", "b'Post:%d'"),
    "end_cursor": Mutant("rows", "page.rows[-1]", "page.rows[0]"),
    "has_next": Mutant("rows", '"page.has_next"', '"page.has_previous"'),
    "conditions": Mutant(
        "plan",
        "dict(zip(self._conditions, key, strict=True))",
        "dict.fromkeys(self._conditions, True)",
    ),
    "default": Mutant("argument", "coerced[name] = default", "pass"),
    "kind": Mutant("root", 'if kind != "Task":', "if not kind:"),
    "retention": Mutant("task", "(@posts_count@, @posts_expired_at@)", "(@posts_count@, None)"),
    "error": Mutant("plan", "errors.append(_error(error, key, root))", "_error(error, key, root)"),
    "merging": Mutant("selection", "kind, list(fields)", "kind, list(fields)[:1]"),
    "direction": Mutant(
        "root",
        "where=where, order=order, descending=descending",
        "where=where, order=order, descending=not descending",
    ),
    "empty_text": Mutant("table", "(@error_message@ or '')", "@error_message@"),
}


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module from its source with the piece replaced, past any cache."""

    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        """Compile."""
        source = self.get_data(self.path).decode()
        if source.count(self._mutant.piece) != 1:
            raise AssertionError(f"{self._mutant.piece!r} does not stand in {fullname} once")
        mutated = source.replace(self._mutant.piece, self._mutant.instead)
        return compile(mutated, self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the module that is to be broken."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find it, and leave all other modules to the others."""
        if fullname != f"graph.planner.{self._mutant.module}":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._mutant)
        return spec


def run(name: str) -> int:
    """Run the differential test against one mutant, or none; returns pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no", "-n", "0"]
    command += ["-p", "tests.graph.mutants", "-p", "no:randomly", "-k", "sqlite"]
    command += ["tests/graph/test_planner_differential.py"]
    environment = {**os.environ, _VARIABLE: name, "SLUICE_FUZZ_CASES": _CASES}
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode  # noqa: S603 - our own test


def main() -> int:
    """Run them all; returns 1 if one was not noticed."""
    unbroken = run("")
    print("unbroken:", "passes" if unbroken == 0 else "fails")  # noqa: T201 - what it is for
    missed = unbroken != 0
    for name in MUTANTS:
        noticed = run(name) == 1
        print(f"{name}:", "noticed" if noticed else "NOT NOTICED", flush=True)  # noqa: T201 - likewise
        missed |= not noticed
    return int(missed)


if _NAME := os.environ.get(_VARIABLE):
    sys.meta_path.insert(0, _Finder(MUTANTS[_NAME]))

if __name__ == "__main__":
    sys.exit(main())
