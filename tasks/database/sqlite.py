"""SQLite in WAL mode: one writer thread with a queue, and a few reader threads.

SQLite lets one connection write at a time, and its busy handler starves those who wait (p99
430 ms, measured). So the writes of this process queue up for one thread, first come first
served; those that wait together share one commit, and with it one fsync. Other processes (the
command line) get their turn between two such batches. An instance may be used from several
event loops.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tasks.database.base import Database, Session, UniqueViolation
from tasks.database.statement import Call, Compiled, Row, Steps, compiled
from tasks.errors import DatabaseUnavailable, StorageError
from tasks.function import SQLITE_CONTAINS, is_in

P = ParamSpec("P")
T = TypeVar("T")

#: A batch takes no further transaction after this long, so that other processes get their turn.
BATCH_SECONDS = 0.05
#: How long a batch waits for another process's write.
BUSY_SECONDS = 30
READERS = 4
#: Steps of SQLite's machine that a read may take on the event loop: about half a millisecond; a
#: page of a list takes some thousand.
INLINE_STEPS = 32_000
#: After so many of them it is looked whether they are too many.
_GLANCE_STEPS = 2_000
#: What a read on the event loop ends with when it takes longer, or would have to wait.
_NOT_INLINE = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(slots=True)
class _Job:
    """A transaction in the writer's queue."""

    steps: Callable[[], Steps[Any]]
    future: "Future[Any]"


@dataclass(slots=True)
class _Outcome:
    """What became of a job; told after the commit."""

    job: _Job
    answer: Any = None
    failure: BaseException | None = None

    def tell(self) -> None:
        """Answer who waits, unless they have gone."""
        future = self.job.future
        if future.cancelled() or not (future.running() or future.set_running_or_notify_cancel()):
            return
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(self.answer)


class SqliteDatabase(Database):
    """One database file."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, readers: int = READERS) -> None:
        """Open the file; at most so many reads run at once."""
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._leaders: set[str] = set()
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="sqlite-reader")
        # Opened here, so that a file that cannot be one is refused by who asked for it.
        self._writing = self.connect()
        self._writer = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._writer.start()

    async def write(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Queue one transaction and wait for its commit."""
        job = _Job(lambda: steps(*args, **kwargs), Future())
        self._jobs.put(job)
        return await asyncio.wrap_future(job.future)

    async def execute(self, call: Call) -> Sequence[Row]:
        """Queue one statement as a transaction of its own."""
        return await self.write(_one, call)

    async def read(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run statements, which see one moment; a read that takes long goes to a reader thread.

        The way to a thread and back costs more than a short read does (130 of 230 µs, measured),
        so each read begins on the event loop and is begun again on a thread if it does not end
        within `INLINE_STEPS`.
        """
        try:
            inline = self._inline()
            inline.glances = 0
            return self._read(inline.connection, steps(*args, **kwargs))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NOT_INLINE:
                raise self.translated(error) from error
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._readers, lambda: self._read_on_thread(steps(*args, **kwargs))
        )

    async def snapshot(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the same as `read`."""
        return await self.read(steps, *args, **kwargs)

    @asynccontextmanager
    async def session(self, *, writes: bool) -> AsyncGenerator[Session]:
        """Hold a transaction on a connection and a thread of its own."""
        with ThreadPoolExecutor(1, thread_name_prefix="sqlite-session") as thread:
            session = _SqliteSession(self, thread)
            await session.begin(writes=writes)
            try:
                yield session
            except BaseException:
                await session.end("ROLLBACK")
                raise
            await session.end("COMMIT")

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncGenerator[bool]:
        """Lead within this process: only one process works on a SQLite installation."""
        won = name not in self._leaders
        self._leaders.add(name)
        try:
            yield won
        finally:
            if won:
                self._leaders.discard(name)

    async def close(self) -> None:
        """Finish the queue, then close."""
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        for connection in self._reading:
            connection.close()
        self._writing.close()

    def connect(self) -> sqlite3.Connection:
        """Open another connection to the file.

        Raises:
            DatabaseUnavailable: It cannot be opened.
        """
        try:
            connection = sqlite3.connect(
                self._path,
                timeout=BUSY_SECONDS,
                isolation_level=None,  # We say BEGIN; the module would say it too late.
                check_same_thread=False,
                cached_statements=1024,
            )
            connection.create_function(SQLITE_CONTAINS, 2, is_in, deterministic=True)
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit that was answered survives a power cut; batches pay for the fsync.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise self._unavailable(error) from error
        return connection

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"Cannot use the database file {self._path}: {error}.")

    def translated(self, error: sqlite3.Error) -> Exception:
        """Return what the service raises for what the module raised."""
        message = str(error)
        if isinstance(error, sqlite3.IntegrityError) and message.startswith("UNIQUE"):
            return UniqueViolation(message.partition(": ")[2])
        if isinstance(error, sqlite3.OperationalError) and message.startswith("no such"):
            return StorageError(f"The database file {self._path} is not migrated: {error}.")
        if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.IntegrityError | sqlite3.ProgrammingError
        ):
            return self._unavailable(error)
        return error

    def _inline(self) -> "_Inline":
        """Return this thread's connection for reads that neither take long nor wait."""
        inline: _Inline | None = getattr(self._local, "inline", None)
        if inline is None:
            inline = self._local.inline = _Inline(self._reader())
        return inline

    def _reader(self) -> sqlite3.Connection:
        connection = self.connect()
        connection.execute("PRAGMA query_only = ON")
        self._reading.append(connection)
        return connection

    def _read_on_thread(self, steps: Steps[T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._reader()
        try:
            return self._read(connection, steps)
        except sqlite3.Error as error:
            raise self.translated(error) from error

    def _read(self, connection: sqlite3.Connection, steps: Steps[T]) -> T:
        connection.execute("BEGIN")
        try:
            return _run(connection, steps)
        finally:
            connection.execute("ROLLBACK")

    def _serve(self) -> None:
        """Take jobs in their order, those that wait together in one commit."""
        while (job := self._jobs.get()) is not None:
            batch = [_Outcome(job)]
            stopping = False
            try:
                self._writing.execute("BEGIN IMMEDIATE")
                until = time.monotonic() + BATCH_SECONDS
                self._attempt(batch[0])
                while not stopping and time.monotonic() < until and not self._jobs.empty():
                    following = self._jobs.get()
                    if following is None:
                        stopping = True
                    else:
                        batch.append(_Outcome(following))
                        self._attempt(batch[-1])
                self._writing.execute("COMMIT")
            except sqlite3.Error as error:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
                for outcome in batch:
                    outcome.failure = outcome.failure or self.translated(error)
            for outcome in batch:
                outcome.tell()
            if stopping:
                return

    def _attempt(self, outcome: _Outcome) -> None:
        """Run one job of a batch; what it did is undone if it fails, the others stay."""
        if not outcome.job.future.set_running_or_notify_cancel():
            return
        self._writing.execute("SAVEPOINT job")
        try:
            outcome.answer = _run(self._writing, outcome.job.steps())
        except sqlite3.Error as error:
            outcome.failure = self.translated(error)
        except Exception as error:  # noqa: BLE001 - it is handed to who queued the job
            outcome.failure = error
        if outcome.failure is not None:
            self._writing.execute("ROLLBACK TO job")
        self._writing.execute("RELEASE job")


class _Inline:
    """A connection whose statements fail rather than take long or wait."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.glances = 0  #: Since the read began. SQLite itself counts on from read to read.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.set_progress_handler(self._glance, _GLANCE_STEPS)

    def _glance(self) -> bool:
        """Say whether the statement is to be given up."""
        self.glances += 1
        # The glance after that is the rollback's, which must go through.
        return self.glances == INLINE_STEPS // _GLANCE_STEPS


class _SqliteSession(Session):
    def __init__(self, database: SqliteDatabase, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._database = database
        self._connection = database.connect()

    async def begin(self, *, writes: bool) -> None:
        try:
            await self._on_thread(
                lambda: self._connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            )
        except BaseException:
            self._connection.close()
            raise

    async def run(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._on_thread(lambda: _run(self._connection, steps(*args, **kwargs)))

    async def end(self, how: str) -> None:
        try:
            await self._on_thread(lambda: self._connection.execute(how))
        finally:
            self._connection.close()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise self._database.translated(error) from error


def _one(call: Call) -> Steps[Sequence[Row]]:
    return (yield call)


def _run(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    """Drive a generator to its end on one connection."""
    try:
        call = next(steps)
        while True:
            try:
                rows = _fetch(connection, call)
            except BaseException:
                steps.close()
                raise
            call = steps.send(rows)
    except StopIteration as end:
        return end.value


def _fetch(connection: sqlite3.Connection, call: Call) -> Sequence[Row]:
    statement = compiled(call.statement, "sqlite")
    parameters = call.parameters
    if not isinstance(parameters, Mapping):
        if statement.returns:
            gathered: list[Row] = []
            for each in parameters:
                rows = _fetch(connection, call.statement(**each))
                if not rows and call.statement.at_once is not None:
                    break
                gathered += rows
            return gathered
        connection.executemany(statement.text, [_named(statement, row) for row in parameters])
        return ()
    rows = connection.execute(statement.text, _named(statement, parameters)).fetchall()
    for following in statement.following:
        for row in rows:
            values = {**parameters, **dict(zip(statement.prefixed, row, strict=True))}
            connection.execute(following.text, _named(following, values))
    return statement.read(rows)


def _named(statement: Compiled, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(statement.names, statement.bind(parameters), strict=True))
