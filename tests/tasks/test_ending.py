"""Background tasks end when they are told to, whatever a library makes of a cancellation."""

import asyncio

from tasks.ending import end


async def test_a_task_that_forgets_a_cancellation_is_told_again() -> None:
    """It hangs nobody up."""
    begun = asyncio.Event()

    async def forgetful() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(forgetful())
    await begun.wait()
    async with asyncio.timeout(5):
        await end(task)

    assert task.cancelled()


async def test_a_task_that_fails_or_has_ended_is_no_trouble() -> None:
    """What it raised is its own affair by now."""

    async def failing() -> None:
        raise ValueError("late")

    failed, ended = asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.sleep(0.01)

    await end(failed, ended)
    await end()

    assert failed.done()
