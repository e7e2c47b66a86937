"""Run by Alembic with the connection that `core.adapters.store.schema` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from core.adapters.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, though Alembic does not take it for granted
    render_as_batch=True,
)
context.run_migrations()
