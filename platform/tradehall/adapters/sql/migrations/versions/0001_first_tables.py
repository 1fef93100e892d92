"""First tables: journal, log, state, lists, directory, accounts."""

from alembic import op

from tradehall.adapters.sql.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; a later migration says only what it changes."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop the tables."""
    metadata.drop_all(op.get_bind())
