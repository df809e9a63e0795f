import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tasks.column import now
from tasks.database import Statement, Steps, open_database
from tasks.models import QueueOwner, Task
from tests.sluice.conftest import Command, Ended

LAPSED = Statement(
    sa.update(Task).values(status="processing", worker_id="gone", lease_expires_at=now(-3600))
)
FORGOTTEN = Statement(sa.delete(QueueOwner))


def change(path: Path, statement: Statement) -> None:
    """Do to a database what should never happen to it."""

    def steps() -> Steps[None]:
        yield statement()

    async def work() -> None:
        database = await open_database(f"sqlite:///{path}")
        await database.write(steps)
        await database.close()

    asyncio.run(work())


def finding(ended: Ended, check: str) -> dict[str, Any]:
    """Return what a check found."""
    (found,) = [each for each in ended.json["findings"] if each["check"] == check]
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the installed database's file, in a directory of its owner's alone."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data").chmod(0o700)
    return tmp_path / "data" / "sluice.db"


def test_a_sound_installation_is_well(installed: Command, path: Path) -> None:
    """Code 0, and every check says what it looked at."""
    ended = installed("doctor")

    assert ended.code == 0, ended.out
    assert "All is well." in ended.out
    assert str(path) in ended.out
    assert "→" not in ended.out


def test_programs_get_json(installed: Command, path: Path) -> None:
    """One document with a verdict, and each finding with its advice or none."""
    del path
    ended = installed("doctor", "--json")

    assert (ended.code, ended.json["healthy"]) == (0, True)
    assert {each["state"] for each in ended.json["findings"]} == {"ok"}
    assert finding(ended, "writing")["advice"] is None


def test_an_empty_place_is_told_how_to_begin(sluice: Command, tmp_path: Path) -> None:
    """Nothing is made by looking."""
    ended = sluice("doctor", "--json")

    assert (ended.code, ended.json["healthy"]) == (1, False)
    assert "sluice up" in finding(ended, "database")["advice"]
    assert not (tmp_path / "data").exists()


def test_a_setting_that_cannot_be_used_is_named(
    installed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence that every command ends with is a finding here."""
    monkeypatch.setenv("SLUICE_PORT", "many")

    ended = installed("doctor", "--json")

    assert ended.code == 1
    assert "SLUICE_PORT" in finding(ended, "settings")["says"]


def test_a_variable_without_effect_is_a_warning(
    installed: Command, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps nothing from working."""
    del path
    monkeypatch.setenv("SLUICE_PROT", "8001")

    ended = installed("doctor", "--json")

    assert ended.code == 0
    assert finding(ended, "settings")["state"] == "warning"


def test_missing_migrations_are_a_problem(
    sluice: Command, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    """What needs the tables is not asked before they are there."""
    monkeypatch.setenv("SLUICE_DATABASE_URL", f"sqlite:///{path}")
    path.touch()

    ended = sluice("doctor", "--json")

    assert ended.code == 1
    assert finding(ended, "migrations")["advice"] == "Run `sluice migrate`."
    assert "tasks" not in {each["check"] for each in ended.json["findings"]}


def test_a_damaged_file_is_a_problem(installed: Command, path: Path) -> None:
    """The advice leads to a backup."""
    installed("task", "create", "sandbox:happy")
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    for each in path.parent.glob("sluice.db-*"):
        each.unlink()

    ended = installed("doctor", "--json")

    assert ended.code == 1
    assert any(
        "restore" in (each["advice"] or "") and each["state"] == "problem"
        for each in ended.json["findings"]
    )


def test_tasks_that_nobody_moves_are_a_warning(installed: Command, path: Path) -> None:
    """A lease long over, and an owner who is not in the line."""
    installed("task", "create", "sandbox:happy")
    change(path, FORGOTTEN)
    assert "not in the line" in finding(installed("doctor", "--json"), "tasks")["says"]

    change(path, LAPSED)
    ended = installed("doctor", "--json")

    assert ended.code == 0
    assert "1 are held by workers that fell silent" in finding(ended, "tasks")["says"]


@pytest.mark.enable_socket
def test_a_broker_that_is_away_is_a_problem(
    installed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its address, and without its password."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("SLUICE_BROKER_URL", f"redis://:hidden@127.0.0.1:{port}")

    ended = installed("doctor", "--json")

    assert ended.code == 1
    assert f"127.0.0.1:{port}" in finding(ended, "broker")["says"]
    assert "hidden" not in ended.out


@pytest.mark.enable_socket
async def test_both_databases_are_examined(
    database_url: str, sluice: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing, clocks, migrations and tasks, also on PostgreSQL."""
    monkeypatch.setenv("SLUICE_DATABASE_URL", database_url)

    ended = await asyncio.to_thread(sluice, "doctor", "--json")

    assert ended.code == 0, ended.out
    assert {each["check"] for each in ended.json["findings"]} >= {"writing", "clocks", "tasks"}
    assert finding(ended, "clocks")["state"] == "ok"
    assert "SLUICE_SECRET_KEY" in finding(ended, "settings")["says"]
