"""Migrations lead to exactly the tables that the models declare, and only forward."""

import subprocess
import sys

import pytest
import sqlalchemy as sa

from tasks.database import Database, Statement, Steps, open_database
from tasks.errors import DatabaseTooNew
from tasks.migrations import (
    applying,
    differences,
    migrate,
    refuse_too_new,
    revisions,
    standing,
)

MARKS = sa.table("schema_contract", sa.column("revision"))
MARK = Statement(sa.insert(MARKS).values(revision=sa.bindparam("revision", type_=sa.Text)))


def mark(revision: str) -> Steps[None]:
    """Leave the mark of a contract migration."""
    yield MARK(revision=revision)


async def test_the_migrations_lead_to_what_the_models_declare(database_url: str) -> None:
    """Nothing is missing in the database, and nothing is there that the models do not know."""
    assert await differences(database_url) == []


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    """The second time finds nothing to do."""
    before = await migrate(database_url)

    assert before.pending == ()
    assert before.current == before.head


async def test_a_contract_migration_of_a_newer_version_is_refused(
    database: Database, database_url: str
) -> None:
    """Code that does not know a contract migration neither works on the database nor migrates."""
    await database.write(mark, "9999")

    assert (await standing(database_url)).too_new == ("9999",)
    for call in (refuse_too_new, migrate):
        with pytest.raises(DatabaseTooNew, match="9999"):
            await call(database_url)


async def test_a_statement_on_a_database_that_is_not_migrated_says_so(tmp_path: object) -> None:
    """The error names what is missing, not a line of SQL."""
    opened = await open_database(f"sqlite:///{tmp_path}/empty.db")
    try:
        with pytest.raises(Exception, match="not migrated"):
            await opened.write(mark, "1")
    finally:
        await opened.close()


def test_the_migrations_are_one_line_in_the_order_of_their_numbers() -> None:
    """Their files' names say what Alembic reads in them."""
    assert list(revisions()) == applying.line()


def test_a_server_does_without_alembic() -> None:
    """It asks how its database stands; what applies migrations takes 12 MB."""
    program = "import sys, sluice.app, sluice.serving; print('alembic' in sys.modules)"

    found = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout == "False\n"
