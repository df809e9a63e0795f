"""Copies between databases, backups and restoring them."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks import backup, models, transfer
from tasks.accounts import AccountService
from tasks.claim import Limits
from tasks.database import Database, Statement, Steps, open_database
from tasks.errors import TransferRefused
from tasks.models import TaskEvent
from tasks.ports import Sleeper
from tasks.principal import Principal
from tasks.service import TaskService
from tasks.store.transfer import TABLES
from tasks.work import WorkService
from tests.conftest import AnyTarget, copy_of
from tests.tasks.test_service import Sample, at, completed, new

Rows = dict[str, list[dict[str, Any]]]


def quiet(table: str, done: int, total: int) -> None:
    """Hear of the progress and say nothing."""
    assert table in transfer.TABLES
    assert done <= total


def everything() -> Steps[Rows]:
    """Read every table that is carried, but for positions, which are a database's own."""
    found: Rows = {}
    for table in TABLES:
        rows = yield Statement(sa.select(*table.table.c).order_by(*table.key))()
        found[table.name] = [
            {name: value for name, value in row.items() if name != "xid"}
            for row in table.rows(rows)
        ]
    return found


async def content(url: str) -> Rows:
    """Return all that a database holds."""
    database = await open_database(url)
    try:
        return await database.read(everything)
    finally:
        await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def target_url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sqlite_template: Path,
    postgres_template: str | None,
) -> AsyncIterator[str]:
    """Return the address of another migrated, empty database."""
    if request.param == "sqlite":
        path = tmp_path / "target.db"
        shutil.copy(sqlite_template, path)
        yield f"sqlite:///{path}"
        return
    async with copy_of(postgres_template) as url:
        yield url


@pytest.fixture
async def lived_in(
    service: TaskService, work: WorkService, accounts: AccountService, principal: Principal
) -> Principal:
    """Fill the source: a completed task, a deleted one, a running one, a pending one."""
    await accounts.create_token(principal.user_id, "laptop")
    await completed(service, work, principal)
    running = await service.create(principal, new())
    claim = await work.claim("worker")
    assert claim is not None
    assert claim.task.id == running.id
    await work.start(claim)
    await work.record(claim, at(1), [Sample(id="é\U0001f33e", created_time=datetime.now(UTC))])
    await service.create(principal, new(group_name="Ж"))
    last = await service.create(principal, new())
    await service.delete(principal, last.id)
    return principal


@pytest.mark.usefixtures("lived_in")
async def test_a_copy_is_what_the_source_was(database_url: str, target_url: str) -> None:
    """Row for row, with the numbers counted; held tasks stay held in a mere copy."""
    before = await content(database_url)

    done = await transfer.copy(database_url, target_url, progress=quiet, settles=False)

    assert await content(target_url) == before
    assert await content(database_url) == before
    assert done.rows == {name: len(rows) for name, rows in before.items()}
    assert (done.rows["task"], done.rows["post"], done.released) == (3, 3, 0)


async def test_what_a_worker_held_goes_on_in_the_new_place(
    lived_in: Principal, database_url: str, target_url: str
) -> None:
    """The task is pending with its cursor, its owner in the line, and its log without a gap."""
    done = await transfer.copy(database_url, target_url, progress=quiet, settles=True)

    assert done.released == 1
    database = await open_database(target_url)
    work = WorkService(database, waker=Sleeper(), limits=Limits())
    claims = [await work.claim("new") for _ in range(3)]
    (first, second, none) = claims
    assert first is not None
    assert second is not None
    assert none is None
    assert (first.task.cursor, first.task.posts_count, first.task.failures) == ("2", 1, 0)
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper())
    events = await service.events(lived_in, first.task.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events][-2:] == ["released", "assigned"]
    await database.close()


async def test_an_owner_whose_only_task_was_held_gets_in_line(
    service: TaskService,
    work: WorkService,
    principal: Principal,
    database_url: str,
    target_url: str,
) -> None:
    """The claim that found nothing more had taken the owner out."""
    await service.create(principal, new())
    assert await work.claim("old") is not None
    assert await work.claim("old") is None

    await transfer.copy(database_url, target_url, progress=quiet, settles=True)

    database = await open_database(target_url)
    found = await WorkService(database, waker=Sleeper(), limits=Limits()).claim("new")
    await database.close()
    assert found is not None
    assert found.attempt == 2


async def test_ids_go_on_after_the_greatest_ever_given(
    lived_in: Principal, database_url: str, target_url: str
) -> None:
    """A deleted task's id does not come again: its tombstone would speak of another."""
    await transfer.copy(database_url, target_url, progress=quiet, settles=True)

    database = await open_database(target_url)
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper())
    made = await service.create(lived_in, new())
    await database.close()

    assert made.id == 5


@pytest.mark.usefixtures("lived_in")
async def test_a_target_that_holds_something_is_left_alone(
    database_url: str, target_url: str
) -> None:
    """Refused with what is there, and unchanged."""
    await transfer.copy(database_url, target_url, progress=quiet, settles=False)
    before = await content(target_url)

    with pytest.raises(TransferRefused, match=r"not empty .* 3 of task"):
        await transfer.copy(database_url, target_url, progress=quiet, settles=True)

    assert await content(target_url) == before


@pytest.mark.usefixtures("lived_in")
async def test_a_copy_that_breaks_off_leaves_nothing(database_url: str, target_url: str) -> None:
    """It is one transaction, so calling it again is all that is needed."""

    def fails(table: str, done: int, total: int) -> None:
        del done, total
        if table == "post":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await transfer.copy(database_url, target_url, progress=fails, settles=True)
    assert not any((await content(target_url)).values())

    await transfer.copy(database_url, target_url, progress=quiet, settles=True)


# What may stand in a column: PostgreSQL keeps neither NUL nor halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(-(2**63), 2**63 - 1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy makes them aware
documents = st.dictionaries(
    texts,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def values(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    """Return what a column may hold, by its type."""
    name = type(column.type).__name__
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "Text": texts,
        "Instant": moments,
        "Json": documents,
        "Boolean": st.booleans(),
        "BigInteger": numbers,
        "Integer": st.integers(0, 2**31 - 1),
    }
    found = kinds[name]
    return st.none() | found if column.nullable else found


@st.composite
def databases(draw: st.DrawFn) -> Rows:
    """Draw rows for every table that refer to each other as they must."""
    rows: Rows = {}
    for table in TABLES:
        drawn = draw(st.lists(_row(table.table, rows), max_size=6))
        keys: set[tuple[Any, ...]] = set()
        rows[table.name] = [row for row in drawn if row and _is_first(table.table, row, keys)]
        rows[table.name].sort(key=lambda row: [row[column.name] for column in table.key])
    return rows


def _row(table: sa.Table, rows: Rows) -> st.SearchStrategy[dict[str, Any]]:
    """Return a row's strategy; where it must refer to a row and there is none, to none at all."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for column in table.c:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            there = [row["id"] for row in rows[key.column.table.name]]
            if not there:
                return st.just({})
            fields[column.name] = st.sampled_from(there)
        elif column.name == "id":
            fields[column.name] = st.integers(1, 2**40)
        else:
            fields[column.name] = values(column)
    return st.fixed_dictionaries(fields)


def _is_first(table: sa.Table, row: dict[str, Any], keys: set[tuple[Any, ...]]) -> bool:
    """Say whether no row before has the same values where a constraint wants them unique."""
    values = [(names, *(row[name] for name in names)) for names in _unique(table)]
    if any(key in keys for key in values):
        return False
    keys.update(values)
    return True


def _unique(table: sa.Table) -> list[tuple[str, ...]]:
    """Return the columns of each constraint that wants values to be unique."""
    inspected: list[Any] = [
        each
        for each in table.constraints
        if isinstance(each, sa.PrimaryKeyConstraint | sa.UniqueConstraint)
    ]
    return [tuple(column.name for column in each.columns) for each in inspected]


def fill(rows: Rows) -> Steps[None]:
    """Insert what was drawn."""
    for table in TABLES:
        if rows[table.name]:
            yield table.insertion.each(rows[table.name])


def without_positions(rows: Rows) -> Rows:
    """Return the rows as `everything` does."""
    events = TaskEvent.table().name
    stripped = [{k: v for k, v in row.items() if k != "xid"} for row in rows[events]]
    return {**rows, events: stripped}


@dataclass(frozen=True)
class Places:
    """Where the property test's databases come from."""

    template: Path
    folder: Path
    postgres: str | None


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, postgres_template: str | None
) -> Places:
    """Return the templates."""
    return Places(sqlite_template, tmp_path_factory.mktemp("transfer"), postgres_template)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=databases())
def test_whatever_there_is_survives_every_way(places: Places, rows: Rows) -> None:
    """SQLite, moved to PostgreSQL, backed up, is the same, row for row and value for value."""
    asyncio.run(_round_trip(places, rows))


async def _round_trip(places: Places, rows: Rows) -> None:
    unique = secrets.token_hex(6)
    source = places.folder / f"{unique}.db"
    shutil.copy(places.template, source)
    database: Database = await open_database(f"sqlite:///{source}")
    await database.write(fill, rows)
    await database.close()
    file = places.folder / f"{unique}.backup"
    async with copy_of(places.postgres) as url:
        await transfer.copy(f"sqlite:///{source}", url, progress=quiet, settles=False)
        moved = await content(url)
        await backup.back_up(url, file, notes={}, progress=quiet)

    assert moved == without_positions(rows)
    assert await content(f"sqlite:///{file}") == without_positions(rows)
    assert models.Task.table().name in moved
