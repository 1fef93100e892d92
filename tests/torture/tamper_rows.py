"""
Rows of a real node's database deleted, inserted, swapped, edited and rolled back 逐行篡改, by whoever has the file.

After each change the node exports the case as if nothing had happened. What comes out must be refused by the verifier,
or not come out at all, or say exactly what it said before; nothing that the verifier passes may say anything else.
"""

# ruff: noqa: S608 - names of tables and columns are those of this file

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from torture.harness import Run
from torture.tamper_world import World, records_of
from tradehall.adapters.sql.tables import metadata
from tradehall.desk.witnessing import LogDisputed

TABLES = ("journal", "batch", "cosignature", "tile", "state", "certificate", "party", "listing")
"""Tables of facts and their caches; accounts, tokens and mail say nothing about a case."""

COLUMNS = {table: tuple(column.name for column in metadata.tables[table].columns) for table in TABLES}

Act = Callable[[sqlite3.Cursor], None]


@dataclass(frozen=True)
class Change:
    """One change to the database, and what it is called in a report."""

    table: str
    kind: str
    row: int
    act: Act

    @property
    def name(self) -> str:
        return f"{self.kind} {self.table} row {self.row}"


@dataclass(frozen=True)
class Outcome:
    """What became of an export: ``found`` by the verifier, ``withheld`` by the node, ``same`` as before, or ``unseen``."""

    verdict: str
    detail: str


def rows(run: Run, world: World) -> None:
    """Change rows; the short form takes a sample of each kind, the long form all."""
    before = records_of(world.export())
    with opened(world) as (database, kept):
        changes = list(every_change(kept, random.Random(run.seed)))
        chosen = changes if run.long else sample(changes, random.Random(run.seed), each=3)
        for change in chosen:
            outcome = attempt(world, database, kept, change, before)
            run.count(f"database: {change.kind} in {change.table}, {outcome.verdict}")
            run.holds(outcome.verdict != "unseen", f"{change.name}: the evidence passes and says something else")
            if run.long and run.left() < 0:
                break
        rollbacks(run, world, database, kept)
    run.holds(records_of(world.export()) == before, "the untouched database no longer gives the same evidence")


@contextmanager
def opened(world: World) -> Iterator[tuple[sqlite3.Cursor, dict[str, list[tuple[Any, ...]]]]]:
    """Open the database behind the node's back, without the triggers that would refuse."""
    with closing(sqlite3.connect(world.database, isolation_level=None, timeout=30)) as connection:
        cursor = connection.cursor()
        for (trigger,) in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            cursor.execute(f"DROP TRIGGER {trigger}")
        yield (
            cursor,
            {table: cursor.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}").fetchall() for table in TABLES},
        )


def attempt(
    world: World,
    database: sqlite3.Cursor,
    kept: dict[str, list[tuple[Any, ...]]],
    change: Change,
    before: dict[str, bytes],
) -> Outcome:
    """Make a change, look at the evidence, and put everything back."""
    database.execute("BEGIN")
    try:
        change.act(database)
    except sqlite3.Error as error:
        database.execute("ROLLBACK")
        return Outcome("withheld", f"the database refuses: {error}")
    database.execute("COMMIT")
    try:
        return judged(world, before)
    finally:
        restore(database, kept)


def judged(world: World, before: dict[str, bytes]) -> Outcome:
    """Export and verify."""
    try:
        data = world.export()
    except Exception as error:
        return Outcome("withheld", f"{type(error).__name__}: {error}")
    report = world.verify(data)
    if not report.ok:
        first = report.findings[0]
        return Outcome("found", f"{first.case} #{first.number} {first.family} {first.rule}")
    return Outcome("same" if records_of(data) == before else "unseen", "")


def restore(database: sqlite3.Cursor, kept: dict[str, list[tuple[Any, ...]]]) -> None:
    """Put all rows back."""
    database.execute("BEGIN")
    for table, found in kept.items():
        database.execute(f"DELETE FROM {table}")
        if found:
            marks = ", ".join("?" * len(found[0]))
            database.executemany(f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({marks})", found)
    database.execute("COMMIT")


def sample(changes: list[Change], rng: random.Random, *, each: int) -> list[Change]:
    """Return so many changes of each kind and table."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.table, change.kind), []).append(change)
    return [change for group in groups.values() for change in rng.sample(group, min(each, len(group)))]


def every_change(kept: dict[str, list[tuple[Any, ...]]], rng: random.Random) -> Iterator[Change]:
    """Yield each row deleted, swapped with the next, copied to a new place, and each of its columns edited."""
    for table, found in kept.items():
        for place, row in enumerate(found):
            yield Change(table, "delete", place, deleting(table, row))
            if place + 1 < len(found):
                yield Change(table, "swap", place, swapping(table, row, found[place + 1]))
            for column in range(len(row)):
                if row[column] is not None:
                    yield Change(table, f"edit {COLUMNS[table][column]}", place, editing(table, row, column, rng))
    journal = kept["journal"]
    for place in range(len(journal)):
        yield Change("journal", "insert before", place, inserting(journal, place))


def where(table: str, row: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Return the condition that finds a row, and its values."""
    names = [name for name, value in zip(COLUMNS[table], row, strict=True) if value is not None]
    return " AND ".join(f"{name} = ?" for name in names), [value for value in row if value is not None]


def deleting(table: str, row: tuple[Any, ...]) -> Act:
    condition, values = where(table, row)
    return lambda cursor: cursor.execute(f"DELETE FROM {table} WHERE {condition}", values) and None


def replacing(table: str, old: list[tuple[Any, ...]], new: list[tuple[Any, ...]]) -> Act:
    def act(cursor: sqlite3.Cursor) -> None:
        for row in old:
            deleting(table, row)(cursor)
        marks = ", ".join("?" * len(COLUMNS[table]))
        for row in new:
            cursor.execute(f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({marks})", row)

    return act


def swapping(table: str, one: tuple[Any, ...], other: tuple[Any, ...]) -> Act:
    """Exchange the contents of two rows: each stays where its key says, with the other's values."""
    width = 2 if table in ("cosignature", "tile") else 1
    return replacing(table, [one, other], [one[:width] + other[width:], other[:width] + one[width:]])


def editing(table: str, row: tuple[Any, ...], column: int, rng: random.Random) -> Act:
    """Change one bit of a value, or the value by one."""
    value = row[column]
    if isinstance(value, int):
        changed: Any = value + rng.choice((-1, 1, 1000, -3_600_000))
    elif isinstance(value, bytes):
        data = bytearray(value)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8) if data else 0
        changed = bytes(data)
    else:
        at = rng.randrange(len(value)) if value else 0
        changed = value[:at] + chr(ord(value[at : at + 1] or "x") ^ 1) + value[at + 1 :]
    return replacing(table, [row], [(*row[:column], changed, *row[column + 1 :])])


def inserting(journal: list[tuple[Any, ...]], place: int) -> Act:
    """Insert a copy of a row before it; all later rows move on by one."""
    moved = journal[place:]
    copy = (*journal[place][:2], bytes(32), *journal[place][3:])
    return replacing("journal", moved, [copy, *((row[0] + 1, *row[1:]) for row in moved)])


def rollbacks(run: Run, world: World, database: sqlite3.Cursor, kept: dict[str, list[tuple[Any, ...]]]) -> None:
    """Restore older states: what was then is true, but the witness has seen more."""
    sizes = [row[0] for row in kept["batch"]][:-1]
    for size in sizes if run.long else random.Random(run.seed).sample(sizes, 4):
        database.execute("BEGIN")
        for table, column, bound in (
            ("journal", "idx", size - 1),
            ("batch", "size", size),
            ("cosignature", "size", size),
        ):
            database.execute(f"DELETE FROM {table} WHERE {column} > ?", (bound,))
        database.execute("COMMIT")
        try:
            run.count("database: rolled back")
            run.holds(disputed(world), f"rolled back to {size} leaves: the witness does not say so")
            run.holds(seen_offline(world), f"rolled back to {size} leaves: the witness's checkpoint does not show it")
        finally:
            restore(database, kept)


def disputed(world: World) -> bool:
    """Tell whether the witness says that the log is not what it has cosigned."""
    world.node.witnessing.seen.clear()
    try:
        world.node.witnessing.vouch()
    except LogDisputed:
        return True
    return False


def seen_offline(world: World) -> bool:
    """Tell whether the evidence, if there is any, differs from the checkpoint that the witness keeps."""
    try:
        report = world.verify(world.export())
    except Exception:  # the head of the case is of later than its records: nothing comes out
        return True
    return not report.ok or report.facts["checkpoint"]["size"] < world.seen.size
