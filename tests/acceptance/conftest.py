"""Real processes of the product, each on a data directory of its own."""

import fcntl
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
import redis

from sluice.settings import PREFIX
from tests.conftest import REDIS_SERVER, missing

SECONDS = 30.0
#: A coverage or profiling tool in the test's process must not reach into the product's.
COMMAND = (sys.executable, "-m", "sluice")
#: Packages from npm: clients of GraphQL, and what looks at the pages.
CLIENTS = Path(__file__).parents[1] / "clients"
TOKEN = re.compile(r"slc_[\w-]+")
REDIS = f"{REDIS_SERVER}/13"


class Process:
    """A running command whose standard output is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str]", err: Path) -> None:
        self._process = process
        self._err = err
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.out: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line_with(self, text: str) -> str:
        """Wait for a line of standard output that holds `text`, and return it."""
        while True:
            line = self._lines.get(timeout=SECONDS)
            if line is None:
                raise AssertionError(f"ended without {text!r}: {self.out}\n{self.err()}")
            self.out.append(line)
            if text in line:
                return line

    def told(self) -> list[str]:
        """Return all lines of standard output, once the process has ended."""
        self._reader.join()
        while (line := self._lines.get(timeout=SECONDS)) is not None:
            self.out.append(line)
        return self.out

    @property
    def pid(self) -> int:
        """Name the process to the operating system."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        return self._process.wait(timeout=SECONDS)

    def kill(self) -> None:
        """End at once, whatever the state."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def err(self) -> str:
        """Return what was written to standard error so far."""
        return self._err.read_text()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


class Served:
    """A running `sluice up` that answers."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.address = process.line_with("http://").split()[-1]

    def token(self) -> str:
        """Return the token that the first start prints."""
        found = TOKEN.search(self.process.line_with("slc_"))
        assert found is not None
        return found[0]

    def client(self, token: str) -> httpx2.Client:
        """Return a client with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=self.address, headers=headers, trust_env=False)


class Start(Protocol):
    """Starts `sluice` with arguments and more environment variables."""

    def __call__(self, *arguments: str, **environment: str) -> Process:
        """Return the running process."""
        ...


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without anybody's settings."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return {**inherited, "PYTHONUNBUFFERED": "1", **more}


@pytest.fixture
def uses_processes() -> bool:
    """Say that processes use the database: one that outlives its test must not find another's."""
    return True


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node with the packages of `tests/clients` installed beside them."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        missing("Node.js")
    # Several workers of pytest begin at once, and one must not delete what another reads.
    with (CLIENTS / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has_packages():
            installed = subprocess.run(  # noqa: S603 - npm, with the packages that are locked
                [npm, "ci", "--ignore-scripts"],
                cwd=CLIENTS,
                capture_output=True,
                text=True,
                check=False,
            )
            if installed.returncode != 0:
                missing(f"the clients' packages ({installed.stderr[-300:]})")
    return program


def _has_packages() -> bool:
    """Say whether what is installed is what is locked now."""
    installed = CLIENTS / "node_modules" / ".package-lock.json"
    locked = CLIENTS / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= locked.stat().st_mtime


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return where the data directory will be."""
    return tmp_path / "data"


@pytest.fixture
def start(data_dir: Path, tmp_path: Path) -> Iterator[Start]:
    """Return what starts processes; those that still run at the end are killed."""
    started: list[Process] = []

    def run(*arguments: str, **environment: str) -> Process:
        errors = tmp_path / f"stderr-{len(started)}"
        with errors.open("w") as err:
            process = subprocess.Popen(  # noqa: S603 - our own program
                (*COMMAND, *arguments),
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                env=clean_environment(SLUICE_DATA_DIR=str(data_dir), **environment),
            )
        started.append(Process(process, errors))
        return started[-1]

    yield run
    for process in started:
        process.kill()


@pytest.fixture
def run(data_dir: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Return what runs a command to its end."""

    def call(*arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        environment = clean_environment(SLUICE_DATA_DIR=str(data_dir), **more.pop("env", {}))
        return subprocess.run(  # noqa: S603 - our own program
            (*COMMAND, *arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=environment,
            **more,
        )

    return call


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """Return the settings that processes of one installation share: a database, and Redis."""
    server = redis.Redis.from_url(REDIS)  # pyright: ignore[reportUnknownMemberType] - its **kwargs
    try:
        server.flushdb()  # pyright: ignore[reportUnknownMemberType] - untyped commands
    except redis.ConnectionError:
        missing("Redis")
    finally:
        server.close()
    return {
        "SLUICE_DATABASE_URL": database_url,
        "SLUICE_BROKER_URL": REDIS,
        "SLUICE_REDIS_URL": REDIS,
    }


@pytest.fixture
def axe(node: str) -> Path:
    """Return the program that looks for obstacles."""
    assert node
    return CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
