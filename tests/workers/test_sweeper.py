"""The leader's chores, beside its own work."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from tasks.database import Database
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.work import WorkService
from tests.tasks.promises import age
from tests.tasks.test_service import new
from workers.sweeper import Chore, Sweeper


class Counted:
    """A chore that wants to be called again at once, for some times."""

    def __init__(self, *, times: int, after: float = 3600.0) -> None:
        self.left = times
        self.calls = 0
        self._after = after

    async def __call__(self) -> float:
        """Count the call."""
        self.calls += 1
        self.left -= 1
        return 0.0 if self.left > 0 else self._after


async def fails() -> float:
    """Have a fault."""
    raise RuntimeError("a fault of ours")


@contextlib.asynccontextmanager
async def sweeping(
    database: Database, work: WorkService, chores: Sequence[Chore]
) -> AsyncGenerator[None]:
    """Let a sweeper lead meanwhile."""
    running = asyncio.create_task(Sweeper(database, work, Sleeper(), chores).run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


async def test_chores_are_called_as_often_as_they_want(
    database: Database, work: WorkService
) -> None:
    """Each at its own pace, and without a pause where there is more to do."""
    busy, idle = Counted(times=20), Counted(times=1)

    async with sweeping(database, work, [busy, idle]):
        await until(lambda: busy.left == 0)

    assert (busy.calls, idle.calls) == (20, 1)


async def test_a_chore_with_a_fault_does_not_keep_the_sweeper_from_its_work(
    database: Database, work: WorkService, service: TaskService, principal: Principal
) -> None:
    """An expired lease is taken back all the same, and the other chore is called."""
    task = await service.create(principal, new())
    assert await work.claim("gone") is not None
    await database.write(age, task.id)
    other = Counted(times=1)

    async with sweeping(database, work, [fails, other]):
        await until(lambda: other.calls == 1)

    assert (await service.get(principal, task.id)).status == "pending"
