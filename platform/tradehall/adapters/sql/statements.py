"""
Statements of the store (语句): SQL that SQLite and PostgreSQL both speak, written once and sent as it stands.

Building and compiling a statement for each call would cost more than running it. Values come as tuples, in the order
of the question marks. ``tests/adapters/test_migrations.py`` holds them to the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

_ROW = "SELECT idx, leaf, tag, case_id, family, at, body FROM journal"
_BATCH = "SELECT size, root, at FROM batch"


@dataclass(frozen=True, slots=True)
class Statements:
    """Every statement that is the same each time (固定语句)."""

    get: str = "SELECT value FROM state WHERE key = ?"
    find: str = f"{_ROW} WHERE tag = ?"
    at_index: str = f"{_ROW} WHERE idx = ?"
    of_case: str = f"{_ROW} WHERE case_id = ? AND idx > ? ORDER BY idx LIMIT ?"
    holding: str = f"{_ROW} WHERE idx > ? AND instr(body, ?) > 0 ORDER BY idx"
    changes: str = f"{_ROW} WHERE case_id IS NOT NULL AND idx > ? ORDER BY idx LIMIT ?"
    covering: str = f"{_BATCH} WHERE size > ? ORDER BY size LIMIT 1"
    latest: str = f"{_BATCH} ORDER BY size DESC LIMIT 1"
    tile: str = "SELECT hashes FROM tile WHERE level = ? AND idx = ?"
    leaves: str = "SELECT leaf FROM journal WHERE idx >= ? AND idx < ? ORDER BY idx"
    cosignatures: str = "SELECT line FROM cosignature WHERE size = ? ORDER BY line"
    next_due: str = "SELECT min(ripe_at) FROM due"

    append: str = "INSERT INTO journal (idx, leaf, tag, case_id, family, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
    append_batch: str = "INSERT INTO batch (size, root, at) VALUES (?, ?, ?)"
    keep: str = "INSERT INTO cosignature (size, line) VALUES (?, ?) ON CONFLICT DO NOTHING"
    put: str = "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    put_tile: str = (
        "INSERT INTO tile (level, idx, hashes) VALUES (?, ?, ?)"
        " ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes"
    )
    put_due: str = (
        "INSERT INTO due (kind, case_id, at, ripe_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, case_id) DO UPDATE SET at = excluded.at, ripe_at = excluded.ripe_at"
    )
    ripe_due: str = "SELECT kind, case_id, at FROM due WHERE ripe_at < ? ORDER BY ripe_at, kind, case_id LIMIT ?"
    settle_due: str = "UPDATE due SET ripe_at = ? WHERE kind = ? AND case_id = ? AND at = ?"

    mark: str = "?"

    def with_mark(self, mark: str) -> Statements:
        """Return the statements with the mark that a driver wants in place of each question mark."""
        found = replace(self, **{field.name: getattr(self, field.name).replace("?", mark) for field in fields(self)})
        # The one function that has another name on PostgreSQL, whose driver is the one with another mark.
        there = found.holding.replace(f"instr(body, {mark})", f"position({mark} in body)")
        return found if mark == "?" else replace(found, holding=there)
