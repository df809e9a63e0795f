"""The politeness ledger: the calls that hosts grant, counted once for all workers.

One budget for each host and credential, in the database and on its clock, so that any number of
workers on any number of machines keep to one rate. What a host says of itself (a refusal, calls
left in its window) is noted there too, and holds for everybody at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tasks.database import Database
from tasks.ports import Hosts
from tasks.principal import ADMIN, TASKS_READ, Principal
from tasks.rate import Rate, Reservation
from tasks.store import budget

#: The error code of a task that a host, or its budget, has put off (`workers/errors.py`).
RATE_LIMITED: Final = "SOURCE_RATE_LIMITED"
#: For a budget that is told of before its first call; that call brings the real one.
_UNKNOWN = Rate(calls=1, seconds=1.0, burst=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBudget:
    """How a host's budget stands, for people to see.

    `held_until` is when the next call may be made, None if that is now. `has_credential` says
    whether it counts the calls of a credential or those of a visitor.
    """

    host: str
    has_credential: bool
    rate: Rate
    held_until: datetime | None
    used_at: datetime


class BudgetLedger:
    """Implements the workers' budget on the database. Safe to call at once, from any process.

    `rates` are the operator's, by host. They lower the rate that a source keeps to and never
    raise it.
    """

    def __init__(self, database: Database, *, rates: Mapping[str, Rate] | None = None) -> None:
        self._database = database
        self._rates = rates or {}

    async def reserve(self, key: str, rate: Rate, *, max_wait_seconds: float) -> Reservation:
        """Take one call and return the wait before making it.

        If that is more than `max_wait_seconds`, nothing was taken: ask again after it.
        `key` is a host, or a host, a blank and what stands for the credential.

        Raises:
            StorageError: The database does not answer.
        """
        host = host_of(key)
        return await self._database.write(
            budget.reserve,
            key,
            host=host,
            rate=rate.lowered_to(self._rates.get(host)),
            max_wait_seconds=max_wait_seconds,
        )

    async def hold(self, key: str, until: datetime) -> None:
        """Grant no call before `until`: the host said so."""
        await self.limit(key, 0, until=until, number=0)

    async def limit(self, key: str, calls: int, *, until: datetime, number: int) -> None:
        """Grant at most `calls` more before `until`: the host said so to the call `number`.

        The time that is left counts, not the moment, so a worker's wrong clock holds nobody up.

        Raises:
            StorageError: The database does not answer.
        """
        left = (until - datetime.now(UTC)).total_seconds()
        if left > 0:
            await self._database.write(
                budget.limit,
                key,
                host=host_of(key),
                rate=_UNKNOWN,
                calls=calls,
                seconds=left,
                number=number,
            )

    async def budgets(self) -> list[HostBudget]:
        """Return the budgets of hosts that were called in the last days, by host."""
        return [_shown(account) for account in await self._database.read(budget.everything)]


class BudgetService:
    """The budgets through the eyes of users. Holds no state; safe to call at once."""

    def __init__(self, database: Database, hosts: Hosts) -> None:
        self._database = database
        self._hosts = hosts

    async def budgets(self, principal: Principal) -> list[HostBudget]:
        """Return the budgets that the principal's tasks wait for, by host.

        Which other hosts are called would tell what other users read, so all of them are shown
        only to whoever has the scope `admin`.

        Raises:
            ScopeMissing: The token may not read tasks.
        """
        principal.require(TASKS_READ)
        if ADMIN in principal.scopes:
            return [_shown(account) for account in await self._database.read(budget.everything)]
        targets = await self._database.read(budget.put_off, principal.user_id, RATE_LIMITED)
        keys = {key for each in targets if (key := self._hosts.budget_key(each)) is not None}
        return [_shown(each) for each in await self._database.read(budget.some, sorted(keys))]

    async def held(self) -> int:
        """Count the budgets that grant no call at this moment."""
        accounts = await self._database.read(budget.everything)
        return sum(_shown(account).held_until is not None for account in accounts)


def host_of(key: str) -> str:
    """Return the host that a budget's key names."""
    return key.partition(" ")[0]


def _shown(account: budget.Account) -> HostBudget:
    start = account.balance.start(account.rate, now=account.now)
    return HostBudget(
        host=account.row.host,
        has_credential=account.row.key != account.row.host,
        rate=account.rate,
        held_until=datetime.fromtimestamp(start, UTC) if start > account.now else None,
        used_at=account.row.used_at,
    )
