"""
A store in memory (内存存储), for stories and the simulator: it keeps the promises of the SQL stores but durability.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

from tradehall.desk.ports import Batch, CaseQuery, Clock, Listing, Row, Stored
from tradehall.rules import merkle


class _Data:
    """What the store holds (存储内容)."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.tags: dict[bytes, int] = {}
        self.state: dict[bytes, bytes] = {}
        self.nodes = merkle.MemoryNodes()
        self.batches: list[Batch] = []
        self.listings: dict[str, Listing] = {}
        self.cosignatures: dict[int, list[str]] = {}


class MemoryStore:
    """Rows, tree, state and lists in one process (内存存储)."""

    def __init__(self, clock: Clock, time: Callable[[], datetime]) -> None:
        self._clock = clock
        self._time = time
        self._lock = threading.RLock()
        self._data = _Data()

    def now(self) -> datetime:
        """Return the node's instant."""
        return self._clock.stamp(self._time())

    @contextmanager
    def read(self) -> Iterator[MemoryView]:
        """Open a view; the lock is held while it is open."""
        with self._lock:
            yield MemoryView(self._data)

    @contextmanager
    def write(self) -> Iterator[MemoryWriter]:
        """Open the writer; its writes are applied at the end, or never."""
        with self._lock:
            writer = MemoryWriter(self._data, self.now())
            yield writer
            writer.apply()


class MemoryView:
    """A view of the store (内存只读)."""

    def __init__(self, data: _Data) -> None:
        self._data = data

    def get(self, key: bytes) -> bytes | None:
        """Return a state row."""
        return self._data.state.get(key)

    def find(self, tag: bytes) -> Stored | None:
        """Return the journal row with a tag."""
        index = self._data.tags.get(tag)
        return None if index is None else Stored(index, self._data.rows[index])

    def at_index(self, index: int) -> Stored | None:
        """Return the journal row at an index."""
        return Stored(index, self._data.rows[index]) if 0 <= index < len(self._data.rows) else None

    def of_case(self, case: str, after: int = -1, limit: int = 1000) -> Sequence[Stored]:
        """Return public rows of a case above ``after``."""
        found = (s for s in self._above(after) if s.row.case == case)
        return list(islice(found, limit))

    def changes(self, after: int, limit: int) -> Sequence[Stored]:
        """Return public rows above ``after``."""
        return list(islice((s for s in self._above(after) if s.row.case is not None), limit))

    def _above(self, after: int) -> Iterator[Stored]:
        return (Stored(i, self._data.rows[i]) for i in range(after + 1, len(self._data.rows)))

    def covering(self, index: int) -> Batch | None:
        """Return the first batch that holds ``index``."""
        return next((b for b in self._data.batches if b.size > index), None)

    def latest(self) -> Batch | None:
        """Return the last batch."""
        return self._data.batches[-1] if self._data.batches else None

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return an inclusion proof."""
        return merkle.inclusion_proof(self._data.nodes, index, size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Return a consistency proof."""
        return merkle.consistency_proof(self._data.nodes, old, size)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return hashes of a tile."""
        start = index * merkle.TILE_WIDTH
        height = level * merkle.TILE_HEIGHT
        return b"".join(self._data.nodes.node(height, i) for i in range(start, start + width))

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return logged leaves."""
        return [r.leaf for r in self._data.rows[start:stop]]

    def search(self, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        found = sorted(self._data.listings.values(), key=lambda x: (x.published_at, x.case), reverse=True)
        return list(islice((x for x in found if _fits(x, query)), query.limit))

    def cosignatures(self, size: int) -> Sequence[str]:
        """Return witness lines of a checkpoint."""
        return tuple(self._data.cosignatures.get(size, ()))


class MemoryWriter(MemoryView):
    """The writer (内存写事务)."""

    def __init__(self, data: _Data, now: datetime) -> None:
        super().__init__(data)
        self._now = now
        self._todo: list[Callable[[], None]] = []

    @property
    def now(self) -> datetime:
        """Instant of this write."""
        return self._now

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Write state rows."""
        kept = dict(items)
        self._todo.append(lambda: self._data.state.update(kept))

    def append(self, rows: Sequence[Row]) -> Batch:
        """Append rows; the tree grows when the writer ends."""
        known = self._data.tags.keys()
        if any(row.tag in known for row in rows) or len({row.tag for row in rows}) != len(rows):
            raise ValueError("a tag is in the journal already")
        size = len(self._data.rows)
        tree = merkle.frontier(self._data.nodes, size).extend(merkle.leaf_hash(row.leaf) for row in rows)
        batch = Batch(tree.size, tree.root(), rows[-1].at)
        self._todo.append(lambda: self._grow(list(rows), batch))
        return batch

    def _grow(self, rows: Sequence[Row], batch: Batch) -> None:
        for row in rows:
            self._data.tags[row.tag] = len(self._data.rows)
            self._data.rows.append(row)
            self._data.nodes.append(merkle.leaf_hash(row.leaf))
        self._data.batches.append(batch)

    def list_cases(self, listings: Sequence[Listing]) -> None:
        """Write lines of the public list."""
        kept = {listing.case: listing for listing in listings}
        self._todo.append(lambda: self._data.listings.update(kept))

    def keep_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep witness lines."""
        kept = list(lines)
        self._todo.append(lambda: self._data.cosignatures.setdefault(size, []).extend(kept))

    def apply(self) -> None:
        """Apply everything that was written."""
        for act in self._todo:
            act()


def _fits(listing: Listing, query: CaseQuery) -> bool:
    if query.after is not None and (listing.published_at, listing.case) >= query.after:
        return False
    text = " ".join((listing.title, listing.code, listing.tenderer)).casefold()
    return (
        all(word in text for word in query.text.casefold().split())
        and query.stage in ("", listing.stage)
        and query.regime in ("", listing.regime)
        and listing.region.startswith(query.region)
        and query.sector in ("", listing.sector)
    )
