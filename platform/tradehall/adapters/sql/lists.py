"""
The public list in the database (公开目录存取): written line by line, searched newest first, never counted.

SQLite keeps a contentless FTS5 index of grams. Its rows are numbered in the order of the list, newest highest, so the
newest twenty are the first twenty that the index gives and nothing is sorted. The number is the listing's ``place``: a
new case gets the next but fifteen; one that belongs between two others gets a free number there, and its neighbours
move aside when there is none.

PostgreSQL looks with LIKE; the trigram index, where the extension is there, serves rare words and the list's own order
the common ones.

Whatever an index says, every line is compared with the words literally before it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final, Protocol

from tradehall.adapters.sql import grams
from tradehall.desk.listing import folded, searched
from tradehall.desk.ports import CaseQuery, Listing

COLUMNS: Final = (
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

STEP: Final = 16
"""Numbers between two neighbours of the list, so that a late one fits between them."""

_LISTED: Final = ", ".join(f"listing.{column}" for column in COLUMNS)
_CHANGED: Final = ", ".join(f"{c} = excluded.{c}" for c in (*COLUMNS[1:], "words"))
PUT: Final = (
    f"INSERT INTO listing ({', '.join(COLUMNS)}, words) VALUES ({'?, ' * len(COLUMNS)}?)"  # noqa: S608  - names of ours
    f" ON CONFLICT (case_id) DO UPDATE SET {_CHANGED}"
)
_NEWEST: Final = "ORDER BY listing.published_at DESC, listing.case_id DESC LIMIT ?"
_INDEXED: Final = "words, stage, regime, region, sector"


class Lists(Protocol):
    """The public list on one kind of database."""

    def search(self, cursor: Any, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        ...

    def put(self, cursor: Any, listings: Sequence[Listing]) -> None:
        """Write lines, replacing those of the same case."""
        ...


def lists_of(dialect: str) -> Lists:
    """Return the list as a kind of database keeps it."""
    return SqliteLists() if dialect == "sqlite" else PostgresLists()


class PostgresLists:
    """The list on PostgreSQL (目录存取): LIKE, and a trigram index where there is one."""

    def search(self, cursor: Any, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        wanted, values = conditions(query)
        if any("\x00" in str(value) for value in values):
            return []  # no text here holds one, and PostgreSQL refuses the question
        where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
        # Conditions are texts of this module; what was asked for stands in the values.
        statement = f"SELECT {_LISTED} FROM listing{where} {_NEWEST}"  # noqa: S608
        cursor.execute(statement.replace("?", "%s"), [*values, query.limit])
        return [Listing(*row) for row in cursor.fetchall()]

    def put(self, cursor: Any, listings: Sequence[Listing]) -> None:
        """Write lines of the list."""
        if listings:
            cursor.executemany(PUT.replace("?", "%s"), [(*astuple(x), searched(x)) for x in listings])


class SqliteLists:
    """The list on SQLite (目录存取): a full-text index of grams in the order of the list."""

    def search(self, cursor: Any, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        needed = grams.match(query)
        wanted, values = conditions(query)
        if not needed:
            where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
            rows = cursor.execute(f"SELECT {_LISTED} FROM listing{where} {_NEWEST}", [*values, query.limit])  # noqa: S608
            return [Listing(*row) for row in rows.fetchall()]
        start = self._below(cursor, query.after)
        if start is None:
            return []
        statement = (
            f"SELECT {_LISTED} FROM listing_gram CROSS JOIN listing ON listing.place = listing_gram.rowid"  # noqa: S608
            f" WHERE listing_gram MATCH ? AND listing_gram.rowid <= ? AND {' AND '.join(wanted)}"
            " ORDER BY listing_gram.rowid DESC LIMIT ?"
        )
        rows = cursor.execute(statement, [needed, start, *values, query.limit])
        return [Listing(*row) for row in rows.fetchall()]

    def _below(self, cursor: Any, after: tuple[str, str] | None) -> int | None:
        """Return the place of the first line behind a cursor, None when there is none."""
        where = "" if after is None else " WHERE (published_at, case_id) < (?, ?)"
        statement = f"SELECT place FROM listing{where} {_NEWEST}".replace("LIMIT ?", "LIMIT 1")  # noqa: S608
        row = cursor.execute(statement, after or ()).fetchone()
        return None if row is None else int(row[0])

    def put(self, cursor: Any, listings: Sequence[Listing]) -> None:
        """Write lines of the list and their entries in the index."""
        for listing in listings:
            self._put(cursor, listing)

    def _put(self, cursor: Any, listing: Listing) -> None:
        words = searched(listing)
        row, entries = (*astuple(listing), words), _entries((words, *_filters(listing)))
        known = cursor.execute(_KNOWN, (listing.case,)).fetchone()
        if known is not None and known[1] == listing.published_at:
            cursor.execute(PUT, row)
            if (before := _entries(known[2:])) != entries:
                _forget(cursor, known[0], before)
                cursor.execute(_ENTER, (known[0], entries))
            return
        if known is not None:
            _forget(cursor, known[0], _entries(known[2:]))
            cursor.execute("DELETE FROM listing WHERE case_id = ?", (listing.case,))
        place = _free_place(cursor, listing)
        cursor.execute(_PUT_AT, (*row, place))
        cursor.execute(_ENTER, (place, entries))


_KNOWN: Final = f"SELECT place, published_at, {_INDEXED} FROM listing WHERE case_id = ?"  # noqa: S608
_PUT_AT: Final = f"INSERT INTO listing ({', '.join(COLUMNS)}, words, place) VALUES ({'?, ' * len(COLUMNS)}?, ?)"  # noqa: S608
_ENTER: Final = "INSERT INTO listing_gram (rowid, entries) VALUES (?, ?)"


def _filters(listing: Listing) -> tuple[str, str, str, str]:
    return listing.stage, listing.regime, listing.region, listing.sector


def _entries(row: Sequence[str]) -> str:
    words, stage, regime, region, sector = row
    return grams.entries(words, stage=stage, regime=regime, region=region, sector=sector)


def _forget(cursor: Any, place: int, entries: str) -> None:
    # A contentless index keeps no texts: it is told what to take away.
    cursor.execute("INSERT INTO listing_gram (listing_gram, rowid, entries) VALUES ('delete', ?, ?)", (place, entries))


# --- places -----------------------------------------------------------------------------------------------------


_NEXT: Final = "SELECT place FROM listing WHERE (published_at, case_id) > (?, ?) ORDER BY published_at, case_id LIMIT 1"
_PREVIOUS: Final = (
    "SELECT place FROM listing WHERE (published_at, case_id) < (?, ?) ORDER BY published_at DESC, case_id DESC LIMIT 1"
)


def _free_place(cursor: Any, listing: Listing) -> int:
    """Return a number between those of the two neighbours of a new line."""
    key = listing.published_at, listing.case
    while True:
        higher = cursor.execute(_NEXT, key).fetchone()
        lower = cursor.execute(_PREVIOUS, key).fetchone()
        if higher is None:
            return STEP if lower is None else int(lower[0]) + STEP
        if lower is None:
            return int(higher[0]) - STEP
        if higher[0] - lower[0] > 1:
            return int(lower[0] + higher[0]) // 2
        _make_room(cursor, int(lower[0]))


def _make_room(cursor: Any, place: int) -> None:
    """Spread the lines around a place evenly over the smallest stretch that is at most half full."""
    span = 2 * STEP
    while True:
        start = place - place % span
        rows = cursor.execute(
            f"SELECT case_id, place, {_INDEXED} FROM listing WHERE place >= ? AND place < ? ORDER BY place",  # noqa: S608
            (start, start + span),
        ).fetchall()
        if 2 * len(rows) <= span:
            break
        span *= 2
    for _, old, *facts in rows:
        _forget(cursor, old, _entries(facts))
    cursor.executemany("UPDATE listing SET place = NULL WHERE case_id = ?", [(row[0],) for row in rows])
    for number, (case, _, *facts) in enumerate(rows):
        new = start + number * span // len(rows)
        cursor.execute("UPDATE listing SET place = ? WHERE case_id = ?", (new, case))
        cursor.execute(_ENTER, (new, _entries(facts)))


# --- all at once ------------------------------------------------------------------------------------------------


def refill(cursor: Any, dialect: str) -> None:
    """
    Make words, places and index of all lines anew (重建检索).

    A migration MUST call it when ``grams`` or ``folded`` change: the index takes an entry away only by its exact text.
    It is also the quick way in for very many lines: insert them with empty words, then call this.
    """
    sqlite = dialect == "sqlite"
    if sqlite:
        cursor.execute("INSERT INTO listing_gram (listing_gram) VALUES ('delete-all')")
        cursor.execute("UPDATE listing SET place = NULL WHERE place IS NOT NULL")
    ask, write = (text if sqlite else text.replace("?", "%s") for text in (_OLDEST, _REWRITE))
    key, place = ("", ""), 0
    while True:
        cursor.execute(ask, key)
        rows = cursor.fetchall()
        if not rows:
            break
        made: list[tuple[object, ...]] = []
        entered: list[tuple[int, str]] = []
        for published, case, title, code, tenderer, *filters in rows:
            place += STEP
            words = folded(f"{title} {code} {tenderer}")
            made.append((words, place if sqlite else None, case))
            entered.append((place, _entries((words, *filters))))
            key = published, case
        cursor.executemany(write, made)
        if sqlite:
            cursor.executemany(_ENTER, entered)
    if sqlite:
        cursor.execute("INSERT INTO listing_gram (listing_gram) VALUES ('optimize')")


_OLDEST: Final = (
    "SELECT published_at, case_id, title, code, tenderer, stage, regime, region, sector FROM listing"
    " WHERE (published_at, case_id) > (?, ?) ORDER BY published_at, case_id LIMIT 10000"
)
_REWRITE: Final = "UPDATE listing SET words = ?, place = ? WHERE case_id = ?"


# --- what a line must hold ----------------------------------------------------------------------------------------


def conditions(query: CaseQuery) -> tuple[list[str], list[object]]:
    """Return the conditions of a search word for word, and their values: what decides, whatever finds the lines."""
    found: list[tuple[str, Sequence[object]]] = [
        ("listing.words LIKE ? ESCAPE '/'", [f"%{_escaped(word)}%"]) for word in folded(query.text).split()
    ]
    found += [
        (f"listing.{name} = ?", [value]) for name in ("stage", "regime", "sector") if (value := getattr(query, name))
    ]
    if query.region:
        found.append(("listing.region LIKE ? ESCAPE '/'", [f"{_escaped(query.region)}%"]))
    if query.after is not None:
        found.append(("(listing.published_at, listing.case_id) < (?, ?)", query.after))
    return [condition for condition, _ in found], [value for _, values in found for value in values]


def _escaped(text: str) -> str:
    """Return a text as LIKE takes it literally."""
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")
