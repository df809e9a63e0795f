"""A Hypothesis state machine that drives the task service as clients, workers and time would.

It knows the transition table's outcome from the outside (a model of each task) and checks after
every step that the event log is gapless and tells of allowed transitions only, that the row is
what its last event says, that posts are stored once, and that a worker which lost its lease
cannot write.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from tasks import models
from tasks.accounts import AccountService
from tasks.batch import Batch
from tasks.claim import Checkpoint, Claim, Limits
from tasks.database import open_database
from tasks.errors import LeaseLost, TransitionRefused
from tasks.ingest import IngestService, Silence
from tasks.models import PUSH, CursorState, EventType, StopReason
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.validation import NewTask, TaskChanges
from tasks.work import WorkService
from tests.conftest import AnyTarget, principal_of
from tests.tasks.promises import age, check_log, check_posts, everything
from tests.tasks.test_service import Sample

T = TypeVar("T")
MAX_FAILURES = 3

#: Hypothesis leaves the type of its values open.
several: Callable[..., Any] = multiple


class Machine(RuleBasedStateMachine):
    """Clients, workers and time, on one database."""

    tasks = Bundle("tasks")
    claims = Bundle("claims")
    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = self.do(open_database(self.fresh()))
        self.service = TaskService(self.database, catalogue=AnyTarget(), waker=Sleeper())
        self.work = WorkService(
            self.database, waker=Sleeper(), limits=Limits(max_failures=MAX_FAILURES)
        )
        accounts = AccountService(self.database)
        self.owners = [
            principal_of(self.do(accounts.create_user(f"{name}@example.org"))) for name in "ab"
        ]
        self.owner_of: dict[int, Principal] = {}
        #: The attempt that holds each running task; a claim with another one is stale.
        self.holder: dict[int, int] = {}
        self.ingest = IngestService(self.database)

    def fresh(self) -> str:
        """Return the address of an empty database."""
        raise NotImplementedError

    def do(self, body: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self.runner.run(body)

    def teardown(self) -> None:
        """Close the database."""
        self.do(self.database.close())
        self.runner.close()

    def row(self, task_id: int) -> models.Task:
        """Return a task as its owner sees it."""
        return self.do(self.service.get(self.owner_of[task_id], task_id))

    @initialize(target=tasks, priorities=st.permutations([0, 0, 1, 2]))
    def create_some(self, priorities: list[int]) -> Any:
        """A client has several tasks, not in the order of their priorities."""
        made = [self.create(0, priority) for priority in priorities]
        return several(*made)

    @rule(target=tasks, owner=st.integers(0, 1), priority=st.integers(-1, 3))
    def create(self, owner: int, priority: int) -> int:
        """A client creates a task."""
        values = {"group_id": "any:thing", "max_posts": 5, "priority": priority}
        task = self.do(self.service.create(self.owners[owner], NewTask.parse(values)))
        self.owner_of[task.id] = self.owners[owner]
        return task.id

    @rule(target=tasks, owner=st.integers(0, 1))
    def create_fed(self, owner: int) -> int:
        """A client creates a task whose posts it sends itself."""
        values = {"group_id": "push:mine", "max_posts": 5, "priority": 9}
        task = self.do(self.service.create(self.owners[owner], NewTask.parse(values)))
        self.owner_of[task.id] = self.owners[owner]
        return task.id

    @rule(task_id=tasks, ids=st.lists(st.integers(0, 7), min_size=1, max_size=3))
    def add_posts(self, task_id: int, ids: list[int]) -> None:
        """A client sends posts, some of them again."""
        if self.row(task_id).platform != PUSH:
            return
        before = self.row(task_id)
        batch = Batch.parse({"posts": [{"id": f"p{number}"} for number in ids]})
        if self.refused_unless(
            task_id, lambda owner: self.ingest.add(owner, task_id, batch), "pending", "processing"
        ):
            after = self.row(task_id)
            assert before.posts_count <= after.posts_count <= after.max_posts
            full = after.posts_count == after.max_posts
            assert after.status == ("completed" if full else "processing")

    @rule(task_id=tasks)
    def finish(self, task_id: int) -> None:
        """A client says that there are no more posts."""
        if self.row(task_id).platform == PUSH:
            self.refused_unless(
                task_id, lambda owner: self.ingest.finish(owner, task_id), "pending", "processing"
            )

    @rule()
    def clients_fall_silent(self) -> None:
        """Every task that a client began and did not finish comes to its end."""
        self.do(Silence(self.database, idle=timedelta())())
        for task_id in self.owner_of:
            row = self.row(task_id)
            assert (row.platform, row.status) != (PUSH, "processing")

    @rule(target=claims, worker=st.sampled_from(["w1", "w2"]))
    def claim_and_record(self, worker: str) -> Any:
        """A worker claims and stores a page, as it mostly goes."""
        claim = self.claim(worker)
        if isinstance(claim, Claim):
            self.start(claim)
            self.record(claim, 1)
        return claim

    @rule(target=claims, worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker: str) -> Any:
        """A worker claims, and gets the best task of whoever is next."""
        claim = self.do(self.work.claim(worker))
        if claim is None:
            assert not any(self.claimable(task_id) for task_id in self.owner_of)
            return several()
        task = claim.task
        rivals = [
            self.row(other)
            for other, owner in self.owner_of.items()
            if owner.user_id == task.user_id and self.claimable(other)
        ]
        assert task.platform != PUSH
        assert all((-task.priority, task.id) < (-rival.priority, rival.id) for rival in rivals)
        self.holder[task.id] = claim.attempt
        return claim

    def claimable(self, task_id: int) -> bool:
        """Say whether a worker may take a task."""
        task = self.row(task_id)
        return task.status == "pending" and task.not_before is None and task.platform != PUSH

    def ours(self, claim: Claim) -> bool:
        """Say whether a claim still holds."""
        return self.holder.get(claim.task.id) == claim.attempt

    def checkpoint(self, claim: Claim, more: int) -> tuple[Checkpoint, list[Sample]]:
        """Return what a worker would store after a page of `more` posts."""
        known = self.do(self.work.known_posts(claim)) if self.ours(claim) else set[str]()
        posts = [Sample(id=f"p{len(known) + index}") for index in range(more)]
        count = len(known) + more
        state = CursorState.AT
        receipt = Receipt(requested=5, collected=count)
        return (
            Checkpoint(cursor_state=state, cursor=str(count), posts_count=count, receipt=receipt),
            posts,
        )

    def writes(self, claim: Claim, write: Coroutine[Any, Any, Any], *sources: str) -> bool:
        """Run a worker's write; it must succeed exactly when the claim and the status allow it."""
        held = self.ours(claim) and self.row(claim.task.id).status in sources
        try:
            self.do(write)
        except LeaseLost:
            assert not held
            return False
        assert held
        return True

    @rule(claim=claims)
    def start(self, claim: Claim) -> None:
        """A worker asks for its first page."""
        self.writes(claim, self.work.start(claim), "assigned")

    @rule(claim=claims, more=st.integers(0, 2))
    def record(self, claim: Claim, more: int) -> None:
        """A worker stores a page."""
        checkpoint, posts = self.checkpoint(claim, more)
        if self.writes(claim, self.work.record(claim, checkpoint, posts), "processing"):
            assert self.row(claim.task.id).failures == 0

    @rule(claim=consumes(claims), more=st.integers(0, 2))
    def complete(self, claim: Claim, more: int) -> None:
        """A worker stores its last page."""
        checkpoint, posts = self.checkpoint(claim, more)
        write = self.work.complete(claim, checkpoint, posts, StopReason.END_OF_SOURCE)
        if self.writes(claim, write, "processing"):
            del self.holder[claim.task.id]

    @rule(claim=claims, more=st.integers(1, 2))
    def complete_twice(self, claim: Claim, more: int) -> None:
        """A worker that does not know that it lost its task tries to end it."""
        if self.ours(claim):
            return
        checkpoint, posts = self.checkpoint(claim, more)
        write = self.work.complete(claim, checkpoint, posts, StopReason.END_OF_SOURCE)
        assert not self.writes(claim, write, "processing")

    @rule(claim=consumes(claims))
    def fail(self, claim: Claim) -> None:
        """A worker gives up."""
        checkpoint, _ = self.checkpoint(claim, 0)
        write = self.work.fail(claim, checkpoint, error_code="SOURCE_NOT_FOUND", error_message="x")
        if self.writes(claim, write, "assigned", "processing"):
            del self.holder[claim.task.id]

    @rule(claim=consumes(claims))
    def wait(self, claim: Claim) -> None:
        """A worker puts a task off."""
        write = self.work.wait(
            claim,
            seconds=3600,
            failures=0,
            error_code="SOURCE_RATE_LIMITED",
            error_message="x",
            receipt=Receipt(requested=5),
        )
        if self.writes(claim, write, "assigned", "processing"):
            del self.holder[claim.task.id]

    @rule(claim=consumes(claims))
    def release(self, claim: Claim) -> None:
        """A worker stops gracefully."""
        if self.writes(claim, self.work.release(claim), "assigned", "processing"):
            del self.holder[claim.task.id]

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        """A heartbeat: it tells the worker which tasks it holds no longer."""
        task_id = claim.task.id
        lost = self.do(self.work.renew(claim.worker_id, {task_id: claim.attempt}))
        assert (task_id in lost) == (not self.ours(claim))

    @rule(task_id=tasks)
    def time_passes(self, task_id: int) -> None:
        """Leases end and waiting times come; the sweeper does its round."""
        self.do(self.database.write(age, task_id))
        before = self.row(task_id) if task_id in self.owner_of else None
        self.do(self.work.sweep())
        if before is None:
            return
        after = self.row(task_id)
        if before.platform == PUSH:
            assert after.revision == before.revision, "the sweeper touched what it must not"
            return
        if before.status in ("assigned", "processing"):
            self.holder.pop(task_id, None)
            lost = before.failures + 1 >= MAX_FAILURES
            assert after.status == ("failed" if lost else "pending")
            again = before.failures > 0
            assert (after.error_code == "WORKER_LOST") == again
            assert (after.not_before is not None) == (again and not lost)
        else:
            assert after.not_before is None or after.status != "pending"

    @rule(task_id=tasks)
    def edit(self, task_id: int) -> None:
        """A client edits."""
        self.refused_unless(
            task_id,
            lambda owner: self.service.update(owner, task_id, TaskChanges.parse({"priority": 9})),
            "pending",
        )

    @rule(task_id=tasks)
    def cancel(self, task_id: int) -> None:
        """A client cancels, whatever a worker does."""
        if self.refused_unless(
            task_id,
            lambda owner: self.service.cancel(owner, task_id),
            "pending",
            "assigned",
            "processing",
        ):
            self.holder.pop(task_id, None)

    @rule(task_id=tasks, resume=st.booleans())
    def reset(self, task_id: int, resume: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """A client starts an ended task again."""
        if self.refused_unless(
            task_id,
            lambda owner: self.service.reset(owner, task_id, resume=resume),
            "completed",
            "failed",
        ):
            assert resume or self.row(task_id).posts_count == 0

    @rule(task_id=consumes(tasks))
    def delete(self, task_id: int) -> None:
        """A client deletes, whatever a worker does; a tombstone remains."""
        owner = self.owner_of.pop(task_id)
        last = self.do(self.service.get(owner, task_id)).revision
        self.do(self.service.delete(owner, task_id))
        self.holder.pop(task_id, None)
        (tombstone,) = self.do(self.service.events(owner, task_id))
        assert (tombstone.type, tombstone.seq) == (EventType.DELETED, last + 1)

    def refused_unless(
        self, task_id: int, call: Callable[[Principal], Coroutine[Any, Any, Any]], *statuses: str
    ) -> bool:
        """Run a client's call; it must be refused exactly when the status forbids it."""
        allowed = self.row(task_id).status in statuses
        try:
            self.do(call(self.owner_of[task_id]))
        except TransitionRefused:
            assert not allowed
            return False
        assert allowed
        return True

    @invariant()
    def promises_are_kept(self) -> None:
        """What the database holds after each step is what the service promises."""
        state = self.do(self.database.read(everything))
        for task in state.tasks:
            check_log(task, [each for each in state.events if each.task_id == task.id])
            check_posts(task, [each for each in state.posts if each.task_id == task.id])
            if task.platform == PUSH:
                assert (task.attempt, task.lease_expires_at, task.not_before) == (0, None, None)
            elif task.status == "pending" and task.not_before is None:
                assert task.user_id in state.line, "an owner was forgotten"
