"""By which index SQLite finds what is asked for by its id: never by the owner's rows."""

import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tasks.cursor import Window
from tasks.database import Call, Row, Statement, Steps
from tasks.database.sqlite import SqliteDatabase
from tasks.database.statement import compiled
from tasks.principal import SCOPES, Principal
from tasks.query import QueryService

ME = Principal(user_id=1, scopes=frozenset(SCOPES))
WINDOW = Window(size=2)
ASKED: dict[str, Callable[[QueryService], Awaitable[object]]] = {
    "tasks": lambda query: query.tasks_by_id(ME, [1, 2]),
    "a task": lambda query: query.task_rows_by_id(ME, [1], ("id", "status")),
    "posts": lambda query: query.posts_by_id(ME, [(1, "a"), (2, "b")]),
    "pages of posts": lambda query: query.posts(ME, [1, 2], WINDOW),
    "a page of posts": lambda query: query.posts(ME, [1], WINDOW),
    "pages of events": lambda query: query.event_rows(
        ME, [1, 2], WINDOW, descending=False, columns=("seq",)
    ),
}


class Recording(SqliteDatabase):
    """Notes the statements that are run."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.calls: list[Call] = []

    async def read(self, steps: Callable[..., Steps[Any]], /, *args: Any, **kwargs: Any) -> Any:
        """Read, and note."""

        def noted() -> Steps[Any]:
            inner = steps(*args, **kwargs)
            rows: Sequence[Row] | None = None
            try:
                while True:
                    call = next(inner) if rows is None else inner.send(rows)
                    self.calls.append(call)
                    rows = yield call
            except StopIteration as end:
                return end.value

        return await super().read(noted)

    def plan(self, statement: Statement) -> str:
        """Return how SQLite runs a statement."""
        made = compiled(statement, "sqlite")
        rows = self.connect().execute(f"EXPLAIN QUERY PLAN {made.text}", dict.fromkeys(made.names))
        return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize("what", ASKED)
async def test_what_has_an_id_is_found_by_it(
    sqlite_template: Path, tmp_path: Path, what: str
) -> None:
    """An owner has a million tasks, and SQLite no statistics: it would read them all."""
    database = Recording(Path(shutil.copy(sqlite_template, tmp_path / "copy.db")))
    try:
        await ASKED[what](QueryService(database))
        plans = [database.plan(call.statement) for call in database.calls]
    finally:
        await database.close()

    assert plans
    for plan in plans:
        assert "SEARCH task USING INTEGER PRIMARY KEY" in plan, plan
        assert "ix_task_" not in plan, plan
