"""
Tables (数据表). Facts are appended and never changed; ``state``, ``tile``, ``listing`` and ``due`` are made from them.

Instants are whole milliseconds since 1970 in UTC. Keys are compared by code point everywhere, so that lists have one
order on both databases.

Beside these, SQLite has the full-text index ``listing_gram`` and PostgreSQL, where it may, the trigram index
``listing_words``; ``lists.py`` tells what for. ``listing.place`` is of use on SQLite only.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

APPEND_ONLY = ("journal", "batch", "cosignature")
"""Tables in which the database itself refuses to change or delete a row."""

Whole = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both; as a primary key SQLite then needs no second index."""


def key_text(length: int) -> String:
    """Return the type of a text that is looked up or sorted by."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


journal = Table(
    "journal",
    metadata,
    Column("idx", Whole, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("tag", LargeBinary(32), nullable=False),
    Column("case_id", key_text(40)),
    Column("family", key_text(64)),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("tag", name="journal_tag"),
    Index("journal_case", "case_id", "idx"),
)

# Without a row number SQLite keeps these in the order of their keys: nobody can read from a copy which came first.
state = Table(
    "state",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

tile = Table(
    "tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", Whole, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("size", Whole, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("at", BigInteger, nullable=False),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", Whole, primary_key=True, autoincrement=False),
    Column("line", key_text(500), primary_key=True),
)

listing = Table(
    "listing",
    metadata,
    Column("case_id", key_text(40), primary_key=True),
    Column("procedure", key_text(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("code", key_text(64), nullable=False),
    Column("tenderer", Text, nullable=False),
    Column("regime", key_text(64), nullable=False),
    Column("region", key_text(6), nullable=False),
    Column("sector", key_text(16), nullable=False),
    Column("stage", key_text(16), nullable=False),
    Column("states", Text, nullable=False),
    Column("deadline", key_text(40), nullable=False),
    Column("published_at", key_text(40), nullable=False),
    Column("words", Text, nullable=False),
    Column("place", BigInteger),
    Index("listing_place", "place", unique=True),
    Index("listing_newest", "published_at", "case_id"),
    Index("listing_stage", "stage", "published_at", "case_id"),
)

due = Table(
    "due",
    metadata,
    Column("kind", key_text(32), primary_key=True),
    Column("case_id", key_text(40), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("ripe_at", BigInteger),
    Index("due_ripe", "ripe_at"),
)

party = Table(
    "party",
    metadata,
    Column("id", key_text(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", key_text(200), nullable=False),
    Column("facts", Text, nullable=False),
)

certificate = Table(
    "certificate",
    metadata,
    Column("kid", key_text(80), primary_key=True),
    Column("party", key_text(64), nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index("certificate_party", "party"),
)

account = Table(
    "account",
    metadata,
    Column("name", key_text(80), primary_key=True),
    Column("party", key_text(64), nullable=False),
    Column("password", Text, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("digest", key_text(80), primary_key=True),
    Column("party", key_text(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", key_text(40), primary_key=True),
    Column("digest", key_text(80), nullable=False),
    Column("party", key_text(64), nullable=False),
    Column("label", String(200), nullable=False),
    Column("expires", BigInteger, nullable=False),
    UniqueConstraint("digest", name="token_digest"),
)

failure = Table(
    "failure",
    metadata,
    Column("who", key_text(80), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("tag", LargeBinary(32), nullable=False),
    Column("city", key_text(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("done", Integer, nullable=False),
    UniqueConstraint("tag", name="outbox_tag"),
    Index("outbox_waiting", "city", "done", "number"),
)

followed = Table(
    "followed",
    metadata,
    Column("city", key_text(64), primary_key=True),
    Column("case_tag", LargeBinary(32), primary_key=True),
    Column("idx", Whole, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
