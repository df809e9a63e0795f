"""PostgreSQL, through asyncpg's pool. An instance belongs to the event loop that opened it."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, ParamSpec, Self, TypeVar

import asyncpg

from tasks.database.base import Database, Session, UniqueViolation
from tasks.database.gathering import Gathering
from tasks.database.lane import Lane
from tasks.database.reading import Reading
from tasks.database.statement import Call, Row, Steps, compiled
from tasks.database.together import together
from tasks.ending import end
from tasks.errors import DatabaseUnavailable, StorageError

#: asyncpg ships no types.
driver: Any = asyncpg

P = ParamSpec("P")
T = TypeVar("T")

#: How often a transaction is begun again after a deadlock before the error is let through.
ATTEMPTS = 5
#: How long a leader may be silent. Longer than a loop is ever busy, well below a lease.
SILENCE_SECONDS = 9
#: How long a statement waits for a connection.
_WAIT_SECONDS = 30
#: Errors of the connection and of the server's state, and not of a statement.
_UNAVAILABLE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # It shuts down, starts, or cancelled a statement.
    asyncpg.InsufficientResourcesError,  # Out of connections, memory or disk.
    asyncpg.ReadOnlySQLTransactionError,  # It has become a replica.
    asyncpg.IdleInTransactionSessionTimeoutError,
)


class PostgresDatabase(Database):
    """A pool of connections, each with its prepared statements."""

    dialect = "postgresql"

    def __init__(self, pool: Any, name: str) -> None:
        self._pool = pool
        self._name = name
        self._gathering = Gathering(self._together)
        # Half of them for reads: the others are there for whoever writes, leads or copies.
        half = pool.get_max_size() // 2
        self._lane = Lane(pool, half, timeout_seconds=_WAIT_SECONDS) if half else None
        self._reading = self._lane and Reading(self._lane, _fetch, self._translated)

    @classmethod
    async def open(cls, url: str, *, name: str, connections: int) -> Self:
        """Connect.

        Raises:
            DatabaseUnavailable: It cannot be reached, or refuses the user or the database.
        """
        try:
            pool = await driver.create_pool(
                url,
                # Connections are made when they are needed: a pool that keeps some would log a
                # traceback for each that a restart of the server takes away.
                min_size=0,
                max_size=connections,
                statement_cache_size=1024,
                # Our transactions leave nothing behind in a connection, so the pool's reset
                # (a round trip at every release) has nothing to do.
                reset=_nothing_to_reset,
                command_timeout=60,
                timeout=10,
                server_settings={
                    "application_name": "sluice",
                    "jit": "off",
                    # Each of our statements has the index that it walks, whatever its values
                    # are. Left to itself, the server plans most of them anew each time: a list
                    # takes 190 µs instead of 103, posts of a task 810 instead of 390.
                    "plan_cache_mode": "force_generic_plan",
                    # A process that is stopped in the middle of a transaction (a debugger, a
                    # frozen machine) must not hold everybody's claim lock for ever.
                    "idle_in_transaction_session_timeout": "15s",
                },
            )
            async with pool.acquire():
                pass  # Can be reached.
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnavailable(f"Cannot open the database {name}: {error}.") from error
        return cls(pool, name)

    async def write(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one transaction, again if it fell to a deadlock."""

        async def attempt() -> T:
            async with self._connection() as connection, connection.transaction():
                return await _run(partial(_fetch, connection), steps(*args, **kwargs))

        return await _again(attempt)

    async def execute(self, call: Call) -> Sequence[Row]:
        """Run one statement without a round trip for BEGIN and COMMIT.

        Where its rows can be told from others', what waits at the same time shares it.
        """
        if call.statement.keyed:
            return await self._gathering.execute(call)
        return await self._alone(call)

    async def _together(self, calls: Sequence[Call]) -> Sequence[Row]:
        if len(calls) == 1:
            return await self._alone(calls[0])
        return await self._alone(calls[0].statement.each([call.only for call in calls]))

    async def _alone(self, call: Call) -> Sequence[Row]:
        async def attempt() -> Sequence[Row]:
            async with self._connection() as connection:
                return await _fetch(connection, call)

        return await _again(attempt)

    def read(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run statements, each in a transaction of its own and with what else waits for it."""
        if self._reading is not None:
            return _run(self._reading.fetch, steps(*args, **kwargs))
        return self._read(steps, *args, **kwargs)

    async def _read(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._connection() as connection:
            return await _run(partial(_fetch, connection), steps(*args, **kwargs))

    async def snapshot(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run statements in one read-only transaction that sees one moment."""
        async with (
            self._connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await _run(partial(_fetch, connection), steps(*args, **kwargs))

    @asynccontextmanager
    async def session(self, *, writes: bool) -> AsyncGenerator[Session]:
        """Hold a transaction on a connection of its own."""
        isolation = "read_committed" if writes else "repeatable_read"
        async with (
            self._connection() as connection,
            connection.transaction(isolation=isolation, readonly=not writes),
        ):
            yield _PostgresSession(connection)

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncGenerator[bool]:
        """Hold a session's advisory lock on a connection of its own.

        The server ends the session, and with it the lock, when it hears nothing for
        `SILENCE_SECONDS`: a leader that is frozen must not keep the others from leading.
        """
        key = zlib.crc32(name.encode())
        async with self._connection() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                yield False
                return
            try:
                await connection.execute(f"SET idle_session_timeout = '{SILENCE_SECONDS}s'")
                async with self._heard(connection):
                    yield True
            finally:
                # A connection that died has let go of the lock already.
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await connection.execute("RESET idle_session_timeout")
                    await connection.execute("SELECT pg_advisory_unlock($1)", key)

    @asynccontextmanager
    async def _heard(self, connection: Any) -> AsyncGenerator[None]:
        """Let the server hear of us; when it has ended the session, end the block as well."""
        body = asyncio.current_task()
        failures: list[BaseException] = []

        async def beat() -> None:
            try:
                while True:
                    await asyncio.sleep(SILENCE_SECONDS / 3)
                    await connection.execute("SELECT 1")
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                failures.append(error)
                if body is not None:
                    body.cancel()

        beating = asyncio.create_task(beat())
        try:
            yield
        except asyncio.CancelledError:
            if not failures or body is None or body.uncancel():
                raise
            raise DatabaseUnavailable(
                f"The database {self._name} took the lead from us: {failures[0]}."
            ) from failures[0]
        finally:
            await end(beating)

    async def close(self) -> None:
        """Wait for running statements, at most 10 seconds, then cut the connections."""
        if self._lane is not None:
            await self._lane.close()
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        try:
            async with self._pool.acquire(timeout=_WAIT_SECONDS) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # It has lost its place in the protocol, as one does that the server left
                    # in the middle of a batch; nobody must be given it again.
                    connection.terminate()
                    raise
        except Exception as error:
            translated = self._translated(error)
            if translated is error:
                raise
            raise translated from error

    def _translated(self, error: Exception) -> Exception:
        """Return what the service raises for what the driver raised."""
        if isinstance(error, asyncpg.UniqueViolationError):
            return UniqueViolation(getattr(error, "constraint_name", None) or "key")
        if isinstance(error, _UNAVAILABLE):
            return DatabaseUnavailable(f"The database {self._name} does not answer: {error}.")
        if isinstance(error, asyncpg.UndefinedTableError):
            return StorageError(f"The database {self._name} is not migrated: {error}.")
        return error


class _PostgresSession(Session):
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def run(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(partial(_fetch, self._connection), steps(*args, **kwargs))


async def _nothing_to_reset(connection: object) -> None:
    del connection


async def _again(attempt: Callable[[], Awaitable[T]]) -> T:
    for _ in range(ATTEMPTS - 1):
        with suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            return await attempt()
    return await attempt()


async def _run(fetch: Callable[[Call], Awaitable[Sequence[Row]]], steps: Steps[T]) -> T:
    """Drive a generator to its end."""
    try:
        call = next(steps)
        while True:
            try:
                rows = await fetch(call)
            except BaseException:
                steps.close()
                raise
            call = steps.send(rows)
    except StopIteration as end:
        return end.value


async def _fetch(connection: Any, call: Call) -> Sequence[Row]:
    statement = compiled(call.statement, "postgresql")
    parameters = call.parameters
    if isinstance(parameters, Mapping):
        rows = await connection.fetch(statement.text, *statement.bind(parameters))
        return statement.read(rows)
    if not parameters:
        return ()
    if (at_once := together(call.statement)) is not None:
        rows = await connection.fetch(at_once.text, *at_once.bind(parameters))
        return at_once.read(rows)
    # One round trip, and a transaction by itself outside of one.
    bound = [statement.bind(row) for row in parameters]
    if statement.returns:
        return statement.read(await connection.fetchmany(statement.text, bound))
    await connection.executemany(statement.text, bound)
    return ()
