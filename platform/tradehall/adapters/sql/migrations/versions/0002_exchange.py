# ruff: noqa: INP001  - Alembic loads this by its path
"""
Exchange between cities: the outbox of records in custody, and the copies of other cities' logs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outbox",
        sa.Column("number", WHOLE, primary_key=True, autoincrement=True),
        sa.Column("tag", sa.LargeBinary(32), nullable=False),
        sa.Column("city", _key(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.UniqueConstraint("tag", name="outbox_tag"),
    )
    op.create_index("outbox_waiting", "outbox", ["city", "done", "number"])
    op.create_table(
        "followed",
        sa.Column("city", _key(64), primary_key=True),
        sa.Column("case_tag", sa.LargeBinary(32), primary_key=True),
        sa.Column("idx", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("followed")
    op.drop_table("outbox")


def _key(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
