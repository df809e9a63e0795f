"""What must hold after the campaign, read from the database alone."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import asyncpg

#: asyncpg ships no types.
driver: Any = asyncpg
UNFINISHED: Final = "SELECT count(*) FROM task WHERE status NOT IN ('completed', 'failed')"


@dataclass
class Verdict:
    """Counts of what was checked, and a sentence for each promise that was broken."""

    checked: Counter[str] = field(default_factory=Counter[str])
    broken: list[str] = field(default_factory=list[str])

    def expect(self, holds: object, what: str, task: Any) -> None:
        """Count a check, and note it if it failed."""
        self.checked[what] += 1
        if not holds:
            self.broken.append(f"task {task['id']} ({task['group_id']}): {what}: {dict(task)}")


async def judge(url: str, created: set[int]) -> Verdict:
    """Check every task, its posts and its events."""
    connection: Any = await driver.connect(url)
    try:
        verdict = Verdict()
        tasks = await connection.fetch("SELECT * FROM task")
        posts = await connection.fetch("SELECT task_id, position, post_id FROM post")
        events = await connection.fetch(
            "SELECT task_id, seq, type, data->>'status' AS status FROM task_event ORDER BY seq"
        )
    finally:
        await connection.close()
    lost = created - {task["id"] for task in tasks}
    if lost:
        verdict.broken.append(f"tasks that were promised are gone: {sorted(lost)}")
    for task in tasks:
        its_posts = [each for each in posts if each["task_id"] == task["id"]]
        its_events = [each for each in events if each["task_id"] == task["id"]]
        _judge_task(verdict, task)
        _judge_posts(verdict, task, its_posts)
        _judge_events(verdict, task, its_events)
    return verdict


def _judge_task(verdict: Verdict, task: Any) -> None:
    verdict.expect(task["status"] in ("completed", "failed"), "ended", task)
    verdict.expect(task["lease_expires_at"] is None, "has no lease left", task)
    stated = task["stop_reason"] and (task["error_code"] or task["status"] == "completed")
    verdict.expect(stated and task["receipt"], "says how it ended", task)


def _judge_posts(verdict: Verdict, task: Any, posts: list[Any]) -> None:
    """Compare with what the sandbox gives: which posts, and each once, in their order."""
    ids = [each["post_id"] for each in sorted(posts, key=lambda each: each["position"])]
    wanted = _expected(task)
    verdict.expect(task["posts_count"] == len(ids), "counts its posts", task)
    if task["status"] == "completed" or task["error_code"] == "SOURCE_PRIVATE":
        verdict.expect(ids == wanted, "has every post exactly once", task)
    else:
        verdict.expect(ids == wanted[: len(ids)], "has no post twice", task)


def _expected(task: Any) -> list[str]:
    target, most = task["target"], task["max_posts"]
    if target in ("empty", "not-found"):
        most = 0
    if target == "fails-after-120":
        most = min(most, 120)
    prefix = sha256(target.encode()).hexdigest()[:8]
    return [f"{prefix}-{index:04}" for index in range(most)]


def _judge_events(verdict: Verdict, task: Any, events: list[Any]) -> None:
    seqs = [each["seq"] for each in events]
    verdict.expect(seqs == list(range(1, task["revision"] + 1)), "has a gapless log", task)
    verdict.expect(
        events and events[-1]["status"] == task["status"], "is what its last event says", task
    )
