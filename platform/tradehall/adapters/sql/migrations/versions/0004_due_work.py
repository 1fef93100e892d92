# ruff: noqa: INP001  - Alembic loads this by its path
"""
Due work: what waits for its instant, and from when on somebody may take it; empty once it is done.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "due",
        sa.Column("kind", _key(32), primary_key=True),
        sa.Column("case_id", _key(40), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ripe_at", sa.BigInteger),
    )
    op.create_index("due_ripe", "due", ["ripe_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("due")


def _key(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
