"""Previews and budgets over GraphQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graph.context import Services
from tasks.budget import BudgetLedger, BudgetService
from tasks.database import Database
from tasks.ports import Preview, Sleeper
from tasks.principal import TASKS_READ, TASKS_WRITE
from tasks.rate import Rate
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.work import WorkService
from tests.conftest import AnyTarget
from tests.graph.conftest import Client

RATE = Rate(calls=30, seconds=60.0)
BUDGETS = "{ budgets { host hasCredential calls windowSeconds heldUntil usedAt } }"
PREVIEW = """
query($groupId: String!, $maxPosts: Int!) {
  previewTask(groupId: $groupId, maxPosts: $maxPosts) {
    platform target isReadable error { code message } retryAt available calls seconds
  }
}
"""
UNTIL = datetime(2030, 1, 1, tzinfo=UTC)


class Told:
    """A previewer that knows of one target that is limited, and of others that are not."""

    async def preview(self, group_id: str, max_posts: int) -> Preview:
        """Answer without asking."""
        target = AnyTarget().resolve(group_id)
        if target.target == "limited":
            return Preview(
                platform=target.platform,
                target=target.target,
                is_readable=False,
                error_code="SOURCE_RATE_LIMITED",
                error_message="It asks to wait.",
                retry_at=UNTIL,
            )
        return Preview(
            platform=target.platform,
            target=target.target,
            is_readable=True,
            calls=max_posts // 20,
            seconds=1.5,
        )


@pytest.fixture
def service(database: Database) -> TaskService:
    """Return the task service with that previewer."""
    return TaskService(database, catalogue=AnyTarget(), waker=Sleeper(), previewer=Told())


async def preview(client: Client, group_id: str, max_posts: int = 100) -> dict[str, Any]:
    """Return the whole answer."""
    return await client.send(PREVIEW, groupId=group_id, maxPosts=max_posts)


async def test_a_preview_says_what_a_task_would_take(client: Client) -> None:
    """Nothing is created by it."""
    answer = await preview(client, "lantern:hall")

    assert answer["data"]["previewTask"] == {
        "platform": "lantern",
        "target": "hall",
        "isReadable": True,
        "error": None,
        "retryAt": None,
        "available": None,
        "calls": 5,
        "seconds": 1.5,
    }
    assert (await client.data("{ tasks(first: 1) { totalCount } }"))["tasks"]["totalCount"] == 0


async def test_a_preview_says_why_a_target_cannot_be_read(client: Client) -> None:
    """As the task would, and when to try again."""
    answer = await preview(client, "lantern:limited")

    shown = answer["data"]["previewTask"]
    assert shown["isReadable"] is False
    assert shown["error"] == {"code": "SOURCE_RATE_LIMITED", "message": "It asks to wait."}
    assert shown["retryAt"] == "2030-01-01T00:00:00Z"


async def test_what_leads_nowhere_is_refused_as_at_creation(client: Client) -> None:
    """With the same codes and sentences."""
    nowhere = (await preview(client, "bare"))["errors"][0]
    many = (await preview(client, "lantern:hall", 501))["errors"][0]

    assert nowhere["extensions"]["code"] == "TARGET_INVALID"
    assert "has no platform" in nowhere["message"]
    assert list(many["extensions"]["fields"]) == ["maxPosts"]


async def test_who_may_not_create_sends_nobody_to_a_platform(connect: Callable[..., Any]) -> None:
    """A preview is a call to somebody."""
    reader = await connect("ada@example.org", scopes=[TASKS_READ])

    answer = await preview(reader, "lantern:hall")

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def wait_for(client: Client, work: WorkService, target: str) -> str:
    """Create a task that its host has put off; return its id."""
    (task,) = await client.create(groupId=f"lantern:{target}")
    claim = await work.claim("w")
    assert claim is not None
    await work.wait(
        claim,
        seconds=60,
        failures=0,
        error_code="SOURCE_RATE_LIMITED",
        error_message="The host asks to wait.",
        receipt=Receipt(requested=10),
    )
    return task


async def hosts(client: Client) -> list[str]:
    """List the hosts whose budgets a client sees."""
    return [each["host"] for each in (await client.data(BUDGETS))["budgets"]]


async def test_users_see_the_budgets_that_their_tasks_wait_for(
    client: Client, connect: Callable[..., Any], work: WorkService, database: Database
) -> None:
    """Those of other users' tasks would tell what these read; administrators see all."""
    ledger = BudgetLedger(database)
    for name in ("a", "b", "c"):
        await ledger.reserve(f"{name}.lantern.example", RATE, max_wait_seconds=0)
    await ledger.hold("a.lantern.example", datetime.now(UTC) + timedelta(minutes=5))
    other = await connect("bob@example.org", scopes=[TASKS_READ, TASKS_WRITE])
    task = await wait_for(client, work, "a")
    await wait_for(other, work, "b")
    await client.create(groupId="lantern:c")

    (shown,) = (await client.data(BUDGETS))["budgets"]

    assert (shown["host"], shown["hasCredential"]) == ("a.lantern.example", False)
    assert (shown["calls"], shown["windowSeconds"]) == (30, 60.0)
    assert datetime.fromisoformat(shown["heldUntil"]) > datetime.now(UTC)
    assert await hosts(other) == ["b.lantern.example"]
    everything = [f"{name}.lantern.example" for name in "abc"]
    assert await hosts(await connect("root@example.org")) == everything
    waiting = await client.data(
        "query($id: ID!) { task(id: $id) { waiting { reason until } error { code } } }", id=task
    )
    assert waiting["task"]["waiting"]["reason"] == "RATE_LIMITED"
    assert waiting["task"]["waiting"]["until"] is not None
    assert waiting["task"]["error"] == {"code": "SOURCE_RATE_LIMITED"}


async def test_only_a_token_that_reads_tasks_sees_budgets(connect: Callable[..., Any]) -> None:
    """What tasks wait for is part of what is known of them."""
    writer = await connect("ada@example.org", scopes=[TASKS_WRITE])

    answer = await writer.send(BUDGETS)

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_held_budgets_are_counted(database: Database, services: Services) -> None:
    """Only those that grant nothing now."""
    ledger = BudgetLedger(database)
    for name in ("a", "b"):
        await ledger.reserve(f"{name}.lantern.example", RATE, max_wait_seconds=0)
    await ledger.hold("a.lantern.example", datetime.now(UTC) + timedelta(minutes=5))

    assert isinstance(services.budgets, BudgetService)
    assert await services.budgets.held() == 1
