import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.claim import Checkpoint, Claim, Limits
from tasks.database import Database, open_database
from tasks.models import CursorState, StopReason
from tasks.ports import Sleeper
from tasks.receipt import Receipt
from tasks.work import WorkService
from tests.sluice.conftest import Command

Step = Callable[[WorkService, Claim], Awaitable[Any]]


@pytest.fixture
def worked(tmp_path: Path) -> Callable[[Step], None]:
    """Return what claims the next task and does one thing with it, as a worker would."""

    async def act(step: Step) -> None:
        database: Database = await open_database(f"sqlite:///{tmp_path}/data/sluice.db")
        try:
            work = WorkService(database, waker=Sleeper(), limits=Limits())
            claim = await work.claim("worker")
            assert claim is not None
            await work.start(claim)
            await step(work, claim)
        finally:
            await database.close()

    return lambda step: asyncio.run(act(step))


def checkpoint() -> Checkpoint:
    """Return where a run stands that found nothing."""
    return Checkpoint(
        cursor_state=CursorState.EXHAUSTED,
        cursor=None,
        posts_count=0,
        receipt=Receipt.of(None, requested=5),
    )


async def complete(work: WorkService, claim: Claim) -> None:
    """Complete the task."""
    await work.complete(claim, checkpoint(), [], StopReason.END_OF_SOURCE)


async def fail(work: WorkService, claim: Claim) -> None:
    """Fail the task."""
    await work.fail(
        claim, checkpoint(), error_code="SOURCE_NOT_FOUND", error_message="There is no such group."
    )


def test_a_task_is_made_shown_listed_and_cancelled(installed: Command) -> None:
    """With `--json`, each answer is the task, as its events show it."""
    made = installed(
        *("task", "create", "sandbox:happy", "--name", "Group", "--max-posts", "7"),
        *("--priority", "-3", "--json"),
    ).json
    shown = installed("task", "show", str(made["id"]), "--json").json
    listed = installed("task", "list", "--json").json
    cancelled = installed("task", "cancel", str(made["id"]), "--json").json

    assert (made["group_name"], made["max_posts"], made["priority"]) == ("Group", 7, -3)
    assert made["platform"] == "sandbox"
    assert shown == made
    assert listed == {"total": 1, "tasks": [made]}
    assert (cancelled["status"], cancelled["stop_reason"]) == ("failed", "cancelled")


def test_tables_are_for_reading(installed: Command) -> None:
    """Rows in full, also when they go into a pipe."""
    name = "A rather long name of a group that a terminal of eighty columns would cut off"
    installed("task", "create", "sandbox:happy", "--name", name)

    assert name in installed("task", "list").out
    assert "sandbox:happy" in installed("task", "show", "1").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", "sandbox:happy", "--max-posts", "0"), "must be at least 1"),
        (("create", "happy"), "SLUICE_DEFAULT_PLATFORM"),
        (("create", "sandbx:happy"), "did you mean sandbox?"),
        (("show", "99"), "There is no task 99."),
        (("cancel", "99"), "There is no task 99."),
        (("watch", "99"), "There is no task 99."),
        (("list", "--status", "done"), "status is invalid"),
        (("list", "--page", "0"), "must be at least 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    installed: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    """On standard error, with code 1, and nothing on standard output."""
    ended = installed("task", *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("sluice: ")
    assert ended.err.count("\n") == 1
    assert sentence in ended.err


def test_another_users_task_is_not_shown(installed: Command) -> None:
    """The command line acts as one user at a time."""
    installed("task", "create", "sandbox:happy")
    installed("user", "create", "bob@example.org")

    ended = installed("task", "show", "1", "--user", "bob@example.org")

    assert ended.code == 1
    assert "belongs to another user" in ended.err


def test_watching_prints_each_event_once_and_ends_with_the_task(
    installed: Command, worked: Callable[[Step], None]
) -> None:
    """Code 0 for a completed task; one JSON document a line, in order."""
    installed("task", "create", "sandbox:empty")
    worked(complete)

    ended = installed("task", "watch", "1", "--json")

    events = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert [event["type"] for event in events] == ["created", "assigned", "started", "completed"]
    assert events[-1]["task"]["status"] == "completed"


def test_watching_a_failed_task_ends_with_code_one_and_the_reason(
    installed: Command, worked: Callable[[Step], None]
) -> None:
    """A script sees the code, a person the sentence."""
    installed("task", "create", "sandbox:empty")
    worked(fail)

    ended = installed("task", "watch", "1")

    assert ended.code == 1
    assert "There is no such group." in ended.out
    assert len(ended.out.splitlines()) == 4
