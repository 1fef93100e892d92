"""
Statements (预编译语句): written once with SQLAlchemy Core, compiled once for the database, run as plain text.

Building and compiling a statement for each call costs more than running it. Values are given as tuples in the order
of each comment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Table, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tradehall.adapters.sql import tables as t

_ROWS = select(t.journal).order_by(t.journal.c.idx)


@dataclass(frozen=True, slots=True)
class Statements:
    """Every statement of the store as text of one database (预编译语句)."""

    get: str  # key
    find: str  # tag
    at_index: str  # idx
    of_case: str  # case, after, limit
    changes: str  # after, limit
    covering: str  # idx
    latest: str
    tile: str  # level, idx
    leaves: str  # start, stop
    cosignatures: str  # size
    put: str  # key, value
    put_tile: str  # level, idx, hashes
    put_listing: str  # the columns of ``listing`` in their order
    append: str  # the columns of ``journal`` in their order
    append_batch: str  # size, root, at
    keep: str  # size, line

    @classmethod
    def compile(cls, dialect: Dialect) -> Statements:
        """Compile all statements for a database."""
        c = t.journal.c
        upsert = _upserting(dialect)

        def text(statement: Any) -> str:
            return str(statement.compile(dialect=dialect))

        return cls(
            get=text(select(t.state.c.value).where(t.state.c.key == bindparam("key"))),
            find=text(select(t.journal).where(c.tag == bindparam("tag"))),
            at_index=text(select(t.journal).where(c.idx == bindparam("at"))),
            of_case=text(
                _ROWS.where(c.case_id == bindparam("case"), c.idx > bindparam("after")).limit(bindparam("limit"))
            ),
            changes=text(_ROWS.where(c.case_id.is_not(None), c.idx > bindparam("after")).limit(bindparam("limit"))),
            covering=text(select(t.batch).where(t.batch.c.size > bindparam("at")).order_by(t.batch.c.size).limit(1)),
            latest=text(select(t.batch).order_by(t.batch.c.size.desc()).limit(1)),
            tile=text(select(t.tile.c.hashes).where(t.tile.c.level == bindparam("l"), t.tile.c.idx == bindparam("i"))),
            leaves=text(
                select(c.leaf).where(c.idx >= bindparam("start"), c.idx < bindparam("stop")).order_by(c.idx)
            ),
            cosignatures=text(
                select(t.cosignature.c.line)
                .where(t.cosignature.c.size == bindparam("at"))
                .order_by(t.cosignature.c.line)
            ),
            put=text(upsert(t.state)),
            put_tile=text(upsert(t.tile)),
            put_listing=text(upsert(t.listing)),
            append=text(insert(t.journal)),
            append_batch=text(insert(t.batch)),
            keep=text(upsert(t.cosignature)),
        )


def _upserting(dialect: Dialect) -> Any:
    make = sqlite.insert if dialect.name == "sqlite" else postgresql.insert

    def upsert(table: Table) -> Any:
        """Insert a row, or replace the one with its primary key."""
        keys = [column.name for column in table.primary_key]
        statement = make(table)
        changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
        if not changed:
            return statement.on_conflict_do_nothing()
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)

    return upsert
