"""A server on the first core, and load from the others."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.graphql.servers import Server

CONNECTIONS: Final = 32
_START_SECONDS: Final = 30
_UNITS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """What one stretch of load measured."""

    rate: float  #: Requests a second.
    p50_ms: float
    p99_ms: float
    answered: int


def cores() -> tuple[int, Sequence[int]]:
    """Return the server's core, and the others; on one core all share it."""
    first, *others = sorted(os.sched_getaffinity(0))
    return first, others or [first]


@contextlib.contextmanager
def serving(server: Server) -> "Generator[subprocess.Popen[bytes]]":
    """Run a server on the first core until the block ends."""
    process = subprocess.Popen(
        ["taskset", "-c", str(cores()[0]), *server.command],
        env={
            **{name: value for name, value in os.environ.items() if name[:7] != "SLUICE_"},
            **server.environment,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(server, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(server: Server, body: bytes) -> bytes:
    """Send one request; returns the answer's body.

    Raises:
        ValueError: It is not answered with 200.
    """
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, 10)) as client:
        client.request("POST", "/graphql", body, _headers(server))
        response = client.getresponse()
        answer = response.read()
    if response.status != http.HTTPStatus.OK:
        raise ValueError(f"{server.title} answers {response.status}: {answer.decode():.200}")
    return answer


def load(server: Server, kind: str, seconds: int, folder: Path) -> Figure:
    """Ask the same as fast as it is answered, over 32 connections."""
    script = folder / f"{server.name}-{kind}.lua"
    lines = [
        'wrk.method = "POST"',
        f"wrk.body = [==[{server.requests[kind].decode()}]==]",
        *(f'wrk.headers["{name}"] = "{value}"' for name, value in _headers(server).items()),
    ]
    script.write_text("\n".join(lines))
    output = subprocess.run(
        [
            *("taskset", "-c", ",".join(map(str, cores()[1]))),
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"),
            *("-s", str(script), server.url),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{server.title} does not answer all of {kind}:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    answered = re.search(r"(\d+) requests in", output)
    if rate is None or answered is None:
        raise SystemExit(f"wrk did not print its figures as expected:\n{output}")
    p50, p99 = (_percentile(output, each) for each in ("50", "99"))
    return Figure(float(rate[1]), p50, p99, int(answered[1]))


def memory_mb(process: "subprocess.Popen[bytes]") -> float:
    """Return the memory that a process holds, in MB."""
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True, check=True
    )
    return int(shown.stdout) / 1024


def _headers(server: Server) -> Mapping[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if server.token:
        headers["Authorization"] = f"Bearer {server.token}"
    return headers


def _wait(server: Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            ask(server, server.requests["single"])
            return
        time.sleep(0.1)
    raise SystemExit(f"{server.title} does not answer on port {server.port}")


def _percentile(output: str, which: str) -> float:
    found = re.search(rf"\s{which}%\s+([\d.]+)(us|ms|s)", output)
    if found is None:
        raise SystemExit(f"wrk did not print its percentiles as expected:\n{output}")
    return float(found[1]) * _UNITS[found[2]]
