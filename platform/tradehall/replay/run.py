"""
A replay from table to summary (重放): plays what the journal lacks, then writes awards and, last, compares.

The node of a replay is made for it, under the folder of results. Its clock is a sandbox that stands in 2026, where
calendars and standards are in force; titles and scopes carry the original dates.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tradehall.adapters.clock import SandboxClock
from tradehall.main import Node, Settings, build_node
from tradehall.replay.cast import Cast
from tradehall.replay.comparing import AGREED, DIFFERING, DRAWN, Verdict, compare
from tradehall.replay.journal import Entry, Journal, write_durably
from tradehall.replay.pen import Pen
from tradehall.replay.profile import Meaning, Profile, load_profile
from tradehall.replay.table import Row, Table, Tender, read_table
from tradehall.replay.tenders import PERIOD, Award, Stage

GROUP: Final = 8
"""Tenders played side by side; an interrupt loses at most so many."""

SPACING: Final = timedelta(minutes=1)
"""From the deadline of one group to the notices of the next."""

ABSENT_EVERY: Final = 5
"""Every fifth bid of the table is opened by custodians, as if its bidder had stayed away."""

BEGIN: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
AWARDS: Final = ("tender_id", "bidder_id", "bid", "how")

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Replay:
    """
    What is to be replayed (重放任务).

    Attributes:
        data: the bytes of the table.
        tenders: what is played of it.
    """

    name: str
    data: bytes
    table: Table
    tenders: tuple[Tender, ...]
    profile: Profile


def read_replay(path: Path, *, limit: int | None) -> Replay:
    """
    Read the table of a replay (读取重放任务), its flaws included.

    Raises:
        OSError: the file can't be read.
    """
    data, profile = path.read_bytes(), load_profile()
    table = read_table(data, lambda remark: profile.meaning(remark) is not Meaning.UNKNOWN)
    return Replay(path.name, data, table, table.tenders[:limit], profile)


def run_replay(replay: Replay, folder: Path, finished: Callable[[Entry], None]) -> dict[str, Any]:
    """
    Play, write the awards, compare, write the summary (执行重放). Interrupted, it goes on when it is run again.

    Args:
        finished: told of every tender that is done, those of earlier runs first.

    Returns:
        The summary, as it stands in ``summary.json``.

    Raises:
        FolderTaken: ``folder`` holds another replay, or is in use.
        ReplayStopped: the platform refused what it must accept.
    """
    journal = Journal.open(folder, {"table": replay.table.digest, "profile": replay.profile.id})
    try:
        for tender in replay.tenders:
            if tender.id in journal.entries:
                finished(journal.entries[tender.id])
        _play(replay, journal, finished)
        _write_awards(replay, journal)
        summary = _summary(replay, journal.entries)
        text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
        write_durably(folder / "summary.json", text.encode())
        return summary
    finally:
        journal.close()


def _play(replay: Replay, journal: Journal, finished: Callable[[Entry], None]) -> None:
    waiting = [tender for tender in replay.tenders if tender.id not in journal.entries]
    if not waiting:
        return
    mark = time.monotonic()
    with _stage(replay, journal.folder) as (stage, first):
        for place, start in enumerate(range(0, len(waiting), GROUP)):
            group = waiting[start : start + GROUP]
            awards = stage.play(group, start=first + place * (PERIOD + SPACING))
            spent = (time.monotonic() - mark) * _MILLISECONDS / len(group)
            mark = time.monotonic()
            for award in awards:
                entry = _entry(award, round(spent))
                journal.add(entry, award.evidence)
                finished(entry)


@contextmanager
def _stage(replay: Replay, folder: Path) -> Generator[tuple[Stage, datetime]]:
    """Set up the node and its cast; yields them and the instant from which they may play."""
    settings = Settings(
        data=folder / "node",
        city="replay",
        public_url="https://replay.invalid",
        sandbox_start=BEGIN.isoformat(),
        sandbox_rate=0,
    )
    node = build_node(settings)
    try:
        with node.store.read() as reading:
            latest = reading.latest()
        first = BEGIN if latest is None else latest.at + SPACING
        _advance(node, first)
        absent = _absent(replay.table)
        cast = Cast(node, replay.profile)
        yield Stage(node, replay.profile, cast, Pen(node, first.date()), lambda to: _advance(node, to), absent), first
    finally:
        node.close()


def _advance(node: Node, to: datetime) -> None:
    if not isinstance(node.clock, SandboxClock):
        raise TypeError("a replay needs a sandbox clock")
    node.clock.advance(to, to)


def _absent(table: Table) -> Callable[[Row], bool]:
    lines = sorted(row.line for tender in table.tenders for row, _ in tender.bids)
    chosen = frozenset(lines[ABSENT_EVERY - 1 :: ABSENT_EVERY])

    def absent(row: Row) -> bool:
        return row.line in chosen

    return absent


def _entry(award: Award, milliseconds: int) -> Entry:
    return Entry(
        tender=award.tender,
        case=award.case,
        line=award.line,
        bidder=award.bidder,
        bid=award.price,
        how=award.how,
        bids=award.bids,
        records=award.records,
        rejected=award.rejected,
        tied=award.tied,
        milliseconds=milliseconds,
    )


def _write_awards(replay: Replay, journal: Journal) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(AWARDS)
    for tender in replay.tenders:
        e = journal.entries[tender.id]
        writer.writerow((e.tender, e.bidder, e.bid or "", e.how))
    write_durably(journal.folder / "awards.csv", text.getvalue().encode())


def _summary(replay: Replay, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Compare, now that every award stands, and sum up (汇总)."""
    played = [entries[tender.id] for tender in replay.tenders]
    verdicts = compare(replay.data, replay.tenders, entries)
    kinds = Counter(verdict.kind for verdict in verdicts)
    records, milliseconds = sum(e.records for e in played), sum(e.milliseconds for e in played)
    return {
        "table": replay.name,
        "table_sha256": replay.table.digest,
        "profile": replay.profile.id,
        "tenders": len(played),
        "rows": sum(len(tender.rows) for tender in replay.tenders),
        "bids": sum(e.bids for e in played),
        "agreed": kinds[AGREED],
        "drawn": kinds[DRAWN],
        "differing": _listed(verdicts, DIFFERING),
        "draws": _listed(verdicts, DRAWN),
        "without_award": sum(1 for e in played if e.how == "none"),
        "rejected_bids": sum(len(e.rejected) for e in played),
        "records": records,
        "seconds": _number(Decimal(milliseconds) / _MILLISECONDS),
        "records_per_second": _number(Decimal(records * _MILLISECONDS) / max(milliseconds, 1)),
        "skipped_rows": [flaw.line for flaw in replay.table.flaws],
        "notes": [str(note) for note in replay.table.notes],
    }


def _listed(verdicts: Sequence[Verdict], kind: str) -> list[dict[str, Any]]:
    return [verdict.to_json() for verdict in verdicts if verdict.kind == kind]


def _number(value: Decimal) -> float:
    """Return a measured time or rate as a JSON number with one place; no law counts with it."""
    return float(round(value, 1))
