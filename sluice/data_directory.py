"""The directory in which the embedded product keeps its database and what it decided."""

import contextlib
import errno
import fcntl
import json
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Final

from sluice.errors import DataDirectoryUnusable
from sluice.settings import DATABASE_FILE

_CHOICES: Final = "choices.json"
_LOCK: Final = "lock"
_KEY_FILE: Final = "session.key"
_ADVICE: Final = "choose another with --data-dir or SLUICE_DATA_DIR"


class DataDirectory:
    """A place on disk that only its owner may read. Constructing it touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was ever kept here."""
        return not (self.path / DATABASE_FILE).exists() and not (self.path / _CHOICES).exists()

    def make(self) -> None:
        """Make the directory if need be.

        Raises:
            DataDirectoryUnusable: It cannot be made.
        """
        with self._explained():
            # Tokens' digests and posts are nobody else's business on a shared machine.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Make the directory if need be, and be the one process that serves from it.

        The lock ends with the process, however it ends. Short commands do not take it: SQLite
        lets them in between.

        Raises:
            DataDirectoryUnusable: It cannot be made or written, or another process serves from it.
        """
        self.make()
        with self._explained():
            descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> str | None:
        """Return the id of the process that serves from here, or None.

        Raises:
            DataDirectoryUnusable: It cannot be read.
        """
        with self._explained():
            try:
                descriptor = os.open(self.path / _LOCK, os.O_RDONLY)
            except FileNotFoundError:
                return None
            try:
                # Shared, so that two who only ask do not see each other.
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            finally:
                os.close(descriptor)
        return None

    def default_platform(self) -> str | None:
        """Return the platform for bare ids that was chosen here when the directory was new."""
        with self._explained():
            try:
                choices = json.loads((self.path / _CHOICES).read_text(encoding="utf-8"))
            except FileNotFoundError:
                return None
            except ValueError:
                raise DataDirectoryUnusable(
                    f"{self.path / _CHOICES} is no JSON; delete it, and set "
                    "SLUICE_DEFAULT_PLATFORM if bare ids should have a platform."
                ) from None
        return choices.get("default_platform") if isinstance(choices, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON is what it is

    def secret_key(self) -> str:
        """Return the key that signs sessions here; the first call makes it."""
        path = self.path / _KEY_FILE
        with self._explained():
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32))
            return path.read_text(encoding="utf-8")

    def choose_default_platform(self, platform: str) -> None:
        """Keep the platform for bare ids, for this and every later start."""
        text = json.dumps({"default_platform": platform}, indent=2) + "\n"
        with self._explained():
            (self.path / _CHOICES).write_text(text, encoding="utf-8")

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise DataDirectoryUnusable(
                f"Another sluice (process {holder}) serves from {self.path}; stop it, or {_ADVICE}."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    @contextlib.contextmanager
    def _explained(self) -> Generator[None]:
        """Turn what the system says into a sentence that names the directory and the way out."""
        try:
            yield
        except OSError as error:
            if error.errno in {errno.EEXIST, errno.ENOTDIR}:
                reason = "it, or a part of its path, is a file"
            else:
                reason = (error.strerror or str(error)).lower()
            raise DataDirectoryUnusable(
                f"The data directory {self.path} cannot be used: {reason}; {_ADVICE}."
            ) from None
