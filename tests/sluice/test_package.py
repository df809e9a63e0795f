"""What `pip install` puts on a machine."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("sluice", "api", "graph", "workers", "tasks", "web")


def test_a_wheel_holds_every_file_of_the_product(tmp_path: Path) -> None:
    """Subpackages, migrations, pages and scripts are in it, and no tests."""
    source = tmp_path / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    for path in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / path).exists():
            shutil.copy(ROOT / path, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run(  # noqa: S603 - our own command
        [*command, "--quiet", "--wheel-dir", str(tmp_path), str(source)], check=True, timeout=100
    )

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    files = (path for package in PACKAGES for path in (source / package).rglob("*"))
    assert held == {str(path.relative_to(source)) for path in files if path.is_file()}
