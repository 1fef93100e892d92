# ruff: noqa: INP001  - Alembic loads this by its path
"""
Search: an index that finds any part of a word, and the order of the list as a number.

The list is a cache of the records, so its texts are made anew by the program's own rules of today.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import ProgrammingError

from tradehall.adapters.sql.lists import refill

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the place and the index, and fill both."""
    bind = op.get_bind()
    op.add_column("listing", sa.Column("place", sa.BigInteger))
    op.create_index("listing_place", "listing", ["place"], unique=True)
    if bind.dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE listing_gram USING fts5 (entries, content='', detail=none, tokenize='ascii')")
    cursor = bind.connection.cursor()
    refill(cursor, bind.dialect.name)
    cursor.close()
    if bind.dialect.name == "postgresql":
        _index_trigrams(bind)


def _index_trigrams(bind: sa.Connection) -> None:
    """Index trigrams where PostgreSQL has the extension and lets this user have it; else rare words are slow."""
    there = bind.execute(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")).scalar()
    if not there:
        return
    try:
        with bind.begin_nested():
            bind.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except ProgrammingError:  # not permitted
        return
    bind.execute(sa.text("CREATE INDEX listing_words ON listing USING gin (words gin_trgm_ops)"))


def downgrade() -> None:
    """Take both away."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE listing_gram")
    else:
        op.execute("DROP INDEX IF EXISTS listing_words")
    op.drop_index("listing_place", "listing")
    op.drop_column("listing", "place")
