"""The servers that are compared: how each is installed, started and asked."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.graphql import documents
from bench.graphql.installation import USER, Stand

PEERS: Final = Path(__file__).parent / "peers"
NODE: Final = PEERS / "node"
PYTHON: Final = PEERS / "python"
#: A number of its own, which the benchmark empties.
REDIS: Final = os.environ.get("SLUICE_TEST_REDIS", "redis://127.0.0.1:6379") + "/14"
#: Far beyond what can be asked in a minute: the limits are kept, and never reached.
_ENOUGH: Final = "1000000000"
_FIRST_PORT: Final = 18441


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server under measurement."""

    name: str
    title: str
    command: Sequence[str]
    port: int
    requests: Mapping[str, bytes]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    token: str = ""

    @property
    def url(self) -> str:
        """Return where it is asked."""
        return f"http://127.0.0.1:{self.port}/graphql"


def servers(stand: Stand, folder: Path) -> Sequence[Server]:
    """Return all of them, ours first."""
    return [*_ours(stand, folder), *_node_peers(stand), *_python_peers(stand)]


def install() -> None:
    """Install the peers at their pinned versions, once."""
    if not (NODE / "node_modules").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("bench-graphql needs npm, for the peers that run on Node.js")
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=NODE, check=True)
    if not _python().exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYTHON / ".venv")], check=True)
        lock = str(PYTHON / "requirements.lock")
        pip = [str(_python()), "-m", "pip", "install", "-q", "--require-hashes", "-r", lock]
        subprocess.run(pip, check=True)


def versions() -> Mapping[str, str]:
    """Name the versions of the peers."""
    package = json.loads((NODE / "package.json").read_text())
    pinned = (PYTHON / "requirements.txt").read_text().split()
    return {
        "Node.js": subprocess.run(
            [_node(), "--version"], capture_output=True, text=True, check=True
        ).stdout.strip("v\n"),
        **package["dependencies"],
        **dict(line.split("==") for line in pinned),
    }


def _ours(stand: Stand, folder: Path) -> Sequence[Server]:
    sluice = [sys.executable, "-m", "sluice"]
    settings = {
        "SLUICE_ENV": "production",
        "SLUICE_RATE_LIMIT_PER_MINUTE": _ENOUGH,
        "SLUICE_GRAPHQL_COST_CAPACITY": _ENOUGH,
        "SLUICE_GRAPHQL_COST_PER_SECOND": _ENOUGH,
        "SLUICE_DATA_DIR": str(folder / "data"),
    }
    on_postgresql, on_sqlite = stand.tokens
    requests = documents.ours()
    reads = {kind: requests[kind] for kind in ("list", "single", "posts")}
    return [
        Server(
            name="ours",
            title="Sluice",
            command=[*sluice, "serve", "--port", str(_FIRST_PORT)],
            port=_FIRST_PORT,
            requests=requests,
            environment={
                **settings,
                "SLUICE_DATABASE_URL": stand.url,
                "SLUICE_BROKER_URL": REDIS,
            },
            token=on_postgresql,
        ),
        Server(
            name="sqlite",
            title="Sluice on SQLite",
            command=[*sluice, "up", "--port", str(_FIRST_PORT + 1)],
            port=_FIRST_PORT + 1,
            requests=reads,
            environment={**settings, "SLUICE_DATABASE_URL": stand.sqlite},
            token=on_sqlite,
        ),
    ]


def _node_peers(stand: Stand) -> Sequence[Server]:
    peers: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
        "mercurius": ("Mercurius, JIT", "mercurius.mjs", {}),
        "yoga": ("GraphQL Yoga", "yoga.mjs", {}),
        "yoga-jit": ("GraphQL Yoga, JIT", "yoga.mjs", {"BENCH_JIT": "1"}),
        "postgraphile": ("PostGraphile", "postgraphile.mjs", {}),
    }
    return [
        Server(
            name=name,
            title=title,
            command=[_node(), str(NODE / script)],
            port=_FIRST_PORT + 2 + number,
            requests=(
                documents.postgraphile(stand.now) if name == "postgraphile" else documents.ours()
            ),
            environment={
                **_peer(stand),
                "NODE_ENV": "production",
                "PORT": str(_FIRST_PORT + 2 + number),
                **more,
            },
        )
        for number, (name, (title, script, more)) in enumerate(peers.items())
    ]


def _python_peers(stand: Stand) -> Sequence[Server]:
    peers = {"strawberry": "Strawberry, defaults", "ariadne": "Ariadne"}
    return [
        Server(
            name=name,
            title=title,
            command=[
                *(str(_python()), "-m", "uvicorn", "--app-dir", str(PYTHON), f"{name}_peer:app"),
                *("--no-access-log", "--loop", "uvloop", "--http", "httptools"),
                *("--port", str(_FIRST_PORT + 8 + number)),
            ],
            port=_FIRST_PORT + 8 + number,
            requests=documents.ours(),
            environment=_peer(stand),
        )
        for number, (name, title) in enumerate(peers.items())
    ]


def _peer(stand: Stand) -> Mapping[str, str]:
    return {"BENCH_DATABASE_URL": stand.url, "BENCH_USER_ID": str(USER)}


def _python() -> Path:
    return PYTHON / ".venv" / "bin" / "python"


def _node() -> str:
    """Return the pinned Node.js where there is one for this machine, else the installed one."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "none")
    pinned = NODE / "node_modules" / f"node-linux-{machine}" / "bin" / "node"
    return str(pinned) if pinned.exists() else "node"
