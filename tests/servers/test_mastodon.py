import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.conftest import RunTask, Server, by_id, read, read_interrupted, running
from workers.sources.mastodon import MastodonSource

SOURCE = MastodonSource()


@pytest.fixture(scope="module")
def server(servers: Path) -> Iterator[Server]:
    """Start a mock of Mastodon's API, which others wrote: not Mastodon itself."""
    with running(servers / "mastodon-mock", ports=1, environment={}) as server:
        yield server


@pytest.fixture
def instance(server: Server) -> str:
    """Return the instance as targets begin with it."""
    return f"http://127.0.0.1:{server.port}"


def held(server: Server, statement: str) -> set[str]:
    """Ask the mock's database for ids."""
    address = f"file:{server.state / 'm.sqlite'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        return {str(row[0]) for row in database.execute(statement)}


async def test_a_hashtag_is_read_whole(server: Server, instance: str) -> None:
    """Each post once, with its time, although the mock writes the zone in another way."""
    expected = held(
        server,
        "select s.id from statuses s join status_tags t on t.status_id = s.id "
        "where t.name = 'photography' and s.reblog_of_id is null and s.visibility = 'public'",
    )
    target = f"{instance}/#photography"

    whole = by_id(await read(SOURCE, target, max_posts=500))
    interrupted = by_id(await read_interrupted(SOURCE, target, max_posts=500))

    assert expected
    assert whole.keys() == expected
    assert interrupted == whole
    assert all(post.created_time and post.message and post.author for post in whole.values())


async def test_an_account_is_read_whole(server: Server, instance: str, run_task: RunTask) -> None:
    """By a task that is given back after every page."""
    (number,) = held(server, "select account_id from statuses order by id desc limit 1")
    (name,) = held(server, f"select username from accounts where id = {int(number)}")  # noqa: S608 - a number
    expected = held(
        server,
        f"select id from statuses where account_id = {int(number)} and reblog_of_id is null",  # noqa: S608 - a number
    )

    task, stored = await run_task(f"mastodon:{instance}/@{name}")

    assert expected
    assert {post.post_id for post in stored} == expected
    assert task.attempt > 1
