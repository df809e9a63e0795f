"""Alembic's entry: it hands us a context, we give it the connection that we were called with."""

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    compare_type=True,
    user_module_prefix="column.",
    # SQLite cannot alter a table in place; alembic then copies it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
