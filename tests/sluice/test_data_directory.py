import os
from pathlib import Path

import pytest

from sluice.data_directory import DataDirectory
from sluice.errors import DataDirectoryUnusable


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Parents too; nobody else on the machine may look inside."""
    directory = DataDirectory(tmp_path / "a" / "data")

    with directory.held():
        assert directory.path.stat().st_mode & 0o777 == 0o700


def test_a_directory_is_fresh_until_something_is_kept(tmp_path: Path) -> None:
    """The first start decides things once."""
    directory = DataDirectory(tmp_path / "data")
    assert directory.is_fresh

    with directory.held():
        assert directory.is_fresh
        directory.choose_default_platform("sandbox")

    assert not directory.is_fresh
    assert DataDirectory(tmp_path / "data").default_platform() == "sandbox"


def test_no_choice_is_no_platform(tmp_path: Path) -> None:
    """Also when the directory does not exist."""
    assert DataDirectory(tmp_path / "data").default_platform() is None


@pytest.mark.parametrize("below", ["file", "file/data"])
def test_a_file_in_its_place_is_one_sentence(tmp_path: Path, below: str) -> None:
    """It names the path and how to choose another."""
    (tmp_path / "file").touch()

    with pytest.raises(DataDirectoryUnusable) as caught, DataDirectory(tmp_path / below).held():
        pass

    assert str(caught.value) == (
        f"The data directory {tmp_path / below} cannot be used: it, or a part of its path, "
        "is a file; choose another with --data-dir or SLUICE_DATA_DIR."
    )


def test_a_second_server_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    """SQLite wants one serving process; the sentence names the other one."""
    directory = DataDirectory(tmp_path)

    with directory.held():
        refused = pytest.raises(DataDirectoryUnusable, match=f"process {os.getpid()}")
        with refused, DataDirectory(tmp_path).held():
            pass

    with DataDirectory(tmp_path).held():
        pass


def test_broken_choices_are_named(tmp_path: Path) -> None:
    """A file that somebody edited must not end in a traceback."""
    (tmp_path / "choices.json").write_text("{", encoding="utf-8")

    with pytest.raises(DataDirectoryUnusable, match=r"choices\.json is no JSON"):
        DataDirectory(tmp_path).default_platform()
