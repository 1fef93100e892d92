"""
Statements of the store (语句): SQL that SQLite and PostgreSQL both speak, written once and sent as it stands.

Building and compiling a statement for each call would cost more than running it. Values come as tuples, in the order
of the question marks. ``tests/adapters/test_migrations.py`` holds them to the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

_ROW = "SELECT idx, leaf, tag, case_id, family, at, body FROM journal"
_BATCH = "SELECT size, root, at FROM batch"
LISTING = (
    "case_id",
    "procedure",
    "title",
    "code",
    "tenderer",
    "regime",
    "region",
    "sector",
    "stage",
    "states",
    "deadline",
    "published_at",
)
"""Columns of ``listing`` in the order of a ``Listing``'s members; ``words`` comes behind them."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Every statement that is the same each time (固定语句)."""

    get: str = "SELECT value FROM state WHERE key = ?"
    find: str = f"{_ROW} WHERE tag = ?"
    at_index: str = f"{_ROW} WHERE idx = ?"
    of_case: str = f"{_ROW} WHERE case_id = ? AND idx > ? ORDER BY idx LIMIT ?"
    changes: str = f"{_ROW} WHERE case_id IS NOT NULL AND idx > ? ORDER BY idx LIMIT ?"
    covering: str = f"{_BATCH} WHERE size > ? ORDER BY size LIMIT 1"
    latest: str = f"{_BATCH} ORDER BY size DESC LIMIT 1"
    tile: str = "SELECT hashes FROM tile WHERE level = ? AND idx = ?"
    leaves: str = "SELECT leaf FROM journal WHERE idx >= ? AND idx < ? ORDER BY idx"
    cosignatures: str = "SELECT line FROM cosignature WHERE size = ? ORDER BY line"

    append: str = "INSERT INTO journal (idx, leaf, tag, case_id, family, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
    append_batch: str = "INSERT INTO batch (size, root, at) VALUES (?, ?, ?)"
    keep: str = "INSERT INTO cosignature (size, line) VALUES (?, ?) ON CONFLICT DO NOTHING"
    put: str = "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    put_tile: str = (
        "INSERT INTO tile (level, idx, hashes) VALUES (?, ?, ?)"
        " ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes"
    )
    put_listing: str = (
        f"INSERT INTO listing ({', '.join(LISTING)}, words) VALUES ({'?, ' * len(LISTING)}?)"  # noqa: S608  - names of ours
        f" ON CONFLICT (case_id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in (*LISTING[1:], 'words'))}"
    )

    mark: str = "?"

    def with_mark(self, mark: str) -> Statements:
        """Return the statements with the mark that a driver wants in place of each question mark."""
        return replace(self, **{field.name: getattr(self, field.name).replace("?", mark) for field in fields(self)})

    def search(self, conditions: Sequence[str]) -> str:
        """Return the statement that lists cases, newest first; its last value is how many."""
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        newest = " ORDER BY published_at DESC, case_id DESC LIMIT ?"
        # Conditions are texts of this package; what was asked for stands in the values.
        return f"SELECT {', '.join(LISTING)} FROM listing{where}{newest}".replace("?", self.mark)  # noqa: S608
