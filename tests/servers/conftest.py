"""Fixtures: servers, each started from a copy of its own, and tasks that are run on them."""

import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tasks import models
from tasks.claim import Limits
from tasks.database import Database
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from tasks.work import WorkService
from tests.conftest import missing
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient
from workers.run import Bounds, Run
from workers.source import Page, Source, SourcePost, Walk

START_SECONDS: Final = 900
LOOPBACK: Final = ("127.0.0.1", "localhost")
UNFINISHED: Final = frozenset({"pending", "assigned", "processing"})


class Sleeper:
    """Wakes nobody: the test claims by itself."""

    def wake(self) -> None:
        """Do nothing."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark all tests of this folder, and give them the time that servers take to start."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.timeout(START_SECONDS + 120))


@pytest.fixture
def backend() -> str:
    """Run on SQLite: these tests are about platforms."""
    return "sqlite"


@pytest.fixture(scope="session")
def servers() -> Path:
    """Return the folder of the servers."""
    folder = os.environ.get("SLUICE_TEST_SERVERS")
    if not folder:
        missing("the folder that SLUICE_TEST_SERVERS names")
    return Path(folder).resolve()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its first port, and the folder that holds its state."""

    port: int
    state: Path

    @property
    def seed(self) -> dict[str, Any]:
        """Return what the server was filled with."""
        return json.loads((self.state / "seed.json").read_bytes())


@contextmanager
def running(folder: Path, *, ports: int, environment: Mapping[str, str]) -> Generator[Server]:
    """Copy a server's folder, start it on `ports` free ports in a row, and stop it at the end."""
    # Not below pytest's own folder, which nobody else may enter: databases drop their rights.
    place = Path(tempfile.mkdtemp(prefix="sluice-server-"))
    place.chmod(0o755)
    copy = place / folder.name
    # An installation that the folder may hold is taken along, its state is not.
    shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns("state"))
    copy.chmod(0o755)
    port = free_ports(ports)
    script = str(copy / "start.sh")
    try:
        with (place / "log").open("w+b") as log:
            ended = subprocess.run(  # noqa: S603 - the script that the developer named
                [script, "start", str(port)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
                timeout=START_SECONDS,
                check=False,
            )
            log.seek(0)
            assert ended.returncode == 0, log.read()[-2000:].decode(errors="replace")
        yield Server(port=port, state=copy / "state")
    finally:
        subprocess.run(  # noqa: S603 - likewise
            [script, "stop", str(port)], timeout=60, check=False, capture_output=True
        )
        shutil.rmtree(place, ignore_errors=True)


def free_ports(number: int) -> int:
    """Return the first of so many free ports in a row."""
    for _ in range(100):
        first = random.randrange(20_000, 30_000)  # noqa: S311 - guards nothing
        if all(_is_free(port) for port in range(first, first + number)):
            return first
    raise AssertionError("there are no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def read(source: Source, target: str, *, max_posts: int) -> list[Page]:
    """Read a target to its end, without an interruption."""
    async with HttpClient(version="0", allow_hosts=LOOPBACK) as client:
        walk = Walk(target=target, max_posts=max_posts)
        return [page async for page in source.pages(walk, client.run())]


async def read_interrupted(source: Source, target: str, *, max_posts: int) -> list[Page]:
    """Read a target to its end, starting anew after every page with nothing but its cursor."""
    pages: list[Page] = []
    while not pages or pages[-1].next_cursor is not None:
        cursor = pages[-1].next_cursor if pages else None
        async with HttpClient(version="0", allow_hosts=LOOPBACK) as client:
            walk = Walk(target=target, max_posts=max_posts, cursor=cursor)
            pages.append(await anext(aiter(source.pages(walk, client.run()))))
        assert len(pages) < 1000, "the source does not end"
    return pages


def by_id(pages: Sequence[Page]) -> dict[str, SourcePost]:
    """Return the posts of all pages, which must be of one id each."""
    posts = [post for page in pages for post in page.posts]
    found = {post.id: post for post in posts}
    assert len(found) == len(posts)
    return found


#: Runs a task that is given back after every page, to its end.
RunTask = Callable[..., Any]


@pytest.fixture
def run_task(database: Database, principal: Principal) -> RunTask:
    """Return what makes a task and runs it, giving it back after every page."""

    async def run(
        group_id: str, *, max_posts: int = 500, credentials: Mapping[str, str] | None = None
    ) -> tuple[models.Task, list[models.Post]]:
        catalogue = SourceCatalogue(credentials=credentials)
        service = TaskService(database, catalogue=catalogue, waker=Sleeper())
        work = WorkService(database, waker=Sleeper(), limits=Limits())
        task = await service.create(principal, NewTask(group_id=group_id, max_posts=max_posts))
        while task.status in UNFINISHED:
            claim = await work.claim("tests")
            assert claim is not None, task.error_message
            source = catalogue.source(task.platform)
            async with HttpClient(version="0", allow_hosts=LOOPBACK) as client:
                task = await Run(
                    claim,
                    work=work,
                    source=source,
                    http=client.run(),
                    bounds=Bounds(),
                    stopping=lambda: True,
                ).run()
        assert task.status == "completed", task.error_message
        result = await service.result(principal, task.id)
        return result.task, result.posts

    return run
