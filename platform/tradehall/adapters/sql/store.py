"""
The store on SQLite or PostgreSQL (数据库存储): one writer at a time, group commit by the caller, nothing acknowledged before COMMIT.

SQLite runs WAL with ``synchronous=FULL``, asserted at start. On PostgreSQL the writer holds an advisory lock on the
log from before it reads ``clock_timestamp()`` until COMMIT, so that several processes take turns; several records in
one write cost one commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, func, insert, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from tradehall.adapters.log.tiles import grow
from tradehall.adapters.sql import tables as t
from tradehall.adapters.sql.migrate import upgrade
from tradehall.desk.ports import Batch, CaseQuery, Clock, Listing, Row, Stored
from tradehall.rules import merkle

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LOG_LOCK = 0x7472616465
"""Advisory lock of the log on PostgreSQL."""

_STATE_CHUNK = 400

_GET = select(t.state.c.value).where(t.state.c.key == bindparam("key"))
_FIND = select(t.journal).where(t.journal.c.tag == bindparam("tag"))
_AT = select(t.journal).where(t.journal.c.idx == bindparam("idx"))
_OF_CASE = (
    select(t.journal)
    .where(t.journal.c.case_id == bindparam("case"), t.journal.c.idx > bindparam("after"))
    .order_by(t.journal.c.idx)
    .limit(bindparam("limit"))
)
_CHANGES = (
    select(t.journal)
    .where(t.journal.c.case_id.is_not(None), t.journal.c.idx > bindparam("after"))
    .order_by(t.journal.c.idx)
    .limit(bindparam("limit"))
)
_COVERING = select(t.batch).where(t.batch.c.size > bindparam("idx")).order_by(t.batch.c.size).limit(1)
_LATEST = select(t.batch).order_by(t.batch.c.size.desc()).limit(1)
_TILE = select(t.tile.c.hashes).where(t.tile.c.level == bindparam("level"), t.tile.c.idx == bindparam("idx"))
_LEAVES = (
    select(t.journal.c.leaf)
    .where(t.journal.c.idx >= bindparam("start"), t.journal.c.idx < bindparam("stop"))
    .order_by(t.journal.c.idx)
)
_COSIGNATURES = select(t.cosignature.c.line).where(t.cosignature.c.size == bindparam("size")).order_by(t.cosignature.c.line)


def milliseconds(at: datetime) -> int:
    """Return an instant as whole milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def instant(value: int) -> datetime:
    """Return the instant of whole milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=value)


class DurabilityError(RuntimeError):
    """The database would lose acknowledged writes in a power cut (持久性不足); the node refuses to start."""


class SqlStore:
    """Records in a SQL database (数据库存储). Make one per process."""

    def __init__(self, url: str, clock: Clock) -> None:
        """
        Open the database and bring its tables up to date.

        Raises:
            DurabilityError: SQLite does not run WAL with ``synchronous=FULL``, or PostgreSQL not with ``fsync``.
        """
        self._clock = clock
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, "DEFERRED") if self._sqlite else create_engine(url, pool_size=8)
        self.writer = _sqlite_engine(url, "IMMEDIATE") if self._sqlite else self.engine
        upgrade(self.writer)
        self._assert_durable()
        dialect = sqlite if self._sqlite else postgresql
        self._put = _upsert(dialect, t.state, ["key"])
        self._put_tile = _upsert(dialect, t.tile, ["level", "idx"])
        self._put_listing = _upsert(dialect, t.listing, ["case_id"])
        self._keep = dialect.insert(t.cosignature).on_conflict_do_nothing()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self.writer.dispose()

    def now(self) -> datetime:
        """Return the node's instant."""
        with self.engine.begin() as connection:
            return self._stamp(connection)

    def _stamp(self, connection: Connection) -> datetime:
        if self._sqlite:
            read = connection.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') || '+00:00'").scalar_one()
            return self._clock.stamp(datetime.fromisoformat(str(read)))
        return self._clock.stamp(cast("datetime", connection.execute(select(func.clock_timestamp())).scalar_one()))

    @contextmanager
    def read(self) -> Iterator[SqlView]:
        """Open a view."""
        with self.engine.begin() as connection:
            yield SqlView(connection)

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        """Open the writer; durable when this ends normally."""
        with self.writer.begin() as connection:
            if not self._sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOG_LOCK})
            yield SqlWriter(connection, self._stamp(connection), self._put, self._put_tile, self._put_listing, self._keep)

    def _assert_durable(self) -> None:
        with self.writer.begin() as connection:
            if self._sqlite:
                mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
                level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
                if (mode, level) != ("wal", 2):
                    raise DurabilityError(f"SQLite runs {mode}/{level}, wal/2 (FULL) is needed")
                return
            for name in ("fsync", "full_page_writes"):
                if connection.execute(text(f"SHOW {name}")).scalar_one() != "on":
                    raise DurabilityError(f"PostgreSQL runs with {name} off")


def _sqlite_engine(url: str, mode: str) -> Engine:
    engine = create_engine(url, poolclass=QueuePool, pool_size=1 if mode == "IMMEDIATE" else 8, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _upsert(dialect: Any, table: Any, keys: list[str]) -> Any:
    statement = dialect.insert(table)
    changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _stored(row: Any) -> Stored:
    return Stored(row.idx, Row(row.tag, row.leaf, row.case_id, row.family, instant(row.at), row.body))


class SqlView:
    """A view inside one transaction (只读视图)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._nodes: dict[int, merkle.TileNodes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return a state row."""
        return self._connection.execute(_GET, {"key": key}).scalar_one_or_none()

    def find(self, tag: bytes) -> Stored | None:
        """Return the journal row with a tag."""
        return self._one(_FIND, {"tag": tag})

    def at_index(self, index: int) -> Stored | None:
        """Return the journal row at an index."""
        return self._one(_AT, {"idx": index})

    def _one(self, statement: Any, values: Mapping[str, object]) -> Stored | None:
        row = self._connection.execute(statement, values).one_or_none()
        return None if row is None else _stored(row)

    def of_case(self, case: str, after: int = -1, limit: int = 1000) -> Sequence[Stored]:
        """Return public rows of a case above ``after``."""
        return self._many(_OF_CASE, {"case": case, "after": after, "limit": limit})

    def changes(self, after: int, limit: int) -> Sequence[Stored]:
        """Return public rows above ``after``."""
        return self._many(_CHANGES, {"after": after, "limit": limit})

    def _many(self, statement: Any, values: Mapping[str, object]) -> Sequence[Stored]:
        return [_stored(row) for row in self._connection.execute(statement, values)]

    def covering(self, index: int) -> Batch | None:
        """Return the first batch that holds ``index``."""
        return self._batch(self._connection.execute(_COVERING, {"idx": index}).one_or_none())

    def latest(self) -> Batch | None:
        """Return the last batch."""
        return self._batch(self._connection.execute(_LATEST).one_or_none())

    def _batch(self, row: Any) -> Batch | None:
        return None if row is None else Batch(row.size, row.root, instant(row.at))

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return an inclusion proof."""
        return merkle.inclusion_proof(self._tree(size), index, size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Return a consistency proof."""
        return merkle.consistency_proof(self._tree(size), old, size)

    def _tree(self, size: int) -> merkle.TileNodes:
        return self._nodes.setdefault(size, merkle.TileNodes(self, size))

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return at least the first ``width`` hashes of a tile."""
        return self._connection.execute(_TILE, {"level": level, "idx": index}).scalar_one_or_none() or b""

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return logged leaves."""
        return list(self._connection.execute(_LEAVES, {"start": start, "stop": stop}).scalars())

    def search(self, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        found = select(t.listing).order_by(t.listing.c.published_at.desc(), t.listing.c.case_id.desc()).limit(query.limit)
        for word in query.text.casefold().split():
            found = found.where(t.listing.c.words.contains(word, autoescape=True))
        for name in ("stage", "regime", "sector"):
            if getattr(query, name):
                found = found.where(t.listing.c[name] == getattr(query, name))
        if query.region:
            found = found.where(t.listing.c.region.startswith(query.region, autoescape=True))
        if query.after is not None:
            found = found.where(tuple_(t.listing.c.published_at, t.listing.c.case_id) < query.after)
        return [_listing(row) for row in self._connection.execute(found)]

    def cosignatures(self, size: int) -> Sequence[str]:
        """Return witness lines of a checkpoint."""
        return list(self._connection.execute(_COSIGNATURES, {"size": size}).scalars())


_LISTED = ("procedure", "title", "code", "tenderer", "regime", "region", "sector", "stage", "states", "deadline", "published_at")


def _listing(row: Any) -> Listing:
    return Listing(case=row.case_id, **{name: getattr(row, name) for name in _LISTED})


class SqlWriter(SqlView):
    """The writer inside its transaction (写事务)."""

    def __init__(self, connection: Connection, now: datetime, put: Any, put_tile: Any, put_listing: Any, keep: Any) -> None:
        super().__init__(connection)
        self._now = now
        self._put = put
        self._put_tile = put_tile
        self._put_listing = put_listing
        self._keep = keep

    @property
    def now(self) -> datetime:
        """Instant of this write, read after the lock was taken."""
        return self._now

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Write state rows."""
        if items:
            self._connection.execute(self._put, [{"key": k, "value": v} for k, v in items.items()])

    def append(self, rows: Sequence[Row]) -> Batch:
        """Append rows to journal and tree."""
        latest = self.latest()
        start = latest.size if latest else 0
        hashes = [merkle.leaf_hash(row.leaf) for row in rows]
        self._connection.execute(
            insert(t.journal),
            [
                {"idx": start + i, "leaf": r.leaf, "tag": r.tag, "case_id": r.case, "family": r.family, "at": milliseconds(r.at), "body": r.body}
                for i, r in enumerate(rows)
            ],
        )
        tree = merkle.frontier(merkle.TileNodes(self, start), start).extend(hashes)
        grown = grow(self, start, hashes)
        self._connection.execute(self._put_tile, [{"level": x.id.level, "idx": x.id.index, "hashes": x.data} for x in grown])
        batch = Batch(tree.size, tree.root(), rows[-1].at)
        self._connection.execute(insert(t.batch), {"size": batch.size, "root": batch.root, "at": milliseconds(batch.at)})
        return batch

    def list_cases(self, listings: Sequence[Listing]) -> None:
        """Write lines of the public list."""
        if listings:
            self._connection.execute(self._put_listing, [_listing_row(x) for x in listings])

    def keep_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep witness lines."""
        if lines:
            self._connection.execute(self._keep, [{"size": size, "line": line} for line in lines])


def _listing_row(listing: Listing) -> dict[str, str]:
    row = {name: getattr(listing, name) for name in _LISTED}
    words = " ".join((listing.title, listing.code, listing.tenderer)).casefold()
    return {**row, "case_id": listing.case, "words": words}
