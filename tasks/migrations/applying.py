"""What Alembic does for us: applying, comparing and writing migrations."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory


def upgrade(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Apply every migration that a database lacks."""
    command.upgrade(_config(connection, metadata), "head")


def compare(connection: sa.Connection, metadata: sa.MetaData) -> list[Any]:
    """Return where a database and its tables' declaration disagree."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found: list[Any] = compare_metadata(context, metadata)
    if connection.dialect.name != "sqlite":
        return found
    missing, unknown = (
        {each[1].name for each in found if each[0] == kind}
        for kind in ("add_index", "remove_index")
    )
    both = missing & unknown
    return [each for each in found if getattr(each[1], "name", None) not in both]


def write(connection: sa.Connection, metadata: sa.MetaData, name: str) -> str:
    """Write a migration to what is declared; returns its path."""
    made = command.revision(_config(connection, metadata), message=name, autogenerate=True)
    return str(getattr(made, "path", ""))


def line() -> list[str]:
    """Return the migrations' revisions as their files refer to one another, the first first."""
    script = ScriptDirectory.from_config(_config(None, sa.MetaData()))
    return [each.revision for each in script.walk_revisions()][::-1]


def _config(connection: sa.Connection | None, metadata: sa.MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
