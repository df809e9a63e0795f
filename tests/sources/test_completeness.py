"""The files of sources and of their tests belong together."""

from pathlib import Path

import workers.sources

SOURCES = {path.stem for path in Path(workers.sources.__path__[0]).glob("*.py")} - {"__init__"}
TESTED = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} - {
    "completeness"
}


def test_every_source_has_a_test_file() -> None:
    """A source without tests breaks unseen when its platform changes."""
    assert not SOURCES - TESTED


def test_every_test_file_has_a_source() -> None:
    """A test file whose source is gone tests nothing."""
    assert not TESTED - SOURCES


def test_every_test_file_holds_the_contract() -> None:
    """What every source must do is tested for each."""
    for name in TESTED:
        text = (Path(__file__).parent / f"test_{name}.py").read_text(encoding="utf-8")
        assert "SourceContract)" in text, name
