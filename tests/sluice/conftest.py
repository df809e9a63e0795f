"""The command line in the test's process, on a data directory of its own."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog

from sluice.__main__ import main
from sluice.settings import PREFIX


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read the answer as JSON."""
        return json.loads(self.out)


class Command(Protocol):
    """Runs `sluice` with arguments."""

    def __call__(self, *arguments: str) -> Ended:
        """Return how it ended."""
        ...


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the developer's own shell sets."""
    for variable in os.environ:
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Give the process its logging back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)


@pytest.fixture
def sluice(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Return the command line, on an empty data directory."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sluice", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        code = caught.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def installed(sluice: Command, tmp_path: Path, sqlite_template: Path) -> Command:
    """Return the command line, on a migrated database with the user ada@example.org."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "sluice.db")
    assert sluice("user", "create", "ada@example.org").code == 0
    return sluice
