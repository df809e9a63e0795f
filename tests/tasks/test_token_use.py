"""When tokens were used last, which is noted without anybody waiting for it."""

import asyncio
from datetime import datetime

from tasks import models
from tasks.accounts import AccountService
from tasks.database import Database
from tests.tasks.watch.world import DEADLINE_SECONDS


async def test_the_use_of_tokens_is_noted_soon(database: Database, user: models.User) -> None:
    """For all that were used in a moment, in one write."""
    accounts = AccountService(database)
    issued = [await accounts.create_token(user.id, f"t{number}") for number in range(3)]

    await asyncio.gather(*(accounts.authenticate(each.token) for each in issued[:2]))

    used: list[datetime | None] = [None]
    async with asyncio.timeout(DEADLINE_SECONDS):
        while None in used[:2]:
            await asyncio.sleep(0.01)
            used = [token.last_used_at for token in await accounts.tokens(user.id)]
    assert used[0] == used[1]
    assert used[2:] == [None]
