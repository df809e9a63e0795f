"""Where a request's time goes: `make bench-graphql ARGS="--profile single"`.

Samples Sluice's server with `py-spy` while it is loaded as it is when it is measured. Each sample
counts for the innermost function that belongs to one of the parts below; what a library in C does
counts for whoever called it, and for the event loop where that did. Beside it stands the floor: a
server that does nothing but answer, behind the same uvicorn.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.graphql import documents, installation
from bench.graphql.installation import Stand
from bench.graphql.load import ask, cores, load, serving
from bench.graphql.servers import Server

_SAMPLES_A_SECOND: Final = 400
_FLOOR_PORT: Final = 18460
_LOOP: Final = "event loop, sockets, the driver's reading of rows"
#: The first that a function's file matches has its time.
_PARTS: Final = (
    (r"/uvicorn/protocols/|/sluice/http\.py", "uvicorn: requests read, answers written"),
    (r"/asyncpg/", "the driver's calls"),
    (r"/sluice/log\.py", "access line"),
    (
        r"/(api|structlog|prometheus_client)/|/sluice/(routing|app)\.py",
        "layers before the endpoint",
    ),
    (r"/graph/limits/", "cost and limits"),
    (r"/graph/planner/(plan|root|argument)\.py", "plan: variables, arguments, root fields"),
    (r"/graph/planner/|^<plan>|/graph/types/", "rows to objects"),
    (r"/tasks/cursor\.py", "cursors"),
    (r"/graph/", "GraphQL over HTTP, JSON in and out"),
    (r"/tasks/", "our side of the database"),
)


def show(server: Server, kind: str, stand: Stand, *, seconds: int, folder: Path) -> None:
    """Load a server with one kind of request, and print what its process did meanwhile."""
    sampler = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which(
        "py-spy"
    )
    if sampler is None:
        raise SystemExit("--profile needs py-spy, a sampling profiler: pip install py-spy")
    raw = folder / f"{kind}.raw"
    with serving(server) as process:
        documents.check(kind, ask(server, server.requests[kind]), stand.now)
        size = len(ask(server, server.requests[kind]))
        load(server, kind, 1, folder)
        asyncio.run(installation.pin(stand.url, cores()[1]))
        used = _cpu_seconds(process.pid)
        unwatched = load(server, kind, seconds, folder)
        used = _cpu_seconds(process.pid) - used
        watching = subprocess.Popen(
            [
                *(sampler, "record", "--nonblocking", "--format", "raw", "--output", str(raw)),
                *("--rate", str(_SAMPLES_A_SECOND), "--duration", str(seconds)),
                *("--pid", str(process.pid)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        load(server, kind, seconds + 1, folder)
        watching.wait()
    floor = _floor(server, kind, size, seconds, folder)
    each = 1_000_000 * used / unwatched.answered
    print(f"\n{kind}: {unwatched.rate:,.0f} requests a second, {each:.0f} µs of processor each")
    print(f"uvicorn alone, with an answer of {size} bytes: {floor:,.0f} a second\n")
    shares = Counter[str]()
    for part, samples in _parts(raw.read_text()):
        shares[part] += samples
    total = shares.total()
    for part, samples in shares.most_common():
        print(f"{100 * samples / total:5.1f} %  {each * samples / total:5.1f} µs  {part}")


def _floor(server: Server, kind: str, size: int, seconds: int, folder: Path) -> float:
    command = ["-m", "uvicorn", "bench.graphql.floor:app", "--no-access-log", "--loop", "uvloop"]
    floor = replace(
        server,
        name="floor",
        command=[sys.executable, *command, "--http", "httptools", "--port", str(_FLOOR_PORT)],
        port=_FLOOR_PORT,
        environment={"BENCH_BYTES": str(size)},
    )
    with serving(floor):
        load(floor, kind, 1, folder)
        return load(floor, kind, seconds, folder).rate


def _parts(raw: str) -> Iterator[tuple[str, int]]:
    """Read py-spy's stacks: frames from the outermost on, and how often they were met."""
    for line in raw.splitlines():
        stack, _, samples = line.rpartition(" ")
        yield _part(stack.split(";")), int(samples)


def _part(stack: Sequence[str]) -> str:
    for frame in reversed(stack):
        path = frame.rpartition("(")[2]
        for pattern, part in _PARTS:
            if re.search(pattern, f"/{path}" if not path.startswith(("/", "<")) else path):
                return part
    return _LOOP


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
