"""
The store on SQLite or PostgreSQL (数据库存储): one writer at a time, nothing acknowledged before COMMIT.

SQLite runs WAL with ``synchronous=FULL``, asserted at start. On PostgreSQL the writer holds an advisory lock on the
log from before it reads ``clock_timestamp()`` until COMMIT, so that several processes take turns. Several records in
one write cost one commit.

The right edge of the tree is remembered between writes and checked against the last batch, which another process may
have written: a write of one record reads one row and writes no tile. The unfinished tile of leaves is not stored at
all; it is made from the journal when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy.engine import make_url

from tradehall.adapters.log.tiles import grow
from tradehall.adapters.sql.engines import Engines, Lane, Questions, assert_durable, open_engines, view
from tradehall.adapters.sql.fence import PULSE, Fence, FencedError
from tradehall.adapters.sql.lists import Lists, lists_of
from tradehall.adapters.sql.migrate import upgrade
from tradehall.adapters.sql.statements import Statements
from tradehall.adapters.turn import Turn
from tradehall.desk.ports import Batch, CaseQuery, Clock, DueWork, Listing, Row, Stored
from tradehall.rules import merkle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_NO_BATCH = Batch(0, merkle.EMPTY_ROOT, EPOCH)


def milliseconds(at: datetime) -> int:
    """Return an instant as whole milliseconds since 1970, cut and never rounded up."""
    return (at - EPOCH) // _MILLISECOND


def instant(value: int) -> datetime:
    """Return the instant of whole milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=value)


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of the log (日志右缘): all that an append needs of what was there before."""

    batch: Batch
    tree: merkle.Frontier
    tile: bytes
    """Hashes of the unfinished tile of leaves."""


class SqlStore:
    """Records in a SQL database (数据库存储). Make one per process."""

    def __init__(self, url: str, clock: Clock, fence: Fence | None = None) -> None:
        """
        Open the database and bring its tables up to date.

        Raises:
            DurabilityError: the database would lose acknowledged writes in a power cut.
            FencedError: it is a server that this node must not write.
        """
        self._clock = clock
        self._engines: Engines = open_engines(url, fence)
        self.engine, self.writer = self._engines.reading, self._engines.writing
        self.questions = Questions(self.engine)
        if self._engines.fence is not None:
            self._engines.fence.moved = self._leave
        try:
            assert_durable(self.writer)
            upgrade(self._engines)
        except BaseException:
            self._engines.dispose()
            raise
        self._sql = Statements().with_mark(self._engines.mark)
        self._lists = lists_of(self._engines.writing.dialect.name)
        self._turn = Turn(_turn_file(url))
        self._lane = Lane(self.writer, self._engines.begin_writing, self._engines.fence)
        self._edge: Edge | None = None

    def close(self) -> None:
        """Close all connections."""
        self._lane.close()
        self._turn.close()
        self.questions.close()
        self._engines.dispose()

    def _leave(self) -> None:
        """Close what reads from a server that is no longer the primary."""
        self.questions.close()
        self.engine.dispose()

    def now(self) -> datetime:
        """Return the node's instant."""
        return self._clock.stamp(_moment(self.questions.one(self._engines.time)))

    def time_ns(self) -> int:
        """Return the database's own clock in nanoseconds since 1970, for the ticker that watches it."""
        return (_moment(self.questions.one(self._engines.time)) - EPOCH) // timedelta(microseconds=1) * 1000

    def _stamp(self, cursor: Any) -> datetime:
        return self._clock.stamp(_moment(cursor.execute(self._engines.time).fetchone()))

    @contextmanager
    def read(self) -> Generator[SqlView]:
        """Open a view; writes that end after its first question do not show in it."""
        with view(self.engine, self._engines.begin_reading) as cursor:
            yield SqlView(cursor, self._sql, self._lists)

    @contextmanager
    def write(self) -> Generator[SqlWriter]:
        """
        Open the writer; durable when this ends normally.

        Raises:
            FencedError: the server must not be written, or does not vouch for what it has committed.
        """
        with self._turn:
            with self._lane.transaction() as cursor:
                writer = SqlWriter(cursor, self._sql, self._lists, self._enter(cursor), self._edge)
                yield writer
                edge = writer.finished()
            self._edge = edge

    def _enter(self, cursor: Any) -> datetime:
        fence = self._engines.fence
        return self._stamp(cursor) if fence is None else self._clock.stamp(fence.enter(cursor))

    def assure(self, size: int) -> None:
        """
        Return once a tree of this size outlives the loss of this server.

        What this process has committed does. What it only finds there may be a commit that never reached the standby:
        one commit behind it, that does, settles it.
        """
        fence, edge = self._engines.fence, self._edge
        if fence is None or not fence.require_standby or (edge is not None and size <= edge.batch.size):
            return
        with self.write() as writing:
            writing.pulse()


class SqlView:
    """A view inside one transaction (只读视图)."""

    def __init__(self, cursor: Any, sql: Statements, lists: Lists) -> None:
        self._cursor = cursor
        self._sql = sql
        self._lists = lists
        self._nodes: dict[int, merkle.TileNodes] = {}

    def _one(self, statement: str, *values: object) -> Any:
        return self._cursor.execute(statement, values).fetchone()

    def _all(self, statement: str, *values: object) -> Any:
        return self._cursor.execute(statement, values).fetchall()

    def get(self, key: bytes) -> bytes | None:
        """Return a state row."""
        row = self._one(self._sql.get, key)
        return None if row is None else cast("bytes", row[0])

    def find(self, tag: bytes) -> Stored | None:
        """Return the journal row with a tag."""
        row = self._one(self._sql.find, tag)
        return None if row is None else _stored(row)

    def at_index(self, index: int) -> Stored | None:
        """Return the journal row at an index."""
        row = self._one(self._sql.at_index, index)
        return None if row is None else _stored(row)

    def of_case(self, case: str, after: int = -1, limit: int = 1000) -> Sequence[Stored]:
        """Return public rows of a case above ``after``."""
        return [_stored(row) for row in self._all(self._sql.of_case, case, after, limit)]

    def holding(self, text: bytes, after: int = -1) -> Sequence[Stored]:
        """Return rows above ``after`` whose readable body holds a text."""
        return [_stored(row) for row in self._all(self._sql.holding, after, text)]

    def changes(self, after: int, limit: int) -> Sequence[Stored]:
        """Return public rows above ``after``."""
        return [_stored(row) for row in self._all(self._sql.changes, after, limit)]

    def covering(self, index: int) -> Batch | None:
        """Return the first batch that holds ``index``."""
        return _batch(self._one(self._sql.covering, index))

    def latest(self) -> Batch | None:
        """Return the last batch."""
        return _batch(self._one(self._sql.latest))

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return an inclusion proof."""
        return merkle.inclusion_proof(self._tree(size), index, size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Return a consistency proof."""
        return merkle.consistency_proof(self._tree(size), old, size)

    def _tree(self, size: int) -> merkle.TileNodes:
        return self._nodes.setdefault(size, merkle.TileNodes(self, size))

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return at least the first ``width`` hashes of a tile, or as many as there are."""
        kept = self._one(self._sql.tile, level, index)
        if kept is not None:
            return cast("bytes", kept[0])
        if level > 0:
            return b""
        start = index * merkle.TILE_WIDTH
        return b"".join(merkle.leaf_hash(leaf) for leaf in self.leaves(start, start + width))

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return logged leaves."""
        return [row[0] for row in self._all(self._sql.leaves, start, stop)]

    def search(self, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        return self._lists.search(self._cursor, query)

    def cosignatures(self, size: int) -> Sequence[str]:
        """Return witness lines of a checkpoint, sorted."""
        return [row[0] for row in self._all(self._sql.cosignatures, size)]

    def next_due(self) -> datetime | None:
        """Return the instant from which some work may be taken."""
        (ripe,) = self._one(self._sql.next_due)
        return None if ripe is None else instant(ripe)


class SqlWriter(SqlView):
    """The writer inside its transaction (写事务); it sees what it has written."""

    def __init__(self, cursor: Any, sql: Statements, lists: Lists, now: datetime, edge: Edge | None) -> None:
        super().__init__(cursor, sql, lists)
        self._now = now
        self._remembered = edge
        self._edge: Edge | None = None
        self._failed = False

    def finished(self) -> Edge | None:
        """Return the edge for the next write. Raises RuntimeError after a failed append, even one that was caught."""
        if self._failed:
            raise RuntimeError("an append failed in this write; nothing of it is kept")
        return self._edge or self._remembered

    @property
    def now(self) -> datetime:
        """Instant of this write, read after the lock was taken."""
        return self._now

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Write state rows."""
        if items:
            self._cursor.executemany(self._sql.put, list(items.items()))

    def append(self, rows: Sequence[Row]) -> Batch:
        """Append rows to journal and tree. ValueError (no rows, a tag is taken) is the end of this write."""
        self._failed = True
        if not rows:
            raise ValueError("there is nothing to append")
        edge = self._edge = self._edge or self._read_edge()
        self._insert(edge.batch.size, rows)
        self._edge = self._grow(edge, [merkle.leaf_hash(row.leaf) for row in rows], rows[-1].at)
        self._failed = False
        return self._edge.batch

    def _read_edge(self) -> Edge:
        """Return the remembered edge if the log still ends there, else read it."""
        latest, known = self._one(self._sql.latest), self._remembered
        if known is not None and (0 if latest is None else latest[0]) < known.batch.size:
            raise FencedError(f"the log went back behind {known.batch.size} leaves")
        if known is not None and latest is not None and known.batch.size == latest[0] and known.batch.root == latest[1]:
            return known
        end = _batch(latest) or _NO_BATCH
        whole, width = divmod(end.size, merkle.TILE_WIDTH)
        tree = merkle.frontier(merkle.TileNodes(self, end.size), end.size)
        return Edge(end, tree, super().tile(0, whole, width) if width else b"")

    def pulse(self) -> None:
        """Write nothing that anybody reads, so that the commit waits for the standby (同步确认)."""
        self._edge = self._edge or self._read_edge()
        self._cursor.execute(PULSE)

    def _insert(self, start: int, rows: Sequence[Row]) -> None:
        values = [
            (start + i, row.leaf, row.tag, row.case, row.family, milliseconds(row.at), row.body)
            for i, row in enumerate(rows)
        ]
        try:
            self._cursor.executemany(self._sql.append, values)
        except Exception as error:
            # Each driver has a class of its own for it, but PEP 249 gives them one name.
            if "IntegrityError" not in {kind.__name__ for kind in type(error).__mro__}:
                raise
            raise ValueError("a tag is in the journal already") from error

    def _grow(self, edge: Edge, hashes: Sequence[bytes], at: datetime) -> Edge:
        tree = edge.tree.extend(hashes)
        root, stamp = tree.root(), milliseconds(at)
        whole, tile = tree.size // merkle.TILE_WIDTH, b""
        kept: list[tuple[int, int, bytes]] = []
        for grown in grow(self, edge.batch.size, hashes):
            if grown.id.level == 0 and grown.id.index == whole:
                tile = grown.data
            else:
                kept.append((grown.id.level or 0, grown.id.index, grown.data))
        if kept:
            self._cursor.executemany(self._sql.put_tile, kept)
        self._cursor.execute(self._sql.append_batch, (tree.size, root, stamp))
        return Edge(Batch(tree.size, root, instant(stamp)), tree, tile)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return at least the first ``width`` hashes of a tile; the unfinished one of leaves from memory."""
        edge = self._edge
        if level == 0 and edge is not None and index == edge.batch.size // merkle.TILE_WIDTH:
            return edge.tile
        return super().tile(level, index, width)

    def list_cases(self, listings: Sequence[Listing]) -> None:
        """Write lines of the public list."""
        self._lists.put(self._cursor, listings)

    def keep_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep witness lines."""
        if lines:
            self._cursor.executemany(self._sql.keep, [(size, line) for line in lines])

    def put_due(self, works: Sequence[DueWork]) -> None:
        """Let work wait for its instant."""
        if works:
            rows = [(w.kind, w.case, milliseconds(w.at), milliseconds(w.at)) for w in works]
            self._cursor.executemany(self._sql.put_due, rows)

    def take_due(self, before: datetime, until: datetime, limit: int = 100) -> Sequence[DueWork]:
        """Take work; there is one writer at a time, so nobody else takes the same."""
        rows = self._all(self._sql.ripe_due, milliseconds(before), limit)
        taken = [DueWork(kind, case, instant(at)) for kind, case, at in rows]
        for work in taken:
            self.settle_due(work, until)
        return taken

    def settle_due(self, work: DueWork, again: datetime | None) -> None:
        """Say what became of taken work."""
        ripe = None if again is None else milliseconds(again)
        self._cursor.execute(self._sql.settle_due, (ripe, work.kind, work.case, milliseconds(work.at)))


def _moment(row: tuple[Any]) -> datetime:
    """Return the instant that the database told."""
    (read,) = row
    return read if isinstance(read, datetime) else datetime.fromisoformat(read)


def _turn_file(url: str) -> Path | None:
    """Return the file that writers of one SQLite database wait at; PostgreSQL's advisory lock wakes them itself."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(f"{parsed.database}-turn")


def _stored(row: Any) -> Stored:
    index, leaf, tag, case, family, at, body = row
    return Stored(index, Row(tag, leaf, case, family, instant(at), body))


def _batch(row: Any) -> Batch | None:
    return None if row is None else Batch(row[0], row[1], instant(row[2]))
