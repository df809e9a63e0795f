"""What the sweeper does when a time has come: `not_before`, or the end of a lease."""

from typing import Any

from tasks import models
from tasks.database import Steps
from tasks.models import StopReason
from tasks.receipt import Receipt
from tasks.store import queue, run
from tasks.store import task as row

WORKER_LOST = "WORKER_LOST"
#: How many expired leases, or due tasks, one round handles in a transaction.
BATCH = 100
#: Waits before the next try after failures, doubled with each in a row.
BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 300.0


def promote() -> Steps[int]:
    """Make due tasks claimable; says how many, at most a batch."""
    due = yield from run.due(limit=BATCH)
    if due:
        yield from queue.enter_each(user_id for _, user_id in due)
        yield run.MADE_CLAIMABLE(task_ids=[task_id for task_id, _ in due])
    return len(due)


def take_back(max_failures: int) -> Steps[tuple[list[models.Task], list[models.Task]]]:
    """Return or fail tasks whose lease has run out; each is looked at again when it is written."""
    returned: list[models.Task] = []
    abandoned: list[models.Task] = []
    expired = yield from run.expired(limit=BATCH)
    yield from queue.enter_each(task.user_id for task in expired)
    for task in expired:
        failures = task.failures + 1
        if failures >= max_failures:
            failed = yield from row.apply(run.ABANDONED, _lost(task))
            abandoned += [failed] if failed else []
        elif failures == 1:
            back = yield from row.apply(run.RETURNED, {"task_id": task.id})
            returned += [back] if back else []
        else:
            # It may be what kills its workers: let those that ran beside it get ahead.
            lost = {**_why(task), "task_id": task.id, "wait_seconds": backoff_seconds(failures)}
            back = yield from row.apply(run.PUT_OFF, lost)
            returned += [back] if back else []
    return returned, abandoned


def backoff_seconds(failures: int) -> float:
    """Return the seconds before the next try after so many failures in a row."""
    return min(BACKOFF_SECONDS * 2.0 ** (failures - 1), LONGEST_BACKOFF_SECONDS)


def _lost(task: models.Task) -> dict[str, Any]:
    receipt = Receipt.of(task.receipt, requested=task.max_posts).ended(StopReason.ERROR)
    return {
        **_why(task),
        "task_id": task.id,
        "stop_reason": StopReason.ERROR.value,
        "receipt": receipt.dump(),
    }


def _why(task: models.Task) -> dict[str, str]:
    times = task.failures + 1
    return {
        "error_code": WORKER_LOST,
        "error_message": (
            f"A worker was lost while it ran this task, {times} times without progress in between;"
            f" the last was {task.worker_id}."
        ),
    }
