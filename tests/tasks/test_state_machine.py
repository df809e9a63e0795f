"""The task service keeps its promises, whatever clients, workers and time do."""

import secrets
import shutil
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import missing
from tests.postgres import create_database, drop_database, named
from tests.tasks.machine import Machine


def bounded(*, examples: int) -> settings:
    """Return how long a run may take."""
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def test_the_service_keeps_its_promises_on_sqlite(tmp_path: Path, sqlite_template: Path) -> None:
    """No forbidden transition, lost event, gap, or write by a worker that lost its lease."""

    class OnSqlite(Machine):
        def fresh(self) -> str:
            path = tmp_path / f"{secrets.token_hex(6)}.db"
            shutil.copy(sqlite_template, path)
            return f"sqlite:///{path}"

    run_state_machine_as_test(OnSqlite, settings=bounded(examples=100))


def test_the_service_keeps_its_promises_on_postgresql(postgres_template: str | None) -> None:
    """The same on PostgreSQL."""
    template = postgres_template or missing("PostgreSQL")
    made: list[str] = []

    class OnPostgres(Machine):
        def fresh(self) -> str:
            made.append(f"{template}_{secrets.token_hex(6)}")
            self.do(create_database(made[-1], template=template))
            return named(made[-1])

        def teardown(self) -> None:
            name = made[-1]
            self.do(self.database.close())
            self.do(drop_database(name))
            self.runner.close()

    run_state_machine_as_test(OnPostgres, settings=bounded(examples=8))
