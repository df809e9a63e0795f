"""The figures as a table, and which targets are met."""

import importlib.metadata
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from bench.graphql import documents
from bench.graphql.load import CONNECTIONS, Figure
from bench.graphql.servers import Server, versions

_TITLES: Final = {
    "list": "list: 15 completed tasks, 9 fields, a Relay connection",
    "single": "single task by its id, 13 fields",
    "posts": "task with its result and 100 posts",
    "create": "create a task",
}
_MAX_MEMORY_MB: Final = 120
#: Planning an unseen document, at most so many times parsing and validating it.
_MAX_PLANNING: Final = 3.0


@dataclass(slots=True)
class Found:
    """What was measured."""

    figures: dict[tuple[str, str], list[Figure]] = field(
        default_factory=dict[tuple[str, str], list[Figure]]
    )
    memory_mb: dict[str, float] = field(default_factory=dict[str, float])
    unseen: tuple[float, float] | None = None  #: Seconds: of the first request, of graphql-core.

    def middle(self, server: str, kind: str) -> Figure | None:
        """Return the medians over all rounds."""
        figures = self.figures.get((server, kind))
        if not figures:
            return None
        return Figure(
            statistics.median(each.rate for each in figures),
            statistics.median(each.p50_ms for each in figures),
            statistics.median(each.p99_ms for each in figures),
            sum(each.answered for each in figures),
        )


def show(found: Found, servers: Sequence[Server], *, rounds: int, seconds: int) -> None:
    """Print the tables and the targets."""
    own = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "asyncpg")
    print(
        f"{date.today().isoformat()}, Python {platform.python_version()}, "  # noqa: DTZ011 - a person's date
        + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in own)
    )
    print("peers: " + ", ".join(f"{name} {version}" for name, version in versions().items()))
    print(f"{CONNECTIONS} connections, {rounds} rounds of {seconds} s, medians\n")
    for kind in documents.KINDS:
        _table(found, servers, kind)
    _targets(found, servers)


def _table(found: Found, servers: Sequence[Server], kind: str) -> None:
    mine = found.middle("ours", kind)
    print(f"{_TITLES[kind]}\n\n| server | requests/s | p50 ms | p99 ms | MB | Sluice / it |")
    print("|---|---:|---:|---:|---:|---:|")
    for server in servers:
        figure = found.middle(server.name, kind)
        if figure is None:
            continue
        ratio = "" if mine is None else f"{mine.rate / figure.rate:.2f}"
        memory = found.memory_mb[server.name]
        print(
            f"| {server.title} | {figure.rate:,.0f} | {figure.p50_ms:.1f} | {figure.p99_ms:.1f} "
            f"| {memory:.0f} | {ratio} |"
        )
    print()


def _targets(found: Found, servers: Sequence[Server]) -> None:
    for text, target, value in _judged(found):
        if value is not None:
            met = "met" if value >= target else f"not met, {value / target:.0%}"
            print(f"{text}: {value:.2f} of at least {target:.2f} ({met})")
    for kind in documents.KINDS:
        mine, best = found.middle("ours", kind), _fastest(found, servers, kind)
        if mine is not None and best is not None:
            met = "met" if mine.p99_ms <= best[1].p99_ms else "not met"
            print(
                f"{kind}, p99: {mine.p99_ms:.1f} ms, at most that of the fastest peer "
                f"({best[0].title}), {best[1].p99_ms:.1f} ms ({met})"
            )
    for name in ("ours", "sqlite"):
        memory = found.memory_mb.get(name)
        if memory is not None:
            met = "met" if memory < _MAX_MEMORY_MB else "not met"
            print(f"memory, {name}: {memory:.0f} MB, below {_MAX_MEMORY_MB} ({met})")
    if found.unseen is not None:
        first, least = found.unseen
        met = "met" if first / least <= _MAX_PLANNING else "not met"
        print(
            f"an unseen document costs {first * 1000:.2f} ms more than a seen one, "
            f"{first / least:.1f} times what parsing and validating cost alone "
            f"({least * 1000:.2f} ms), at most {_MAX_PLANNING:.1f} ({met})"
        )


def _judged(found: Found) -> Sequence[tuple[str, float, float | None]]:
    """Return the ratios of rates that are aimed at, each with the least that it should be."""
    aims = [
        ("list / Mercurius with its JIT", 1.0, ("ours", "list"), ("mercurius", "list")),
        ("list / default Strawberry", 20.0, ("ours", "list"), ("strawberry", "list")),
        ("single / Mercurius with its JIT", 1.0, ("ours", "single"), ("mercurius", "single")),
        ("posts / Mercurius with its JIT", 1.5, ("ours", "posts"), ("mercurius", "posts")),
        ("create / PostGraphile", 0.7, ("ours", "create"), ("postgraphile", "create")),
        ("list on SQLite / on PostgreSQL", 0.7, ("sqlite", "list"), ("ours", "list")),
    ]
    return [(text, least, _ratio(found, a, b)) for text, least, a, b in aims]


def _ratio(found: Found, one: tuple[str, str], other: tuple[str, str]) -> float | None:
    mine, theirs = found.middle(*one), found.middle(*other)
    return None if mine is None or theirs is None else mine.rate / theirs.rate


def _fastest(found: Found, servers: Sequence[Server], kind: str) -> tuple[Server, Figure] | None:
    peers = [
        (server, figure)
        for server in servers
        if server.name not in ("ours", "sqlite")
        and (figure := found.middle(server.name, kind)) is not None
    ]
    return max(peers, key=lambda each: each[1].rate, default=None)
