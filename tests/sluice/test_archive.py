import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.data_directory import DataDirectory
from tasks.claim import Limits
from tasks.database import Database, open_database
from tasks.ports import Sleeper
from tasks.work import WorkService
from tests.conftest import missing
from tests.postgres import create_database, drop_database, named
from tests.sluice.conftest import Command


@pytest.fixture
def postgres_url(postgres_template: str | None) -> Iterator[str]:
    """Return the address of an empty PostgreSQL database without tables."""
    if postgres_template is None:
        missing("PostgreSQL")
    name = f"{postgres_template}_{secrets.token_hex(6)}"
    asyncio.run(create_database(name))
    yield named(name)
    asyncio.run(drop_database(name))


@pytest.fixture
def used(installed: Command, tmp_path: Path) -> Command:
    """Return the command line on an installation with a token, tasks, and one that is running."""
    DataDirectory(tmp_path / "data").choose_default_platform("sandbox")
    installed("token", "create", "--name", "laptop")
    installed("task", "create", "happy", "--name", "first")
    installed("task", "create", "sandbox:slow", "--priority", "5")

    async def claim() -> None:
        database: Database = await open_database(f"sqlite:///{tmp_path}/data/sluice.db")
        work = WorkService(database, waker=Sleeper(), limits=Limits(lease_seconds=3600))
        assert await work.claim("worker") is not None
        await database.close()

    asyncio.run(claim())
    return installed


def test_a_backup_comes_back_in_an_empty_data_directory(
    used: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the platform for bare ids, and what was running is pending."""
    file = tmp_path / "backup.db"
    before = used("task", "list", "--json").json

    made = used("backup", str(file), "--json")
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "new"))
    restored = used("restore", str(file))

    assert (made.code, made.json["rows"]["task"]) == (0, 2)
    assert made.json["bytes"] == file.stat().st_size
    assert restored.code == 0, restored.err
    assert "tasks: 2" in restored.out
    after = used("task", "list", "--json").json
    assert after["total"] == before["total"]
    assert {task["status"] for task in after["tasks"]} == {"pending"}
    assert used("task", "create", "happy").code == 0
    assert [token["name"] for token in used("token", "list", "--json").json] == ["laptop"]


def test_nothing_is_overwritten(used: Command, tmp_path: Path) -> None:
    """Neither a file by a backup, nor an installation by restoring one."""
    file = tmp_path / "backup.db"
    assert used("backup", str(file)).code == 0
    before = file.read_bytes()

    again, over = used("backup", str(file)), used("restore", str(file))

    for ended in (again, over):
        assert (ended.code, ended.out) == (1, "")
        assert "nothing is overwritten" in ended.err
    assert file.read_bytes() == before
    assert used("task", "list", "--json").json["total"] == 2


def test_there_must_be_something_to_back_up(sluice: Command, tmp_path: Path) -> None:
    """Nothing is made where there was nothing."""
    ended = sluice("backup", str(tmp_path / "file"))

    assert ended.code == 1
    assert "There is no database" in ended.err
    assert not (tmp_path / "data").exists()


@pytest.mark.enable_socket
def test_an_installation_moves_to_postgresql(
    used: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids stay, what was running is pending, and the next steps are said."""
    before = used("task", "list", "--json").json

    moved = used("move", "--to", postgres_url)
    again = used("move", "--to", postgres_url)
    monkeypatch.setenv("SLUICE_DATABASE_URL", postgres_url)
    after = used("task", "list", "--json").json

    assert moved.code == 0, moved.err
    assert "tasks: 2" in moved.out
    assert "SLUICE_DATABASE_URL" in moved.out
    assert "SLUICE_DEFAULT_PLATFORM=sandbox" in moved.out
    assert (again.code, again.out) == (1, "")
    assert "not empty" in again.err
    assert [task["id"] for task in after["tasks"]] == [task["id"] for task in before["tasks"]]
    assert {task["status"] for task in after["tasks"]} == {"pending"}
    assert used("task", "create", "sandbox:happy", "--json").json["id"] == 3
    assert "is none" in used("move", "--to", postgres_url).err


@pytest.mark.enable_socket
def test_a_backup_comes_back_in_postgresql_and_from_there(
    used: Command, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is of the same kind whatever it is of."""
    first, second = tmp_path / "first", tmp_path / "second"
    used("backup", str(first))
    monkeypatch.setenv("SLUICE_DATABASE_URL", postgres_url)

    restored = used("restore", str(first), "--json")
    made = used("backup", str(second), "--json")

    assert (restored.code, restored.json["released"]) == (0, 1)
    assert made.json["rows"] == {
        **restored.json["rows"],
        "task_event": restored.json["rows"]["task_event"] + 1,
    }
    assert used("restore", str(second)).code == 1


def test_an_installation_that_serves_does_not_move(used: Command, tmp_path: Path) -> None:
    """What it would write meanwhile would stay behind."""
    with DataDirectory(tmp_path / "data").held():
        ended = used("move", "--to", "postgresql://127.0.0.1:1/none")

    assert ended.code == 1
    assert "serves from" in ended.err


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nonsense", "is no database"),
        ("mysql://host/name", "is no database"),
        ("sqlite:///elsewhere", "sluice backup"),
    ],
)
def test_a_target_that_is_none_is_wrong_usage(used: Command, target: str, sentence: str) -> None:
    """Said before anything is read."""
    ended = used("move", "--to", target)

    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err
