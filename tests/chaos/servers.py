"""Private servers to restart, flush and kill, on free ports and in a folder of their own."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import redis

SECONDS: Final = 60.0


class Missing(Exception):
    """A program that the campaign needs is not installed."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str, *folders: str) -> str:
    """Return the path of a program, from the newest of `folders` that match or from the path."""
    found = [path for folder in folders for path in sorted(Path("/").glob(f"{folder}/{name}"))]
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


class Server:
    """One server process that is started, stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """Return the command that serves in the foreground."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return what the command wants besides the usual."""
        return {}

    def user(self) -> str | None:
        """Return the user to run as, where it must not be root."""
        return None

    def start(self) -> None:
        """Start, and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a server of the campaign's own
                self.command(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                user=self.user(),
                start_new_session=True,
            )
        until(self.listens, f"{type(self).__name__} did not start: {self.folder / 'log'}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        process, self._process = self._process, None
        if process is None:
            return
        # To the group: RabbitMQ's first process is a shell that passes nothing on.
        os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)

    def listens(self) -> bool:
        """Say whether it takes connections."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Postgres(Server):
    """PostgreSQL with a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if (user := self.user()) is not None:
            shutil.chown(folder, user)
        # A campaign is about processes that die, not about power cuts: no fsync.
        subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [_postgres("initdb"), "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync"],
            check=True,
            cwd=folder,
            user=user,
            stdout=subprocess.DEVNULL,
        )
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def user(self) -> str | None:
        """PostgreSQL refuses to run as root."""
        return "postgres" if os.geteuid() == 0 and _has_user("postgres") else None

    def command(self) -> Sequence[str]:
        """Listen on loopback alone."""
        options = ["-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1", "-F"]
        return [_postgres("postgres"), "-D", "data", *options]


class Redis(Server):
    """Redis that keeps nothing over a restart."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        """Listen on loopback alone, and save nothing."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        return [program("redis-server"), *options]

    def flush(self) -> None:
        """Forget everything."""
        with contextlib.closing(redis.Redis(port=self.port)) as client:
            client.flushall()  # pyright: ignore[reportUnknownMemberType] - untyped commands


class Rabbitmq(Server):
    """RabbitMQ as a node of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._nodes_port = free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def environment(self) -> Mapping[str, str]:
        """Keep the node apart from any other on this machine."""
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(
                self.port + 20000 if self.port < 45000 else self.port - 20000
            ),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
        }

    def command(self) -> Sequence[str]:
        """Run the program itself; Debian's wrapper changes the user."""
        return [program("rabbitmq-server", "usr/lib/rabbitmq/bin")]

    def flush(self) -> None:
        """Come back as a new node: without queues."""
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder / "mnesia", ignore_errors=True)
        self.start()


@contextlib.contextmanager
def folder() -> Generator[Path]:
    """Make a folder that other users may enter, and remove it in the end."""
    path = Path(tempfile.mkdtemp(prefix="sluice-chaos-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def until(condition: Callable[[], Any], complaint: str, *, seconds: float = SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.05)


def _postgres(name: str) -> str:
    return program(name, "usr/lib/postgresql/*/bin")


def _has_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        return True
    return False
