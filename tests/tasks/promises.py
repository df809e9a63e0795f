"""What the task service promises, whatever happens, to be checked in what the database holds."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa

from tasks import models
from tasks.column import Instant
from tasks.database import Statement, Steps
from tasks.models import EventType, Post, QueueOwner, Task, TaskEvent
from tasks.transition import TABLE

#: From which status each event may lead, and where; taken from the table under test.
MOVES = {(source, each.target, each.event) for each in TABLE for source in each.sources}

TASK = Task.table().c
PAST = sa.bindparam("past", datetime(2020, 1, 1, tzinfo=UTC), type_=Instant())
#: Moves every due time of a task into the past: time passes for it alone.
AGE = Statement(
    sa.update(Task)
    .where(TASK.id == sa.bindparam("task_id"))
    .values(
        lease_expires_at=sa.case((TASK.lease_expires_at.is_not(None), PAST), else_=None),
        not_before=sa.case((TASK.not_before.is_not(None), PAST), else_=None),
    )
)
OWNERS = Statement(sa.select(QueueOwner.table().c.user_id))
TASKS = Statement(sa.select(*TASK))
EVENTS = Statement(sa.select(*TaskEvent.table().c).order_by(TaskEvent.table().c.seq))
POSTS = Statement(sa.select(*Post.table().c).order_by(Post.table().c.position))


@dataclass(frozen=True)
class State:
    """All that the database holds."""

    tasks: list[models.Task]
    events: list[models.TaskEvent]
    posts: list[models.Post]
    line: set[int]


def age(task_id: int) -> Steps[None]:
    """Let a task's lease end and its waiting time come."""
    yield AGE(task_id=task_id)


def everything() -> Steps[State]:
    """Read all of it."""
    tasks = yield TASKS()
    events = yield EVENTS()
    posts = yield POSTS()
    line = yield OWNERS()
    return State(
        [Task.of(row) for row in tasks],
        [TaskEvent.of(row) for row in events],
        [Post.of(row) for row in posts],
        {row[0] for row in line},
    )


def check_log(task: models.Task, events: list[models.TaskEvent]) -> None:
    """Events are gapless, tell of allowed moves only, and end in the row as it is."""
    assert [event.seq for event in events] == list(range(1, task.revision + 1))
    assert events[0].type == EventType.CREATED
    for before, after in pairwise(events):
        move = (before.data["status"], after.data["status"], after.type)
        assert move in MOVES, move
    last, shown = events[-1].data, models.public(task)
    # What the sweeper makes claimable writes no event: the client was told the time.
    hidden = {"not_before"}
    assert all(last[name] == shown[name] for name in shown.keys() - hidden)


def check_posts(task: models.Task, posts: list[models.Post]) -> None:
    """The count is the number of posts, which stand at positions without a gap."""
    assert [each.position for each in posts] == list(range(len(posts)))
    assert len({each.post_id for each in posts}) == len(posts) == task.posts_count
