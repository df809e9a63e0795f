"""Backups of either database, made while others write, and restored into either."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tasks import backup
from tasks.errors import TransferRefused
from tasks.principal import Principal
from tasks.service import TaskService
from tests.tasks.test_service import new
from tests.tasks.test_transfer import content, lived_in, quiet, target_url

__all__ = ["lived_in", "target_url"]  # fixtures


def leftovers(folder: Path) -> list[str]:
    """Return what was half made."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("lived_in")
async def test_a_backup_restores_what_it_was_made_of(database_url: str, tmp_path: Path) -> None:
    """Of either database, into a new SQLite file; the notes come along."""
    file, restored = tmp_path / "backup", tmp_path / "restored.db"
    before = await content(database_url)

    rows = await backup.back_up(database_url, file, notes={"of": "ours"}, progress=quiet)
    done, notes = await backup.restore(file, f"sqlite:///{restored}", progress=quiet)

    assert rows == {name: len(each) for name, each in before.items()}
    assert file.stat().st_mode & 0o777 == 0o600
    assert notes["of"] == "ours"
    assert done.released == 1
    after = await content(f"sqlite:///{restored}")
    unchanged = [name for name in before if name not in ("task", "task_event")]
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert len(after["task_event"]) == len(before["task_event"]) + 1
    assert not leftovers(tmp_path)


@pytest.mark.usefixtures("lived_in")
async def test_a_backup_restores_into_postgresql(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    """An existing SQLite file is refused; an empty PostgreSQL database is filled."""
    file = tmp_path / "backup"
    await backup.back_up(database_url, file, notes={}, progress=quiet)

    if target_url.startswith("sqlite:"):
        with pytest.raises(TransferRefused, match="nothing is overwritten"):
            await backup.restore(file, target_url, progress=quiet)
    else:
        await backup.restore(file, target_url, progress=quiet)
        assert len((await content(target_url))["task"]) == 3


async def test_a_backup_is_of_one_moment_while_others_write(
    service: TaskService, principal: Principal, database_url: str, tmp_path: Path
) -> None:
    """Each task in it has its events, and each event its task."""
    ended = asyncio.Event()

    async def write() -> None:
        while not ended.is_set():
            await service.create(principal, new())

    writing = asyncio.create_task(write())
    for number in range(5):
        file = tmp_path / f"backup-{number}"
        await backup.back_up(database_url, file, notes={}, progress=quiet)
        found = await content(f"sqlite:///{file}")
        tasks = [row["id"] for row in found["task"]]
        assert tasks == sorted(row["task_id"] for row in found["task_event"])
    ended.set()
    await writing


@pytest.mark.usefixtures("lived_in")
async def test_nothing_is_overwritten_by_a_backup(database_url: str, tmp_path: Path) -> None:
    """Neither a file nor a link to nowhere."""
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("file", "link"):
        with pytest.raises(TransferRefused, match="nothing is overwritten"):
            await backup.back_up(database_url, tmp_path / name, notes={}, progress=quiet)

    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(TransferRefused, match="cannot be written: no such file"):
        await backup.back_up(database_url, tmp_path / "no" / "file", notes={}, progress=quiet)


def test_what_is_no_backup_is_refused(tmp_path: Path, sqlite_template: Path) -> None:
    """Text, another program's database, a damaged backup, and nothing at all."""
    target = f"sqlite:///{tmp_path / 'target.db'}"
    (tmp_path / "text").write_text("hello")
    with closing(sqlite3.connect(tmp_path / "foreign")) as foreign:
        foreign.execute("CREATE TABLE song (title TEXT)")
    whole = sqlite_template.read_bytes()
    (tmp_path / "damaged").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    for name, sentence in (
        ("text", "not even a SQLite file"),
        ("foreign", "no backup of Sluice"),
        ("damaged", "damaged|malformed"),
        ("nothing", "no such file"),
    ):
        with pytest.raises(TransferRefused, match=sentence):
            asyncio.run(backup.restore(tmp_path / name, target, progress=quiet))
        assert not (tmp_path / "target.db").exists()
