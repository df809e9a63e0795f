"""GraphQL, Sluice beside its peers: `make bench-graphql`.

One server process on one core, `wrk` and PostgreSQL on the others; 100,000 tasks of 100 users; the
servers in turn, several rounds, medians. Ours answers with authentication, limits, cost and its
log on; the peers, which are installed beside this file, without. Needs PostgreSQL
(SLUICE_TEST_POSTGRES names it, with the right to make databases), Redis (SLUICE_TEST_REDIS), npm
and `wrk`.
"""

import argparse
import asyncio
import contextlib
import functools
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import graphql
import redis

from bench.graphql import documents, installation, profiling
from bench.graphql.installation import Stand
from bench.graphql.load import ask, cores, load, memory_mb, serving
from bench.graphql.report import Found, show
from bench.graphql.servers import REDIS, Server, install, servers
from graph.schema import build_schema

ROUNDS: Final = 3
SECONDS: Final = 2
#: Of load before each measurement, so that compilers have compiled and pools are full.
WARM_SECONDS: Final = 1
UNSEEN: Final = 150


def main() -> None:
    """Measure and print."""
    options = _options()
    if shutil.which("wrk") is None:
        raise SystemExit("bench-graphql needs wrk, a load generator: apt install wrk")
    install()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(options, Path(folder)))


async def _run(options: argparse.Namespace, folder: Path) -> None:
    found = Found()
    async with installation.stand(folder) as stand:
        chosen = [
            server
            for server in servers(stand, folder)
            if not options.only or server.name in options.only
        ]
        if options.profile:
            for kind in options.profile:
                show_it = functools.partial(profiling.show, chosen[0], kind, stand)
                await asyncio.to_thread(show_it, seconds=options.seconds, folder=folder)
            return
        try:
            for _ in range(options.rounds):
                for server in chosen:
                    await _round(server, stand, found, options, folder)
        finally:
            _forget_wakes()
    show(found, chosen, rounds=options.rounds, seconds=options.seconds)


async def _round(
    server: Server, stand: Stand, found: Found, options: argparse.Namespace, folder: Path
) -> None:
    """Measure one server once."""
    with serving(server) as process:
        for kind in server.requests:
            if options.kinds and kind not in options.kinds:
                continue
            documents.check(kind, ask(server, server.requests[kind]), stand.now)
            warm = load(server, kind, WARM_SECONDS, folder)
            await installation.pin(stand.url, cores()[1])
            figure = load(server, kind, options.seconds, folder)
            found.figures.setdefault((server.name, kind), []).append(figure)
            documents.check(kind, ask(server, server.requests[kind]), stand.now)
            print(f"{server.title:22} {kind:7} {figure.rate:8,.0f}/s", flush=True)
            if kind == "create":
                await _check_created(server, stand, warm.answered + figure.answered)
        memory = memory_mb(process)
        found.memory_mb[server.name] = max(found.memory_mb.get(server.name, 0.0), memory)
        if server.name == "ours" and found.unseen is None and not options.kinds:
            found.unseen = _first_requests(server), _parse_and_validate()
    await installation.tidy(stand.url)


async def _check_created(server: Server, stand: Stand, answered: int) -> None:
    """See that the rows are there: with their events and a wake-up, where it is ours."""
    tasks, events = await installation.created(stand.url)
    if tasks < answered or (server.token and events != tasks):
        raise SystemExit(
            f"{server.title} answered {answered} creations; there are {tasks} tasks and "
            f"{events} events"
        )
    if server.token and not _forget_wakes():
        raise SystemExit(f"{server.title} sent no wake-up")


def _first_requests(server: Server) -> float:
    """Return the seconds by which a document's first request takes longer than its second."""
    longer: list[float] = []
    for number in range(UNSEEN):
        body = documents.unseen(number)
        begun = time.perf_counter()
        ask(server, body)
        first = time.perf_counter() - begun
        ask(server, body)
        longer.append(first - (time.perf_counter() - begun - first))
    return statistics.median(longer)


def _parse_and_validate() -> float:
    """Return the seconds that graphql-core takes to parse and validate the same documents."""
    schema = build_schema(suggestions=False).core
    took: list[float] = []
    for number in range(UNSEEN):
        text = documents.text(documents.unseen(number))
        begun = time.perf_counter()
        graphql.validate(schema, graphql.parse(text))
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def _forget_wakes() -> bool:
    """Empty our number on Redis; says whether something was there."""
    with contextlib.closing(redis.Redis.from_url(REDIS)) as server:  # pyright: ignore[reportUnknownMemberType] - its **kwargs
        found = server.dbsize()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - untyped commands
        server.flushdb()  # pyright: ignore[reportUnknownMemberType] - untyped commands
    return bool(found)  # pyright: ignore[reportUnknownArgumentType] - likewise


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-graphql", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of each measurement")
    parser.add_argument("--only", type=_names, default=(), help="servers, separated by commas")
    parser.add_argument("--kinds", type=_names, default=(), help="queries, separated by commas")
    parser.add_argument(
        "--profile", type=_names, default=(), help="say instead where the time of these goes"
    )
    return parser.parse_args()


def _names(text: str) -> Sequence[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
