"""The database as the task service sees it.

A transaction is a generator of statements: it yields a call, receives its rows, and returns its
answer. It does no I/O, so the same generator runs on PostgreSQL (awaited on asyncpg) and on
SQLite (straight through on the writer thread, without a hop between two statements), and a
driver may run it again after a deadlock.

    def rename(task_id: int, name: str) -> Steps[models.Task]:
        rows = yield RENAME(task_id=task_id, name=name)
        return models.Task.of(rows[0])

    task = await database.write(rename, task_id, "new")
"""

from tasks.database.base import Database, Session, UniqueViolation
from tasks.database.opening import describe, open_database
from tasks.database.statement import LONG, SHORT, Call, Following, Row, Statement, Steps

__all__ = [
    "LONG",
    "SHORT",
    "Call",
    "Database",
    "Following",
    "Row",
    "Session",
    "Statement",
    "Steps",
    "UniqueViolation",
    "describe",
    "open_database",
]
