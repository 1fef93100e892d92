# ruff: noqa: INP001  - Alembic loads this by its path
"""Runs migrations on the connection that ``tradehall.adapters.sql.migrate`` hands over."""

from alembic import context

from tradehall.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
