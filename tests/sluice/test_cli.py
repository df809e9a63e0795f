import subprocess
import sys
from pathlib import Path

import pytest

from tests.sluice.conftest import Command

TASK_COMMANDS = [
    ("task", "list"),
    ("task", "show", "1"),
    ("task", "cancel", "1"),
    ("task", "watch", "1"),
    ("task", "create", "sandbox:happy"),
    ("token", "list"),
    ("token", "create", "--name", "x"),
    ("user", "list"),
]


@pytest.mark.parametrize("arguments", TASK_COMMANDS)
def test_without_a_database_every_command_says_how_to_make_one(
    sluice: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """And does not silently make an empty one."""
    ended = sluice(*arguments)

    assert ended.code == 1
    assert ended.err.startswith(f"sluice: There is no database at {tmp_path}/data/sluice.db; make")
    assert not (tmp_path / "data").exists()


def test_a_wrong_setting_ends_with_code_two(
    sluice: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names the variable."""
    monkeypatch.setenv("SLUICE_PORT", "http")

    ended = sluice("up")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "sluice: SLUICE_PORT is 'http', but it must be a whole number.\n"


def test_a_default_platform_that_does_not_exist_names_the_setting(
    installed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything else is done with it."""
    monkeypatch.setenv("SLUICE_DEFAULT_PLATFORM", "sandbx")

    ended = installed("task", "list")

    assert ended.code == 2
    assert "SLUICE_DEFAULT_PLATFORM" in ended.err
    assert "did you mean sandbox?" in ended.err


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_separate_processes_need_a_broker_that_reaches_them(sluice: Command, command: str) -> None:
    """The sentence names the setting, and the command that needs none."""
    ended = sluice(command)

    assert ended.code == 2
    assert "SLUICE_BROKER_URL" in ended.err
    assert "sluice up" in ended.err


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_separate_processes_need_more_than_sqlite(
    sluice: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """SQLite is for one process."""
    monkeypatch.setenv("SLUICE_BROKER_URL", "redis://127.0.0.1:1")

    ended = sluice(command)

    assert ended.code == 2
    assert "SLUICE_DATABASE_URL" in ended.err


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(
    sluice: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords end up in terminals' scroll-back and in bug reports."""
    monkeypatch.setenv("SLUICE_DATABASE_URL", "postgresql://u:geheim@127.0.0.1:1/x")

    ended = sluice("user", "list")

    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "postgresql://u:***@127.0.0.1:1/x" in ended.err
    assert "geheim" not in ended.err


def test_migrating_twice_applies_nothing_the_second_time(sluice: Command, tmp_path: Path) -> None:
    """The directory is made for its owner alone."""
    first = sluice("migrate", "--json").json
    second = sluice("migrate", "--json").json

    assert first["from"] is None
    assert first["applied"]
    assert (second["from"], second["applied"]) == (first["to"], [])
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_an_outdated_database_says_what_to_run(sluice: Command, tmp_path: Path) -> None:
    """An empty file is a database without any migration."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sluice.db").touch()

    ended = sluice("task", "list")

    assert ended.code == 1
    assert "run `sluice migrate`" in ended.err


def test_the_data_directory_can_stand_before_the_command(sluice: Command, tmp_path: Path) -> None:
    """It wins over the variable."""
    assert sluice("--data-dir", str(tmp_path / "other"), "migrate").code == 0

    assert (tmp_path / "other" / "sluice.db").exists()


def test_unknown_commands_and_options_are_usage_errors(sluice: Command) -> None:
    """Code 2, as everywhere."""
    assert sluice("tsak").code == 2
    assert sluice("task", "list", "--colour").code == 2
    assert sluice("task", "show", "one").code == 2
    assert sluice("task", "show", str(2**63)).code == 2
    assert sluice("token", "revoke", str(2**63)).code == 2


def test_what_a_group_id_means_can_be_asked_without_a_database(sluice: Command) -> None:
    """It is pure, so it works before anything is set up."""
    meant = sluice("source", "check", "sandbox:happy", "--offline", "--json").json

    assert (meant["platform"], meant["target"], meant["is_readable"]) == ("sandbox", "happy", None)
    assert "did you mean sandbox?" in sluice("source", "check", "sandbx:happy").err


def test_whether_a_group_id_can_be_read_is_asked_at_its_platform(sluice: Command) -> None:
    """With what it would take; a script sees the answer by the exit code."""
    happy = sluice("source", "check", "sandbox:happy", "--max-posts", "60", "--json")
    nothing = sluice("source", "check", "sandbox:not-found")

    assert (happy.code, happy.json["is_readable"]) == (0, True)
    assert happy.json["seconds"] > 0
    assert nothing.code == 1
    assert "SOURCE_NOT_FOUND" in nothing.out


def test_every_source_is_listed_with_what_it_needs(sluice: Command) -> None:
    """For programs, with an example to paste."""
    listed = {source["name"]: source for source in sluice("source", "list", "--json").json}

    assert listed["sandbox"]["state"] == "open"
    assert listed["sandbox"]["examples"][0].startswith("sandbox:")
    assert listed["wordpress"]["verified"] == "real server"
    assert "SLUICE_BLUESKY_APP_PASSWORD" in listed["bluesky"]["settings"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_full_disk_is_named() -> None:
    """It is no mistake of ours, as `sluice schema > schema.graphql` would have said."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "sluice", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == "sluice: There is no space left where this is to be written.\n"
