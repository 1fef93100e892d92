"""
Lists of cases (列表): front page, search, opening list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tradehall.desk.ports import CaseQuery, Listing
from tradehall.kernel.case import legal_date, read_instant
from tradehall.web.api.cases import cursor_of
from tradehall.web.api.context import Context
from tradehall.web.pages import states, words
from tradehall.web.pages.shelf import Board, Dossier, Shelf, today
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Amount, Label

NEAREST: Final = 6
LATEST: Final = 5
PAST_MAX: Final = 50
STAGES: Final[dict[str, Label]] = {
    "tender": Label("招标与投标", "Open for bids"),
    "open": Label("开标", "Opening"),
    "evaluate": Label("评标", "Evaluation"),
    "award": Label("公示与定标", "Publicity and award"),
    "failed": Label("招标失败", "Failed"),
    "cancelled": Label("已终止", "Cancelled"),
}
HELD: Final = frozenset({"opening", "opened", "reported", "publicity", "awarded", "contracted"})
UNFINISHED: Final = frozenset({"waiting", "running"})
DECIDED: Final = frozenset({"awarded", "contracted"})


@dataclass(frozen=True, slots=True)
class Line:
    """A case as the lists show it (列表行)."""

    row: v.CaseRow
    opening: v.OpeningRow | None


def line_of(dossier: Dossier, context: Context) -> Line:
    """Return the rows of a case for both kinds of list."""
    head, on, catalogue = dossier.case.head, dossier.announced_on, context.door.catalogue
    deadline, published = dossier.case.instant("deadline"), dossier.case.instant("announced_at")
    region = words.code(catalogue, "region", head.get("region"), on)
    row = v.CaseRow(
        case=str(dossier.case.id),
        code=dossier.case.text("project_code"),
        name=dossier.case.text("name"),
        tenderer=words.name_of(head.get("tenderer")),
        category=words.code(catalogue, "deal_category", dossier.payload("project").get("category"), on),
        region=region,
        regime=words.code(catalogue, "regime", head.get("regime"), on),
        state=states.state_of(dossier),
        lots=len(dossier.lots),
        ceiling=ceiling_of(dossier),
        published_at=published or dossier.entries[0].filed.at,
        bid_deadline=deadline,
    )
    return Line(row, None if deadline is None else _opening(dossier, row, deadline))


def _opening(dossier: Dossier, row: v.CaseRow, at: datetime) -> v.OpeningRow:
    return v.OpeningRow(
        case=row.case,
        code=row.code,
        name=row.name,
        tenderer=row.tenderer,
        region=row.region,
        place=str(words.member(dossier.payload("tender_notice"), "opening", "place") or ""),
        at=at,
        state=states.opening_state(dossier),
        lots=row.lots,
    )


def ceiling_of(dossier: Dossier) -> Amount | None:
    """Return the sum of the lots' ceilings (最高限价合计)."""
    found = [words.plain(x, dossier.case.text("currency")) for x in dossier.case.table("ceilings").values()]
    amounts = [x.value for x in found if x is not None]
    return Amount(sum(amounts, Decimal(0)), dossier.case.text("currency")) if amounts else None


@dataclass(frozen=True, slots=True)
class Lists:
    """Makes the lists of one node (列表)."""

    context: Context
    shelf: Shelf
    board: Board
    page: v.Page

    def home(self) -> v.HomePage:
        """Return the front page (首页)."""
        listings = self.board.listings()
        on = today(self.context)
        newest = sorted(listings, key=lambda x: x.published_at, reverse=True)[:LATEST]
        open_ = sorted((x for x in listings if x.stage == "tender" and self._left(x) > 0), key=_deadline)
        with self.context.door.store.read() as reading:
            latest = reading.latest()
        since = date(on.year, 1, 1)
        this_year = [_states(x) for x in listings if x.published_at >= since.isoformat()]
        return v.HomePage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            openings=tuple(x for x in self._openings(listings) if legal_date(x.at) == on),
            deadlines=self._rows(open_[:NEAREST]),
            latest=self._rows(newest),
            counts=v.Counts(
                since=since,
                tenders=len(this_year),
                openings=sum(1 for s in this_year if s & HELD),
                awards=sum(1 for s in this_year if s & DECIDED),
                log_leaves=latest.size if latest else 0,
            ),
        )

    def _left(self, listing: Listing) -> float:
        return (_deadline(listing) - self.page.now).total_seconds()

    def _lines(self, listings: Iterable[Listing]) -> list[Line]:
        """Return the lines of cases, without those that can't be shown any more."""
        return [line for line in self.board.rows(x.case for x in listings) if isinstance(line, Line)]

    def row(self, listing: Listing) -> v.CaseRow | None:
        """Return the row of a case, None where it can't be shown any more."""
        return next((line.row for line in self._lines([listing])), None)

    def _rows(self, listings: Iterable[Listing]) -> tuple[v.CaseRow, ...]:
        return tuple(line.row for line in self._lines(listings))

    def _openings(self, listings: list[Listing]) -> list[v.OpeningRow]:
        """Return openings by time: of the last days, today and to come."""
        first = sorted((x for x in listings if x.deadline), key=_deadline)
        held = [x for x in first if _deadline(x) < self.page.now][-PAST_MAX:]
        found = self._lines([*held, *(x for x in first if _deadline(x) >= self.page.now)])
        return [x.opening for x in found if x.opening is not None]

    def openings(self) -> v.OpeningsPage:
        """Return the opening list (开标安排)."""
        on = today(self.context)
        found = self._openings(self.board.listings())
        due = [x for x in found if legal_date(x.at) == on or (legal_date(x.at) < on and x.state in UNFINISHED)]
        return v.OpeningsPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            today=tuple(due),
            upcoming=tuple(x for x in found if legal_date(x.at) > on),
            past=tuple(x for x in reversed(found) if legal_date(x.at) < on and x not in due),
        )

    def search(self, query: CaseQuery) -> v.CaseListPage:
        """Return a page of the search (交易信息检索)."""
        with self.context.door.store.read() as reading:
            found = list(reading.search(query))
        rows = self._rows(found)
        following = cursor_of(found[-1]) if len(found) == query.limit else None
        this = paths.with_query(self.page.path, after=None)
        return v.CaseListPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            query=query.text,
            filters=self._filters(query),
            rows=rows,
            total=None if query.after or following else len(rows),
            next_href=paths.with_query(this, after=following) if following else None,
            first_href=this if query.after else None,
            exports=_exports(this),
        )

    def _filters(self, query: CaseQuery) -> tuple[v.Filter, ...]:
        on, catalogue = today(self.context), self.context.door.catalogue
        regions = sorted({x.region for x in self.board.listings()})
        regimes = catalogue.codelist("regime", on)
        labels = {code: words.code(catalogue, "region", code, on) for code in regions}
        known = {row.code: Label(row.zh, row.en) for row in (regimes.rows if regimes else ())}
        return (
            v.Filter("stage", _options(STAGES, query.stage)),
            v.Filter("region", _options(labels, query.region)),
            v.Filter("regime", _options(known, query.regime)),
        )


def _options(labels: Mapping[str, Label], chosen: str) -> tuple[v.Option, ...]:
    return tuple(v.Option(value, label, value == chosen) for value, label in labels.items())


def _exports(this: str) -> tuple[v.Link, ...]:
    _, _, query = this.partition("?")
    tail = f"?{query}" if query else ""
    return (
        v.Link(Label("JSON", "JSON"), f"/api/v1/cases{tail}"),
        v.Link(Label("CSV", "CSV"), f"{paths.NOTICES}.csv{tail}"),
        v.Link(Label("Atom", "Atom"), f"{paths.NOTICES}.atom{tail}"),
    )


def _deadline(listing: Listing) -> datetime:
    return read_instant(listing.deadline)


def _states(listing: Listing) -> set[str]:
    return {pair.partition(":")[2] for pair in listing.states.split()}
