"""The measurement itself: it writes what it says, on both sides."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from adapters.making import Steady
from tradehall.adapters.sql.store import SqlStore
from tradehall.bench import storage as bench


def test_both_sides_are_measured_for_each_size_of_batch(tmp_path: Path) -> None:
    figures = bench.storage((1, 4), rows=4, rounds=2, folder=tmp_path)
    assert [f.batch for f in figures] == [1, 4]
    for found in figures:
        assert found.rows_per_second > 0
        assert found.bare_rows_per_second > 0
        assert Decimal("0.01") <= found.ratio < 10
    assert list(tmp_path.iterdir()) == []


def test_both_sides_store_the_same_rows(tmp_path: Path) -> None:
    batch = next(bench.batches(5))
    with (
        closing(bench.open_bare(tmp_path / "bare.db")) as bare,
        closing(SqlStore(f"sqlite:///{tmp_path / 'node.db'}", Steady())) as store,
    ):
        bench.write_bare(bare, batch)
        bench.write(store, batch)
        stored = "SELECT idx, leaf, tag, case_id, family, at, body FROM journal ORDER BY idx"
        facts = "SELECT key, value FROM state ORDER BY key"
        with closing(sqlite3.connect(tmp_path / "node.db")) as ours:
            for question in (stored, facts):
                assert bare.execute(question).fetchall() == ours.execute(question).fetchall() != []
