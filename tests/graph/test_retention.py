"""What retention has taken, seen through GraphQL."""

from datetime import timedelta

from tasks.database import Database
from tasks.retention import Keep, Retention
from tests.graph.conftest import Client, Worker
from tests.tasks.test_retention import grow_old
from tests.tasks.test_service import Sample


async def test_posts_that_are_gone_are_not_counted(
    client: Client, worker: Worker, database: Database
) -> None:
    """The list is empty and says so; the task still tells how many there were."""
    await client.create()
    await worker.complete([Sample(id="a"), Sample(id="b")])
    await database.write(grow_old, 8)
    await Retention(database, Keep(posts=timedelta(days=7))).run_pass()

    data = await client.data(
        "{ tasks(first: 1) { nodes { postsCount posts(first: 5) { totalCount nodes { id } } } } }"
    )

    assert data["tasks"]["nodes"] == [{"postsCount": 2, "posts": {"totalCount": 0, "nodes": []}}]
