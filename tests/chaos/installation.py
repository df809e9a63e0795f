"""The installation under fire: gateways and workers as processes that are killed and started."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.chaos.servers import Missing, free_port

LEASE_SECONDS: Final = 5
PREFIX: Final = "SLUICE_"


def environment(**settings: str) -> dict[str, str]:
    """Return the settings that all processes share."""
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith(PREFIX)},
        "PYTHONUNBUFFERED": "1",
        "SLUICE_LEASE_SECONDS": str(LEASE_SECONDS),
        # Lost workers are the campaign's doing, over and over; no task is poison.
        "SLUICE_MAX_FAILURES": "50",
        "SLUICE_RATE_LIMIT_PER_MINUTE": "1000000",
        **settings,
    }


#: libfaketime 0.9.10 breaks `clock_nanosleep`, by which Python sleeps, where it leaves the
#: monotonic clock alone; and it must, because locks wait by it. So the thread sleeps otherwise.
SLEEP: Final = """
import select
import time

time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def wrong_clock(seconds: int, folder: Path) -> Mapping[str, str]:
    """Return what makes a process's clock go wrong by so many seconds.

    Raises:
        Missing: libfaketime is not installed.
    """
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise Missing("libfaketime is not installed (apt install faketime)")
    (folder / "sitecustomize.py").write_text(SLEEP)
    return {
        "LD_PRELOAD": str(libraries[-1]),
        "FAKETIME": f"{seconds:+d}s",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(folder),
    }


class Product:
    """A `sluice` process that may die at any time and is started again."""

    def __init__(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "sluice", *arguments]
        self._environment = dict(env)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """Start."""
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdout=log, stderr=log, env=self._environment
            )

    def revive(self) -> bool:
        """Start again if it has ended by itself; says whether it had."""
        if self._process is not None and self._process.poll() is None:
            return False
        self.start()
        return True

    def kill(self) -> None:
        """Kill and start again."""
        self.end(signal.SIGKILL)
        self.start()

    def restart(self) -> None:
        """Ask to end, wait, and start again, as an upgrade that rolls does."""
        self.end(signal.SIGTERM)
        self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 40.0) -> float:
        """End; returns how long it took."""
        begun = time.monotonic()
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(seconds)
        return time.monotonic() - begun

    def log(self) -> str:
        """Return what it wrote."""
        return self._log.read_text(errors="replace")


class Installation:
    """Workers and gateways on the campaign's servers."""

    def __init__(
        self, env: Mapping[str, str], folder: Path, *, workers: int, gateways: int, skewed: bool
    ) -> None:
        clocks = [wrong_clock(seconds, folder) for seconds in (30, -30)] if skewed else []
        self.workers = [
            Product(
                f"worker {number}",
                ["worker"],
                {**env, **(clocks[number] if number < len(clocks) else {})},
                folder / f"worker-{number}.log",
            )
            for number in range(workers)
        ]
        self.ports = [free_port() for _ in range(gateways)]
        self.gateways = [
            Product(
                f"gateway {number}",
                ["serve", "--port", str(port)],
                env,
                folder / f"gateway-{number}.log",
            )
            for number, port in enumerate(self.ports)
        ]

    @property
    def processes(self) -> list[Product]:
        """List all processes."""
        return [*self.workers, *self.gateways]

    def address(self) -> str:
        """Return any gateway's address."""
        return f"http://127.0.0.1:{random.choice(self.ports)}"  # noqa: S311 - guards nothing

    def start(self) -> None:
        """Start all."""
        for process in self.processes:
            process.start()

    def stop(self) -> None:
        """End all; those that do not end well are killed."""
        for process in self.processes:
            try:
                process.end()
            except subprocess.TimeoutExpired:
                process.end(signal.SIGKILL)

    def revive(self) -> int:
        """Start again what ended by itself; returns how many."""
        return sum(process.revive() for process in self.processes)


def run_cli(env: Mapping[str, str], *arguments: str) -> str:
    """Run a command to its end and return what it printed."""
    command = [sys.executable, "-m", "sluice", *arguments]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return done.stdout.strip()
