# ruff: noqa: INP001  - Alembic loads this by its path
"""
First tables: journal, log, state, lists, directory, accounts; facts can only be appended.

What is written here stays as it was; ``tables.py`` moves on with later migrations.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
APPEND_ONLY = ("journal", "batch", "cosignature")
TABLES = (*APPEND_ONLY, "state", "tile", "listing", "party", "certificate", "account", "session", "token", "failure")


def upgrade() -> None:
    """Make the tables and their guards."""
    _make_log()
    _make_caches()
    _make_directory()
    _make_accounts()
    _guard()


def downgrade() -> None:
    """Drop everything; the guards go with their tables."""
    for name in TABLES:
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")


def _key(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _make_log() -> None:
    op.create_table(
        "journal",
        sa.Column("idx", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary(32), nullable=False),
        sa.Column("tag", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", _key(40)),
        sa.Column("family", _key(64)),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tag", name="journal_tag"),
    )
    op.create_index("journal_case", "journal", ["case_id", "idx"])
    op.create_table(
        "batch",
        sa.Column("size", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cosignature",
        sa.Column("size", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("line", _key(500), primary_key=True),
    )


def _make_caches() -> None:
    op.create_table(
        "state",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tile",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("idx", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "listing",
        sa.Column("case_id", _key(40), primary_key=True),
        sa.Column("procedure", _key(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("code", _key(64), nullable=False),
        sa.Column("tenderer", sa.Text, nullable=False),
        sa.Column("regime", _key(64), nullable=False),
        sa.Column("region", _key(6), nullable=False),
        sa.Column("sector", _key(16), nullable=False),
        sa.Column("stage", _key(16), nullable=False),
        sa.Column("states", sa.Text, nullable=False),
        sa.Column("deadline", _key(40), nullable=False),
        sa.Column("published_at", _key(40), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("listing_newest", "listing", ["published_at", "case_id"])
    op.create_index("listing_stage", "listing", ["stage", "published_at", "case_id"])


def _make_directory() -> None:
    op.create_table(
        "party",
        sa.Column("id", _key(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", _key(200), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "certificate",
        sa.Column("kid", _key(80), primary_key=True),
        sa.Column("party", _key(64), nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("not_after", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("certificate_party", "certificate", ["party"])


def _make_accounts() -> None:
    op.create_table(
        "account",
        sa.Column("name", _key(80), primary_key=True),
        sa.Column("party", _key(64), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("digest", _key(80), primary_key=True),
        sa.Column("party", _key(64), nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("id", _key(40), primary_key=True),
        sa.Column("digest", _key(80), nullable=False),
        sa.Column("party", _key(64), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("digest", name="token_digest"),
    )
    op.create_table(
        "failure",
        sa.Column("who", _key(80), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )


def _guard() -> None:
    """Let the database itself refuse to change or delete facts, whoever asks; the journal also refuses gaps."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    statements = _sqlite_guards() if sqlite else _postgres_guards()
    for statement in statements:
        op.execute(sa.text(statement.replace(":", "\\:")))


def _sqlite_guards() -> list[str]:
    guards = [
        f"CREATE TRIGGER {table}_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for act in ("UPDATE", "DELETE")
    ]
    # An INSERT OR REPLACE deletes the old row without asking the guard above unless recursive_triggers is on.
    guards.append(
        "CREATE TRIGGER journal_insert BEFORE INSERT ON journal"
        " WHEN NEW.idx IS NOT (SELECT coalesce(max(idx), -1) + 1 FROM journal)"
        " OR EXISTS (SELECT 1 FROM journal WHERE tag = NEW.tag)"
        " BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END"
    )
    return guards


def _postgres_guards() -> list[str]:
    function = (
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    return [
        function,
        *(
            f"CREATE TRIGGER {table}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in APPEND_ONLY
        ),
    ]
