"""
A store in memory (内存存储), for stories and the simulator: it keeps the promises of the SQL stores but durability.

What is stored is never changed: a writer works on a copy, which takes the place of the old at its end. A view is
therefore simply what was stored when it was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from tradehall.adapters.log.tiles import grow
from tradehall.adapters.turn import Turn
from tradehall.desk.listing import folded, searched
from tradehall.desk.ports import Batch, CaseQuery, Clock, Copy, DueWork, Listing, Message, Row, Stored
from tradehall.rules import merkle


@dataclass(slots=True)
class _Data:
    """What the store holds (存储内容)."""

    rows: list[Row] = field(default_factory=list[Row])
    tags: dict[bytes, int] = field(default_factory=dict[bytes, int])
    state: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    batches: list[Batch] = field(default_factory=list[Batch])
    listings: dict[str, Listing] = field(default_factory=dict[str, Listing])
    cosignatures: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    due: dict[tuple[str, str], tuple[datetime, datetime | None]] = field(
        default_factory=dict[tuple[str, str], "tuple[datetime, datetime | None]"]
    )

    def copy(self) -> _Data:
        return _Data(
            self.rows.copy(),
            self.tags.copy(),
            self.state.copy(),
            self.tiles.copy(),
            self.batches.copy(),
            self.listings.copy(),
            self.cosignatures.copy(),
            self.due.copy(),
        )


class MemoryStore:
    """Rows, tree, state and lists in one process (内存存储). ``time`` is the store's clock."""

    def __init__(self, clock: Clock, time: Callable[[], datetime]) -> None:
        self._clock = clock
        self._time = time
        self._turn = Turn()
        self._data = _Data()

    def now(self) -> datetime:
        """Return the node's instant."""
        return self._clock.stamp(self._time())

    @contextmanager
    def read(self) -> Generator[MemoryView]:
        """Open a view; later writes do not show in it."""
        yield MemoryView(self._data)

    @contextmanager
    def write(self) -> Generator[MemoryWriter]:
        """Open the writer; its writes are seen from its end on, or never."""
        with self._turn:
            writer = MemoryWriter(self._data.copy(), self.now())
            yield writer
            self._data = writer.finished()

    def assure(self, size: int) -> None:
        """Return at once: there is nothing safer than this process."""


class MemoryView:
    """A view of the store (内存只读)."""

    def __init__(self, data: _Data) -> None:
        self._data = data
        self._nodes: dict[int, merkle.TileNodes] = {}

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
        return list(islice((s for s in self._above(after) if s.row.case == case), limit))

    def holding(self, text: bytes, after: int = -1) -> Sequence[Stored]:
        """Return rows above ``after`` whose readable body holds a text."""
        return [s for s in self._above(after) if text in s.row.body]

    def changes(self, after: int, limit: int) -> Sequence[Stored]:
        """Return public rows above ``after``."""
        return list(islice((s for s in self._above(after) if s.row.case is not None), limit))

    def _above(self, after: int) -> Iterator[Stored]:
        return (Stored(i, self._data.rows[i]) for i in range(max(after, -1) + 1, len(self._data.rows)))

    def covering(self, index: int) -> Batch | None:
        """Return the first batch that holds ``index``."""
        return next((b for b in self._data.batches if b.size > index), None)

    def latest(self) -> Batch | None:
        """Return the last batch."""
        return self._data.batches[-1] if self._data.batches else None

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return an inclusion proof."""
        return merkle.inclusion_proof(self._tree(size), index, size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Return a consistency proof."""
        return merkle.consistency_proof(self._tree(size), old, size)

    def _tree(self, size: int) -> merkle.TileNodes:
        return self._nodes.setdefault(size, merkle.TileNodes(self, size))

    def tile(self, level: int, index: int, width: int) -> bytes:  # noqa: ARG002  - the port's
        """Return at least the first ``width`` hashes of a tile, or as many as there are."""
        return self._data.tiles.get((level, index), b"")

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return logged leaves."""
        return [r.leaf for r in self._data.rows[start:stop]]

    def search(self, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        found = sorted(self._data.listings.values(), key=lambda x: (x.published_at, x.case), reverse=True)
        return list(islice((x for x in found if _fits(x, query)), query.limit))

    def cosignatures(self, size: int) -> Sequence[str]:
        """Return witness lines of a checkpoint, sorted."""
        return sorted(self._data.cosignatures.get(size, ()))

    def next_due(self) -> datetime | None:
        """Return the instant from which some work may be taken."""
        return min((ripe for _, ripe in self._data.due.values() if ripe is not None), default=None)


class MemoryWriter(MemoryView):
    """The writer (内存写事务); it sees what it has written."""

    def __init__(self, data: _Data, now: datetime) -> None:
        super().__init__(data)
        self._now = now
        self._failed = False

    def finished(self) -> _Data:
        """Return what is stored from now on. Raises RuntimeError after a failed append, even one that was caught."""
        if self._failed:
            raise RuntimeError("an append failed in this write; nothing of it is kept")
        return self._data

    @property
    def now(self) -> datetime:
        """Instant of this write."""
        return self._now

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Write state rows."""
        self._data.state.update(items)

    def append(self, rows: Sequence[Row]) -> Batch:
        """Append rows to journal and tree. ValueError (no rows, a tag is taken) is the end of this write."""
        self._failed = True
        batch = self._append(rows)
        self._failed = False
        return batch

    def _append(self, rows: Sequence[Row]) -> Batch:
        if not rows:
            raise ValueError("there is nothing to append")
        start = len(self._data.rows)
        tree = merkle.frontier(merkle.TileNodes(self, start), start)
        hashes = [merkle.leaf_hash(row.leaf) for row in rows]
        for tile in grow(self, start, hashes):
            self._data.tiles[tile.id.level or 0, tile.id.index] = tile.data
        self._data.rows.extend(rows)
        self._data.tags.update((row.tag, start + i) for i, row in enumerate(rows))
        if len(self._data.tags) != len(self._data.rows):
            raise ValueError("a tag is in the journal already")
        tree = tree.extend(hashes)
        batch = Batch(tree.size, tree.root(), rows[-1].at)
        self._data.batches.append(batch)
        return batch

    def list_cases(self, listings: Sequence[Listing]) -> None:
        """Write lines of the public list."""
        self._data.listings.update((listing.case, listing) for listing in listings)

    def keep_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep witness lines."""
        self._data.cosignatures[size] = self._data.cosignatures.get(size, frozenset()) | frozenset(lines)

    def put_due(self, works: Sequence[DueWork]) -> None:
        """Let work wait for its instant."""
        self._data.due.update({(work.kind, work.case): (work.at, work.at) for work in works})

    def take_due(self, before: datetime, until: datetime, limit: int = 100) -> Sequence[DueWork]:
        """Take work."""
        ripe = sorted((r, *key, at) for key, (at, r) in self._data.due.items() if r is not None and r < before)
        taken = [DueWork(kind, case, at) for _, kind, case, at in ripe[:limit]]
        self._data.due.update({(work.kind, work.case): (work.at, until) for work in taken})
        return taken

    def settle_due(self, work: DueWork, again: datetime | None) -> None:
        """Say what became of taken work."""
        key = (work.kind, work.case)
        if key in self._data.due and self._data.due[key][0] == work.at:
            self._data.due[key] = (work.at, again)


class MemoryExchange:
    """Outbox and copies in one process (内存往来存储); each change takes the place of what was before in one step."""

    def __init__(self) -> None:
        self._outbox: dict[bytes, Message] = {}
        self._copies: dict[tuple[str, bytes], tuple[Copy, ...]] = {}

    def put(self, message: Message) -> bool:
        """Keep a message behind all others unless its tag is known."""
        return self._outbox.setdefault(message.tag, message) is message

    def find(self, tag: bytes) -> Message | None:
        """Return a message."""
        return self._outbox.get(tag)

    def waiting(self, city: str, limit: int) -> Sequence[Message]:
        """Return the messages that are not done, in order."""
        return list(islice((m for m in list(self._outbox.values()) if m.city == city and not m.done), limit))

    def settle(self, message: Message) -> None:
        """Write how a message stands."""
        if message.tag in self._outbox:
            known = self._outbox[message.tag]
            self._outbox[message.tag] = replace(
                known, due=message.due, tries=message.tries, answer=message.answer, done=message.done
            )

    def cursor(self, city: str, case: bytes) -> int:
        """Return the index of the last copy, -1 before the first."""
        kept = self._copies.get((city, case))
        return kept[-1].index if kept else -1

    def follow(self, city: str, case: bytes, after: int, copies: Sequence[Copy]) -> bool:
        """Keep copies behind the last one."""
        if self.cursor(city, case) != after:
            return False
        self._copies[city, case] = (*self._copies.get((city, case), ()), *copies)
        return True

    def copies(self, city: str, case: bytes) -> Sequence[Copy]:
        """Return the copies in the order of the log there."""
        return self._copies.get((city, case), ())


def _fits(listing: Listing, query: CaseQuery) -> bool:
    if query.after is not None and (listing.published_at, listing.case) >= query.after:
        return False
    text = searched(listing)
    return (
        all(word in text for word in folded(query.text).split())
        and query.stage in ("", listing.stage)
        and query.regime in ("", listing.regime)
        and listing.region.startswith(query.region)
        and query.sector in ("", listing.sector)
    )
