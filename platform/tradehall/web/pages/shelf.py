"""
What everyone may read of a case (公开案卷), kept in memory between requests.

Before the opening only public rows are read: the number of secret ones must not even show in how long a page takes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from tradehall.desk.journal import Entry, Journal
from tradehall.desk.listing import listing_of
from tradehall.desk.ports import CaseQuery, Listing, Reading
from tradehall.kernel.case import legal_date
from tradehall.web.access import Subject
from tradehall.web.api.context import CASE_LENGTH, PANEL_FAMILIES, Context
from tradehall.web.problems import Problem

if TYPE_CHECKING:
    from tradehall.kernel.case import Case
    from tradehall.kernel.payload import Obj
    from tradehall_standards import Json

SHELF_MAX = 256
"""Cases whose records are kept in memory; the longest unused go first."""

BOARD_MAX = 20_000
"""Newest cases that home page and opening list are made from."""

LINES_MAX = 20_000
"""Lines of lists that are kept made; the oldest go first."""

LISTED_FAMILIES = frozenset({"project", "tender_notice"})
PAGE = 500
RESULT_SHOWN = frozenset({"publicity", "awarded", "contracted"})
DECIDED = frozenset({"awarded", "contracted"})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Dossier:
    """A case as everyone may see it (公开案卷): its state and its readable records in the order of the log."""

    case: Case
    entries: tuple[Entry, ...]

    def of(self, *families: str) -> list[Entry]:
        """Return the records of some families, oldest first."""
        return [e for e in self.entries if e.record.family in families]

    def last(self, family: str) -> Entry | None:
        """Return the latest record of a family."""
        return next((e for e in reversed(self.entries) if e.record.family == family), None)

    def payload(self, family: str) -> Obj:
        """Return the content of the latest record of a family; empty when there is none."""
        found = self.last(family)
        return found.record.payload if found else {}

    def of_lot(self, family: str, lot: str) -> Entry | None:
        """Return the latest record of a family about a lot."""
        return next((e for e in reversed(self.of(family)) if e.record.payload.get("lot") == lot), None)

    @property
    def lots(self) -> tuple[str, ...]:
        """Return the lots in order of their number."""
        return tuple(sorted(self.case.tracks, key=lambda lot: (len(lot), lot)))

    @property
    def announced_on(self) -> date:
        """Return the legal date of the notice; code lists are read as of it."""
        return date.fromisoformat(self.case.text("announced_on"))

    def head(self, table: str, key: str) -> Json:
        """Return a member of a table of the head."""
        return self.case.table(table).get(key)


class Shelf:
    """Public cases in memory (案卷架): rows are written once, so only what has been added is read again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._public: OrderedDict[str, tuple[Entry, ...]] = OrderedDict()
        self._opened: OrderedDict[str, tuple[Entry, ...]] = OrderedDict()

    def dossier(self, case: str) -> Dossier:
        """
        Return a case that has been announced.

        Raises:
            Problem: NOT-FOUND for anything else, be it unknown, secret, or not announced yet.
        """
        found = self.find(case)
        if found is None:
            raise Problem("NOT-FOUND")
        return found

    def find(self, case: str) -> Dossier | None:
        """Return a case that has been announced, else None."""
        with self._context.door.store.read() as reading:
            journal, state = self._announced(case, reading)
            if state is None:
                return None
            entries = self._rows(case, reading, journal)
        if "opening_started_at" in state.head:
            entries = tuple(sorted((*entries, *self._bids(case)), key=lambda e: e.filed.index))
        return Dossier(state, tuple(self._visible(state, entries)))

    def glance(self, case: str) -> Dossier | None:
        """Return of an announced case only what its line in a list needs: project and notice (目录摘要)."""
        with self._context.door.store.read() as reading:
            journal, state = self._announced(case, reading)
            if state is None:
                return None
            found = reading.of_case(case)
            latest = {stored.row.family: stored for stored in found if stored.row.family in LISTED_FAMILIES}
            needed = sorted({s.index: s for s in (*found[:1], *latest.values())}.items())
            return Dossier(state, tuple(journal.entry(stored) for _, stored in needed))

    def _announced(self, case: str, reading: Reading) -> tuple[Journal, Case | None]:
        door = self._context.door
        journal = Journal(reading, door.cloak, door.procedures)
        known = {p.prefix for p in door.procedures.values() if not p.secret}
        state = journal.case(case) if len(case) == CASE_LENGTH and case[0] in known else None
        return journal, state if state is not None and "announced_at" in state.head else None

    def _rows(self, case: str, reading: Reading, journal: Journal) -> tuple[Entry, ...]:
        known = _recall(self._public, case, self._lock) or ()
        added: list[Entry] = []
        after = known[-1].filed.index if known else -1
        while page := reading.of_case(case, after, PAGE):
            added.extend(journal.entry(stored) for stored in page)
            after = page[-1].index
        return _keep(self._public, case, (*known, *added), self._lock) if added else known

    def _bids(self, case: str) -> tuple[Entry, ...]:
        """Return the bid records that the opening has made public; they don't change any more."""
        known = _recall(self._opened, case, self._lock)
        if known is not None:
            return known
        view = self._context.desk.look(case)
        if view is None:
            return ()
        secret = self._context.door.procedure(case).secret_families
        shown = tuple(e for e in self._context.visible(view, Subject()) if e.record.family in secret)
        return _keep(self._opened, case, shown, self._lock)

    def _visible(self, state: Case, entries: tuple[Entry, ...]) -> list[Entry]:
        """Return what nobody in particular may read; of the committee's records those of lots on display."""
        secret = self._context.door.procedures[state.procedure].secret_families
        reports = lots_of_reports(entries)

        def is_shown(entry: Entry) -> bool:
            if entry.record.family in secret or entry.record.family not in PANEL_FAMILIES:
                return True
            return state.tracks.get(lot_of_report(entry, reports), "") in RESULT_SHOWN

        return [e for e in entries if is_shown(e)]


def lots_of_reports(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the lot of every evaluation report, by the report's digest."""
    reports = (e.record for e in entries if e.record.family == "evaluation_report")
    return {str(r.digest): str(r.payload.get("lot")) for r in reports}


def lot_of_report(entry: Entry, reports: Mapping[str, str]) -> str:
    """Return the lot that a report or its signature is about."""
    payload = entry.record.payload
    return str(payload.get("lot") or reports.get(str(payload.get("report")), ""))


def _recall(table: OrderedDict[str, _T], key: str, lock: threading.Lock) -> _T | None:
    with lock:
        if key in table:
            table.move_to_end(key)
        return table.get(key)


def _keep(table: OrderedDict[str, _T], key: str, value: _T, lock: threading.Lock) -> _T:
    with lock:
        table[key] = value
        table.move_to_end(key)
        while len(table) > SHELF_MAX:
            table.popitem(last=False)
    return value


@dataclass(slots=True)
class Board:
    """
    The public list in memory (公告板): what home page and opening list are sorted from.

    It follows the public records of all cases; a request costs one question whether there are new ones.
    """

    context: Context
    make: Callable[[str], object | None]
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _after: int | None = None
    _listings: dict[str, Listing] = field(default_factory=dict[str, Listing])
    _rows: dict[str, object | None] = field(default_factory=dict[str, "object | None"])

    def listings(self) -> list[Listing]:
        """Return the newest cases of the list, in no order."""
        with self._lock:
            self._refresh()
            return list(self._listings.values())

    def rows(self, cases: Iterable[str]) -> list[object | None]:
        """Return what ``make`` gives for each case, made again when the case has a new record."""
        with self._lock:
            self._refresh()
            return [self._row(case) for case in cases]

    def _row(self, case: str) -> object | None:
        if case not in self._rows:
            while len(self._rows) >= LINES_MAX:
                del self._rows[next(iter(self._rows))]
            self._rows[case] = self.make(case)
        return self._rows[case]

    def _refresh(self) -> None:
        with self.context.door.store.read() as reading:
            if self._after is None:
                latest = reading.latest()
                self._after = latest.size - 1 if latest else -1
                self._load(reading)
                return
            changed: dict[str, None] = {}
            while found := reading.changes(self._after, PAGE):
                changed.update(dict.fromkeys(s.row.case for s in found if s.row.case))
                self._after = found[-1].index
            for case in changed:
                self._rows.pop(case, None)
                self._update(case, reading)

    def _load(self, reading: Reading) -> None:
        after: tuple[str, str] | None = None
        while len(self._listings) < BOARD_MAX:
            page = reading.search(CaseQuery(after=after, limit=PAGE))
            self._listings |= {listing.case: listing for listing in page}
            if len(page) < PAGE:
                return
            after = page[-1].published_at, page[-1].case

    def _update(self, case: str, reading: Reading) -> None:
        door = self.context.door
        found = Journal(reading, door.cloak, door.procedures).case(case)
        listing = listing_of(found, door.procedures[found.procedure]) if found else None
        if listing is not None:
            self._listings[case] = listing


def today(context: Context) -> date:
    """Return the legal date at the node."""
    return legal_date(context.door.store.now())
