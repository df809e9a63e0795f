"""REST reads, Sluice beside FastAPI + SQLModel + AsyncSession: `make bench-rest`.

One server process on one core, `wrk` and PostgreSQL on the others; 100,000 tasks of 100 users;
the two servers in turn, several rounds, medians. Needs PostgreSQL (SLUICE_TEST_POSTGRES names it,
with the right to make databases) and `wrk`. Prints requests a second, the 99th percentile and the
ratios. The peer is installed into a virtual environment of its own.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import re
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tasks.accounts import AccountService
from tasks.database import open_database
from tasks.migrations import migrate

HERE = Path(__file__).parent
POSTGRES = os.environ.get("SLUICE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
USERS, TASKS = 100, 100_000
ROUNDS, SECONDS, CONNECTIONS = 3, 8, 32
PORTS = {"sluice": 18431, "fastapi": 18432}
driver: Any = asyncpg  # asyncpg ships no types

SEED = """
INSERT INTO task (user_id, group_id, group_name, platform, target, max_posts, priority, status,
                  attempt, failures, cursor_state, posts_count, created_at, assigned_at,
                  completed_at, updated_at, revision)
SELECT 1 + n % {users}, 'sandbox:' || n, 'Group ' || n, 'sandbox', n::text, 100, n % 5,
       (ARRAY['completed', 'completed', 'completed', 'failed'])[1 + n % 4], 1, 0, 'exhausted',
       n % 100,
       now() - make_interval(secs => n), now() - make_interval(secs => n - 1),
       now() - make_interval(secs => n - 9), now(), 4
FROM generate_series(1, {tasks}) AS n
"""


@dataclass(frozen=True)
class Figure:
    """What one round of load measured."""

    rate: float  #: Requests a second.
    p99_ms: float


async def prepare(name: str) -> str:
    """Make and fill a database; returns a token of the first user."""
    url = named(name)
    await migrate(url)
    database = await open_database(url)
    accounts = AccountService(database)
    users = [await accounts.create_user(f"user{number}@example.org") for number in range(USERS)]
    token = (await accounts.create_token(users[0].id, "bench")).token
    await database.close()
    connection: Any = await driver.connect(url)
    await connection.execute(SEED.format(users=USERS, tasks=TASKS))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return token


def named(name: str) -> str:
    """Return a database's address."""
    return urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))


async def admin(statement: str) -> None:
    """Run a statement beside the database."""
    connection: Any = await driver.connect(POSTGRES)
    await connection.execute(statement)
    await connection.close()


@contextlib.contextmanager
def serving(command: list[str], port: int, token: str, **environment: str) -> Generator[None]:
    """Run a server on the first core until the block ends."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/api/tasks?status=completed",
                    headers={"Authorization": f"Bearer {token}"},
                )
                urllib.request.urlopen(request, timeout=2).read()
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{command[0]} does not answer on port {port}")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def load(port: int, path: str, token: str) -> Figure:
    """Ask for one path as fast as it is answered."""
    output = subprocess.run(
        [
            "taskset",
            "-c",
            "1",
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{SECONDS}s",
            "--latency",
            "-H",
            f"Authorization: Bearer {token}",
            f"http://127.0.0.1:{port}{path}",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"{path} on port {port} is not answered with 2xx:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if rate is None or p99 is None:
        raise SystemExit(f"wrk did not print its figures as expected:\n{output}")
    milliseconds = {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]
    return Figure(float(rate[1]), float(p99[1]) * milliseconds)


def peer() -> str:
    """Install the peer, once, and return its Python."""
    folder = HERE / ".venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        lock = str(HERE / "requirements.lock")
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True
        )
    return str(python)


def main() -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        raise SystemExit("bench-rest needs wrk, a load generator: apt install wrk")
    python = peer()
    name = f"sluice_bench_{secrets.token_hex(4)}"
    asyncio.run(admin(f'CREATE DATABASE "{name}"'))
    try:
        token = asyncio.run(prepare(name))
        url = named(name)
        servers = {
            "sluice": (
                [sys.executable, "-m", "sluice", "serve", "--port", str(PORTS["sluice"])],
                {
                    "SLUICE_DATABASE_URL": url,
                    "SLUICE_BROKER_URL": "redis://127.0.0.1:6379/0",
                    "SLUICE_RATE_LIMIT_PER_MINUTE": "100000000",
                    "SLUICE_LOG_LEVEL": "warning",
                },
            ),
            "fastapi": (
                [
                    python,
                    "-m",
                    "uvicorn",
                    "--app-dir",
                    str(HERE),
                    "peer:app",
                    "--no-access-log",
                    "--loop",
                    "uvloop",
                    "--http",
                    "httptools",
                    "--port",
                    str(PORTS["fastapi"]),
                ],
                {"BENCH_DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://")},
            ),
        }
        paths = {"list": "/api/tasks?status=completed", "single": "/api/tasks/5000"}
        found: dict[tuple[str, str], list[Figure]] = {}
        for _ in range(ROUNDS):
            for server, (command, environment) in servers.items():
                with serving(command, PORTS[server], token, **environment):
                    for kind, path in paths.items():
                        load_path = path if kind == "list" else f"/api/tasks/{USERS * 50}"
                        found.setdefault((server, kind), []).append(
                            load(PORTS[server], load_path, token)
                        )
        report(found, paths)
    finally:
        asyncio.run(admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def report(found: dict[tuple[str, str], list[Figure]], paths: dict[str, str]) -> None:
    """Print medians and ratios."""
    ours = ", ".join(
        f"{n} {importlib.metadata.version(n)}" for n in ("starlette", "uvicorn", "asyncpg")
    )
    print(
        f"Sluice on Python {sys.version.split()[0]}, {ours}; {CONNECTIONS} connections, "
        f"{ROUNDS} rounds of {SECONDS} s, medians"
    )
    print(f"{'':8}{'sluice /s':>11}{'p99 ms':>8}{'fastapi /s':>12}{'p99 ms':>8}{'ratio':>7}")
    for kind in paths:
        middle = {
            server: Figure(
                statistics.median(f.rate for f in found[server, kind]),
                statistics.median(f.p99_ms for f in found[server, kind]),
            )
            for server in PORTS
        }
        mine, other = middle["sluice"], middle["fastapi"]
        print(
            f"{kind:8}{mine.rate:>11.0f}{mine.p99_ms:>8.1f}{other.rate:>12.0f}"
            f"{other.p99_ms:>8.1f}{mine.rate / other.rate:>7.2f}"
        )


if __name__ == "__main__":
    main()
