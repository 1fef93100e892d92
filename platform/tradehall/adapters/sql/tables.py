"""
Tables (数据表). Facts are appended and never changed; ``state``, ``tile`` and ``listing`` are caches made from them.

Instants are whole milliseconds since 1970 in UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("tag", LargeBinary(32), nullable=False),
    Column("case_id", String(40)),
    Column("family", String(64)),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("tag", name="journal_tag"),
    Index("journal_case", "case_id", "idx"),
)

state = Table(
    "state",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

tile = Table(
    "tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("at", BigInteger, nullable=False),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("line", String(500), primary_key=True),
)

listing = Table(
    "listing",
    metadata,
    Column("case_id", String(40), primary_key=True),
    Column("procedure", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("tenderer", Text, nullable=False),
    Column("regime", String(64), nullable=False),
    Column("region", String(6), nullable=False),
    Column("sector", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("states", Text, nullable=False),
    Column("deadline", String(40), nullable=False),
    Column("published_at", String(40), nullable=False),
    Column("words", Text, nullable=False),
    Index("listing_newest", "published_at", "case_id"),
)

party = Table(
    "party",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", String(200), nullable=False),
    Column("facts", Text, nullable=False),
)

certificate = Table(
    "certificate",
    metadata,
    Column("kid", String(80), primary_key=True),
    Column("party", String(64), nullable=False, index=True),
    Column("der", LargeBinary, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

account = Table(
    "account",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("party", String(64), nullable=False),
    Column("password", Text, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("party", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("digest", String(80), nullable=False, unique=True),
    Column("party", String(64), nullable=False),
    Column("label", String(200), nullable=False),
    Column("expires", BigInteger, nullable=False),
)

failure = Table(
    "failure",
    metadata,
    Column("who", String(80), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
)
