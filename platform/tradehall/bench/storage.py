"""
Storage measured 存储实测: our store against bare ``sqlite3`` that inserts the same rows, side by side.

Both write durably (WAL, ``synchronous=FULL``) and take turns round by round, so that a busy machine is unfair to both
alike. The bare one has the same columns and indexes but no guards, computes no tree and checks nothing: it is the
floor, and what counts is the ratio.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from tradehall.adapters.clock import SandboxClock
from tradehall.adapters.sql.store import SqlStore
from tradehall.desk.ports import Row

BODY: Final = 1850
"""Bytes of a bid's record with ten items."""
FACT: Final = 284
"""Bytes of a sealed fact."""

_AT: Final = datetime(2026, 3, 25, tzinfo=UTC)
_AT_MS: Final = 1774396800000

_BARE: Final = """
CREATE TABLE journal (idx INTEGER PRIMARY KEY, leaf BLOB, tag BLOB UNIQUE, case_id TEXT, family TEXT, at INTEGER,
  body BLOB);
CREATE INDEX journal_case ON journal (case_id, idx);
CREATE TABLE batch (size INTEGER PRIMARY KEY, root BLOB, at INTEGER);
CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""

Write = Callable[[Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """
    What one size of batch gave (入库实测).

    Attributes:
        batch: rows in one transaction, each with one fact.
        bare_rows_per_second: of bare ``sqlite3``, median of the rounds.
        rows_per_second: of our store, likewise.
        ratio: ours to bare, median of the rounds' ratios.
    """

    batch: int
    bare_rows_per_second: int
    rows_per_second: int
    ratio: Decimal


def storage(
    batches: Sequence[int] = (1, 16, 256), *, rows: int = 512, rounds: int = 21, folder: Path | None = None
) -> tuple[StorageFigures, ...]:
    """
    Append rows with their facts, in batches of each size, through ``sqlite3`` alone and through our store.

    Args:
        batches: sizes of batch.
        rows: rows of each round, but sixteen batches at least.
        rounds: how often both are measured.
        folder: where the databases lie meanwhile; a temporary folder by default.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        return tuple(_measure(size, max(16, rows // size), rounds, Path(place)) for size in batches)


def _measure(size: int, count: int, rounds: int, folder: Path) -> StorageFigures:
    made = batches(size)
    with (
        closing(open_bare(folder / f"bare-{size}.db")) as bare,
        closing(SqlStore(f"sqlite:///{folder / f'store-{size}.db'}", SandboxClock(_AT))) as store,
    ):
        ways: tuple[Write, Write] = (lambda batch: write_bare(bare, batch), lambda batch: write(store, batch))
        # The first round warms both up.
        taken = [_round(ways, [next(made) for _ in range(count)], turn) for turn in range(rounds + 1)][1:]
    per_second = [round(median(size * count * 10**9 // t[which] for t in taken)) for which in (0, 1)]
    ratio = median(Decimal(bare_ns) / our_ns for bare_ns, our_ns in taken)
    return StorageFigures(size, per_second[0], per_second[1], ratio.quantize(Decimal("0.01")))


def _round(ways: tuple[Write, Write], made: Sequence[Sequence[Row]], turn: int) -> tuple[int, int]:
    """Return the nanoseconds of both; they go first in turns."""
    if turn % 2:
        second = _time(ways[1], made)
        return _time(ways[0], made), second
    return _time(ways[0], made), _time(ways[1], made)


def batches(size: int) -> Iterator[list[Row]]:
    """Yield batches of rows that are the same in each run."""
    number = 0
    while True:
        batch: list[Row] = []
        for _ in range(size):
            number += 1
            tag = sha256(number.to_bytes(8, "big")).digest()
            batch.append(Row(tag, sha256(tag).digest(), "t-" + "a" * 26, "sealed_bid", _AT, tag * (BODY // 32)))
        yield batch


def _time(way: Write, made: Sequence[Sequence[Row]]) -> int:
    start = time.perf_counter_ns()
    for batch in made:
        way(batch)
    return time.perf_counter_ns() - start


def write(store: SqlStore, batch: Sequence[Row]) -> None:
    """Write a batch through our store."""
    with store.write() as writing:
        writing.append(batch)
        writing.put({row.leaf: row.body[:FACT] for row in batch})


def open_bare(path: Path) -> sqlite3.Connection:
    """Open a database with the same tables and the same durability, and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(_BARE)
    return connection


def write_bare(connection: sqlite3.Connection, batch: Sequence[Row]) -> None:
    """Write a batch through ``sqlite3`` alone."""
    connection.execute("BEGIN IMMEDIATE")
    (start,) = connection.execute("SELECT coalesce(max(size), 0) FROM batch").fetchone()
    connection.executemany(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(start + i, r.leaf, r.tag, r.case, r.family, _AT_MS, r.body) for i, r in enumerate(batch)],
    )
    connection.execute("INSERT INTO batch VALUES (?, ?, ?)", (start + len(batch), batch[0].leaf, _AT_MS))
    connection.executemany("INSERT INTO state VALUES (?, ?)", [(row.leaf, row.body[:FACT]) for row in batch])
    connection.execute("COMMIT")
